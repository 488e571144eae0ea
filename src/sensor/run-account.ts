/**
 * What became of the events of one run, while the spool's own account goes over all runs that are in it:
 *
 *     written = acknowledged + queued + sum of dropped
 *
 * Acknowledged is counted on the way to the spool, dropped is read from the spool's journal, and queued is the rest.
 */
import type { Spool } from '../output/spool/spool.ts';
import type { SettleOutcome, SpoolBatch, SpoolConsumer, SpoolCounters } from '../output/spool/spool-batch.ts';

export interface RunCounts {
  readonly written: number;
  readonly acknowledged: number;
  readonly queued: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** Reason for events that the spool could not take before the run ended. */
const NOT_STORED = 'not_stored';

export class RunAccount {
  /** Events handed over. */
  written = 0;
  #acknowledged = 0;
  readonly #spool: Spool;
  readonly #sink: string;
  readonly #bootId: string;

  constructor(spool: Spool, sink: string, bootId: string) {
    this.#spool = spool;
    this.#sink = sink;
    this.#bootId = bootId;
  }

  /** The sink's hold on the spool, listened to. */
  listen(consumer: SpoolConsumer): SpoolConsumer {
    return new ListenedConsumer(consumer, this.#bootId, (events) => {
      this.#acknowledged += events;
    });
  }

  counts(): RunCounts {
    const dropped: Record<string, number> = {};
    let queued = this.written - this.#acknowledged;
    for (const { sink, bootId, reason, events } of this.#spool.book.journal.records) {
      if (sink !== this.#sink || bootId !== this.#bootId) continue;
      dropped[reason] = (dropped[reason] ?? 0) + events;
      queued -= events;
    }
    return { written: this.written, acknowledged: this.#acknowledged, queued, dropped };
  }

  /** The same when the spool takes nothing more: what is neither in it nor accounted for never came there. */
  finalCounts(): RunCounts {
    const counts = this.counts();
    const inSpool = countQueued(this.#spool, this.#sink, this.#bootId);
    const missing = counts.queued - inSpool;
    if (missing === 0) return counts;
    return { ...counts, queued: inSpool, dropped: { ...counts.dropped, [NOT_STORED]: missing } };
  }
}

/** Events of one run, or stream, that are in the spool and not settled. */
export function countQueued({ book }: Spool, sink: string, bootId: string): number {
  let events = 0;
  for (const account of book.accounts) {
    if (account.name !== sink) continue;
    for (const head of book.unsettledAfter(account, 0)) if (head.bootId === bootId) events += head.count;
  }
  return events;
}

class ListenedConsumer implements SpoolConsumer {
  readonly #consumer: SpoolConsumer;
  readonly #bootId: string;
  readonly #onAcknowledged: (events: number) => void;
  /** Batches of the run that the sink has in its hands. */
  readonly #own = new Set<number>();

  constructor(consumer: SpoolConsumer, bootId: string, onAcknowledged: (events: number) => void) {
    this.#consumer = consumer;
    this.#bootId = bootId;
    this.#onAcknowledged = onAcknowledged;
  }

  get name(): string {
    return this.#consumer.name;
  }

  get settledId(): number {
    return this.#consumer.settledId;
  }

  get newestId(): number {
    return this.#consumer.newestId;
  }

  get counters(): SpoolCounters {
    return this.#consumer.counters;
  }

  read(afterId: number, maxBytes: number): SpoolBatch[] {
    const batches = this.#consumer.read(afterId, maxBytes);
    for (const batch of batches) if (batch.bootId === this.#bootId) this.#own.add(batch.id);
    return batches;
  }

  async settle(id: number, outcome: SettleOutcome): Promise<void> {
    await this.#consumer.settle(id, outcome);
    if (this.#own.delete(id)) this.#onAcknowledged(outcome.acknowledged);
  }

  wait(afterId: number, signal: AbortSignal): Promise<void> {
    return this.#consumer.wait(afterId, signal);
  }
}
