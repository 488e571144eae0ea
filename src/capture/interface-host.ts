/** What this machine and this process bring along for a live capture, as plain facts: kernel, privileges, limits, eBPF. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { CaptureError } from './capture-error.ts';
import { openShunt, SHUNT_DEFAULTS } from './flow-shunt.ts';
import { loadAddon } from './native-addon.ts';

/** Bits of a process's capabilities, <linux/capability.h>. */
export const Capability = { NetAdmin: 12, NetRaw: 13, SysAdmin: 21, SysResource: 24, Bpf: 39 } as const;
export type Capability = (typeof Capability)[keyof typeof Capability];

export interface HostFacts {
  readonly platform: string;
  /** As `uname -r` says it. */
  readonly kernel: string;
  /** Why the addon can't be had, with the cure; null where it is there. */
  readonly addonFault: string | null;
  /** Effective capabilities as a mask; null where they can't be read. */
  readonly capabilities: bigint | null;
  /** RLIMIT_MEMLOCK in bytes, Infinity without a limit; null where it can't be read. */
  readonly lockedBytes: number | null;
  /** kernel.unprivileged_bpf_disabled; null where it can't be read. */
  readonly unprivilegedBpfDisabled: number | null;
  /** net.core.bpf_jit_enable; null where it can't be read, as in most containers. */
  readonly bpfJit: number | null;
  /** What the kernel says against the flow shunt; null where its program was loaded, undefined where that was not tried. */
  readonly shuntRefusal: string | null | undefined;
  /** The program that would need the capabilities. */
  readonly executable: string;
}

/** Flows of the table that is made and thrown away: it asks the same of the kernel as a large one. */
const PROBE_FLOWS = 64;

export function readHost(): HostFacts {
  const addonFault = findAddonFault();
  return {
    platform: process.platform,
    kernel: release(),
    addonFault,
    capabilities: readCapabilities(),
    lockedBytes: readLockedBytes(),
    unprivilegedBpfDisabled: readSetting('kernel/unprivileged_bpf_disabled'),
    bpfJit: readSetting('net/core/bpf_jit_enable'),
    shuntRefusal: addonFault === null ? tryShunt() : undefined,
    executable: process.execPath,
  };
}

function findAddonFault(): string | null {
  try {
    loadAddon();
    return null;
  } catch (error) {
    if (error instanceof CaptureError) return error.message;
    throw error;
  }
}

/** Loads the program as a capture would, and lets go of it. */
function tryShunt(): string | null {
  const shunt = openShunt({ ...SHUNT_DEFAULTS, maxFlows: PROBE_FLOWS }, '');
  const refusal = shunt.kind === 'classic' ? (shunt.notes[0] ?? 'the kernel refuses eBPF') : null;
  shunt.close();
  return refusal;
}

function readCapabilities(): bigint | null {
  const found = /^CapEff:\s*([0-9a-f]+)$/m.exec(readProc('self/status'));
  return found === null ? null : BigInt(`0x${found[1]}`);
}

function readLockedBytes(): number | null {
  const soft = /^Max locked memory\s+(\S+)/m.exec(readProc('self/limits'))?.[1];
  if (soft === undefined) return null;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

function readSetting(name: string): number | null {
  const text = readProc(`sys/${name}`).trim();
  return /^\d+$/.test(text) ? Number(text) : null;
}

/** Empty where it is not there or not for us: that is an answer too. */
function readProc(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'latin1');
  } catch {
    return '';
  }
}
