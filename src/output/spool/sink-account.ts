/**
 * What a sink was given and what became of it, in events:
 *
 *     emitted = acknowledged + queued + sum of dropped
 *
 * `queued` is not counted but follows, and what follows from the unsettled batches must be the same: the tests hold both together.
 */
import { IdRanges } from './id-ranges.ts';
import type { SpoolCounters } from './spool-batch.ts';
import type { SinkState } from './spool-record.ts';

/** What happens to a sink's events where the spool is full. `pause` makes the source wait: for a replay of files only. */
export type SpoolPolicy = 'drop-oldest' | 'drop-newest' | 'pause';

export class SinkAccount {
  readonly name: string;
  readonly policy: SpoolPolicy;
  emitted: number;
  acknowledged: number;
  readonly dropped: Map<string, number>;
  readonly settled: IdRanges;
  /** Of unsettled batches, in the store. */
  queuedBytes = 0;
  /** Ids that the sink has read and not settled: they are in its hands, and are not dropped behind its back. */
  readonly inHands: Set<number> = new Set();

  constructor(state: SinkState, policy: SpoolPolicy) {
    this.name = state.name;
    this.policy = policy;
    this.emitted = state.emitted;
    this.acknowledged = state.acknowledged;
    this.dropped = new Map(state.dropped);
    this.settled = new IdRanges(state.settledId, state.settledAbove);
  }

  /** A sink that was never here: it gets what comes from now on. */
  static create(name: string, policy: SpoolPolicy, lastId: number): SinkAccount {
    const dropped = new Map<string, number>();
    return new SinkAccount({ name, emitted: 0, acknowledged: 0, dropped, settledId: lastId, settledAbove: [] }, policy);
  }

  clone(): SinkAccount {
    return new SinkAccount(this.toState(), this.policy);
  }

  drop(reason: string, events: number): void {
    if (events > 0) this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + events);
  }

  get queued(): number {
    let settled = this.acknowledged;
    for (const events of this.dropped.values()) settled += events;
    return this.emitted - settled;
  }

  toState(): SinkState {
    const { name, emitted, acknowledged, dropped, settled } = this;
    return {
      name,
      emitted,
      acknowledged,
      dropped: new Map(dropped),
      settledId: settled.floor,
      settledAbove: settled.above.map(([first, last]) => [first, last]),
    };
  }

  toCounters(): SpoolCounters {
    return {
      emitted: this.emitted,
      acknowledged: this.acknowledged,
      queued: this.queued,
      dropped: Object.fromEntries(this.dropped),
    };
  }
}
