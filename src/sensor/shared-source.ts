/**
 * What the workers of a capture share, held by the main thread: the tables of the shunt, which outlive a worker that fails, and the group
 * in which the kernel spreads flows.
 */
import { type FlowShunt, openShunt } from '../capture/flow-shunt.ts';
import type { KernelCounters } from '../capture/live-source.ts';
import { NO_KERNEL, shuntedOf } from './live-counts.ts';
import type { LiveSourcePlan, SharedParts } from './live-source-plan.ts';

export class SharedSource {
  readonly parts: SharedParts;
  readonly #shunt: FlowShunt | null;

  constructor(plan: LiveSourcePlan, workers: number) {
    this.#shunt = plan.shunt === null ? null : openShunt(plan.shunt, plan.interface);
    this.parts = {
      shunt: this.#shunt?.handle ?? null,
      // Groups belong to a network namespace: another process on it has another number.
      fanoutGroup: workers === 1 ? null : process.pid & 0xffff,
    };
  }

  get notes(): readonly string[] {
    return this.#shunt?.notes ?? [];
  }

  /** What was dropped before any ring saw it: by XDP. The rings' own numbers are the workers'. */
  readKernel(): KernelCounters {
    if (this.#shunt === null || this.#shunt.kind !== 'xdp') return NO_KERNEL;
    const { dropped } = this.#shunt.readCounters();
    const shunted = Object.fromEntries(Object.entries(dropped).filter(([, { packets }]) => packets > 0));
    const { packets, bytes } = shuntedOf(shunted);
    return { ...NO_KERNEL, received: packets, receivedBytes: bytes, shunted };
  }

  /** After all workers have ended. */
  close(): void {
    this.#shunt?.close();
  }
}
