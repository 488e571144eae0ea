/** Where the packets of a capture come from, by its settings: the kernel's ring, or libpcap. */
import { SHUNT_DEFAULTS } from '../capture/flow-shunt.ts';
import type { LiveSourcePlan } from '../sensor/live-source-plan.ts';
import type { CaptureSettings } from './capture-settings.ts';
import { toCountOf } from './quantity-text.ts';

const MIB = 1024 * 1024;
/** The kernel hands over a block that is not full after so long. */
const RETIRE_MS = 50;
/** Most that the package cap asks the kernel for. */
const MOST_KERNEL_BUFFER_BYTES = 1024 * MIB;

export function toSourcePlan(settings: CaptureSettings): LiveSourcePlan {
  if (settings.hasLibpcap) {
    const half = (settings.ringMib / 2) * MIB;
    return {
      kind: 'libpcap',
      interface: settings.interface,
      filter: settings.bpf,
      kernelBufferBytes: Math.min(half, MOST_KERNEL_BUFFER_BYTES),
      queueBytes: half,
    };
  }
  return {
    kind: 'ring',
    interface: settings.interface,
    blockBytes: MIB,
    blocks: settings.ringMib,
    retireMs: RETIRE_MS,
    promiscuous: settings.isPromiscuous,
    shunt: settings.hasShunt
      ? {
          ...SHUNT_DEFAULTS,
          budgetBytes: settings.flowBudgetBytes ?? SHUNT_DEFAULTS.budgetBytes,
          xdp: settings.hasXdp,
        }
      : null,
    filter: settings.bpf,
  };
}

/** Its memory, in words. */
export function toSourceText({ hasLibpcap, workers, ringMib }: CaptureSettings): string {
  return hasLibpcap
    ? `through libpcap with ${ringMib} MiB`
    : `${toCountOf(workers, 'worker')} with ${ringMib} MiB each`;
}
