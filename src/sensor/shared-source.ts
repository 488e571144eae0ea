/**
 * What the workers of a capture share, held by the main thread: the user's filter, compiled once; the tables of the shunt, which outlive a
 * worker that fails; and the group in which the kernel spreads flows. Or, without a ring of the kernel, libpcap.
 */
import { randomInt } from 'node:crypto';
import type { BpfFilter } from '../capture/bpf-filter.ts';
import type { FlowShunt } from '../capture/flow-shunt.ts';
import type { LibpcapIntake } from '../capture/libpcap/libpcap-intake.ts';
import type { KernelCounters } from '../capture/live-source.ts';
import { NO_KERNEL, shuntedOf } from './live-counts.ts';
import type { LiveSourcePlan, SharedParts } from './live-source-plan.ts';

export class SharedSource {
  readonly parts: SharedParts;
  readonly #filter: BpfFilter | null;
  readonly #shunt: FlowShunt | null;
  readonly #intake: LibpcapIntake | null;
  #isClosed = false;
  /** Of the moment at which it was closed. */
  #last: KernelCounters = NO_KERNEL;

  private constructor(
    filter: BpfFilter | null,
    shunt: FlowShunt | null,
    intake: LibpcapIntake | null,
    workers: number,
  ) {
    this.#filter = filter;
    this.#shunt = shunt;
    this.#intake = intake;
    this.parts = {
      hasShunt: shunt !== null,
      shunt: shunt?.handle ?? null,
      filter: filter === null ? null : { classic: filter.classic, prefix: filter.prefix },
      libpcap: intake?.handle ?? null,
      // Groups belong to a network namespace, which processes with equal numbers may share: two containers, say.
      fanoutGroup: workers === 1 ? null : randomInt(0x10000),
    };
  }

  /** Rejects with `CaptureError`. */
  static async open(plan: LiveSourcePlan, workers: number): Promise<SharedSource> {
    if (plan.kind === 'libpcap') {
      if (workers !== 1) throw new Error('libpcap has one queue, which one worker reads');
      const { openLibpcap } = await import('../capture/libpcap/libpcap-intake.ts');
      return new SharedSource(null, null, await openLibpcap(plan), workers);
    }
    let filter: BpfFilter | null = null;
    if (plan.filter !== null) {
      const { openBpfFilter } = await import('../capture/bpf-filter.ts');
      filter = openBpfFilter(plan.filter, plan.interface);
    }
    let shunt: FlowShunt | null = null;
    if (plan.shunt !== null && (filter === null || filter.prefix !== null)) {
      const { openShunt } = await import('../capture/flow-shunt.ts');
      shunt = openShunt(plan.shunt, plan.interface);
    }
    return new SharedSource(filter, shunt, null, workers);
  }

  get notes(): readonly string[] {
    const note = this.#filter?.note ?? null;
    return [...(note === null ? [] : [note]), ...(this.#shunt?.notes ?? [])];
  }

  /** What was dropped before any ring saw it: by XDP. The rings' own numbers are the workers'. */
  readKernel(): KernelCounters {
    if (this.#isClosed) return this.#last;
    if (this.#shunt === null || this.#shunt.kind !== 'xdp') return NO_KERNEL;
    const { dropped } = this.#shunt.readCounters();
    const shunted = Object.fromEntries(Object.entries(dropped).filter(([, { packets }]) => packets > 0));
    const { packets, bytes } = shuntedOf(shunted);
    return { ...NO_KERNEL, received: packets, receivedBytes: bytes, shunted };
  }

  /** After all workers have ended. */
  close(): void {
    if (this.#isClosed) return;
    this.#last = this.readKernel();
    this.#isClosed = true;
    this.#shunt?.close();
    this.#intake?.close();
  }
}
