/**
 * What became of the events of one run, for each sink, while the spool's own account goes over all runs that are in it:
 *
 *     written = acknowledged + queued + sum of dropped
 *
 * A run has one stream of events or several, each with a `boot_id` of its own. Acknowledged is counted on the way to the spool, dropped is
 * read from the spool's journal, and queued is the rest: so the sum holds at every moment.
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
  /** Events handed over, or lost on the way. */
  written = 0;
  readonly #acknowledged = new Map<string, number>();
  readonly #spool: Spool;
  readonly #bootIds: ReadonlySet<string>;

  constructor(spool: Spool, bootIds: readonly string[]) {
    this.#spool = spool;
    this.#bootIds = new Set(bootIds);
  }

  /** The sink's hold on the spool, listened to. */
  listen(consumer: SpoolConsumer): SpoolConsumer {
    const { name } = consumer;
    return new ListenedConsumer(consumer, this.#bootIds, (events) => {
      this.#acknowledged.set(name, this.#acknowledgedBy(name) + events);
    });
  }

  counts(sink: string): RunCounts {
    const acknowledged = this.#acknowledgedBy(sink);
    const dropped: Record<string, number> = {};
    let queued = this.written - acknowledged;
    for (const bootId of this.#bootIds) {
      for (const [reason, events] of this.#spool.book.journal.droppedOf(sink, bootId)) {
        dropped[reason] = (dropped[reason] ?? 0) + events;
        queued -= events;
      }
    }
    return { written: this.written, acknowledged, queued, dropped };
  }

  /** The same when the spool takes nothing more: what is neither in it nor accounted for never came there. */
  finalCounts(sink: string): RunCounts {
    const counts = this.counts(sink);
    const inSpool = countQueued(this.#spool, sink, this.#bootIds);
    const missing = counts.queued - inSpool;
    if (missing === 0) return counts;
    return { ...counts, queued: inSpool, dropped: { ...counts.dropped, [NOT_STORED]: missing } };
  }

  #acknowledgedBy(sink: string): number {
    return this.#acknowledged.get(sink) ?? 0;
  }
}

/** Events of some streams that are in the spool and not settled. */
export function countQueued({ book }: Spool, sink: string, bootIds: ReadonlySet<string>): number {
  let events = 0;
  for (const account of book.accounts) {
    if (account.name !== sink) continue;
    for (const head of book.unsettledAfter(account, 0)) if (bootIds.has(head.bootId)) events += head.count;
  }
  return events;
}

class ListenedConsumer implements SpoolConsumer {
  readonly #consumer: SpoolConsumer;
  readonly #bootIds: ReadonlySet<string>;
  readonly #onAcknowledged: (events: number) => void;
  /** Batches of the run that the sink has in its hands. */
  readonly #own = new Set<number>();

  constructor(consumer: SpoolConsumer, bootIds: ReadonlySet<string>, onAcknowledged: (events: number) => void) {
    this.#consumer = consumer;
    this.#bootIds = bootIds;
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
    for (const batch of batches) if (this.#bootIds.has(batch.bootId)) this.#own.add(batch.id);
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
