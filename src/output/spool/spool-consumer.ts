/** A sink's hold on the spool: see `SpoolConsumer`. */
import type { BatchStore } from './batch-store.ts';
import type { SinkAccount } from './sink-account.ts';
import type { SettleOutcome, SpoolBatch, SpoolConsumer, SpoolCounters } from './spool-batch.ts';
import type { SpoolBook } from './spool-book.ts';
import { SpoolError } from './spool-error.ts';
import { parseBatchRecord } from './spool-record.ts';

/** What a consumer needs of its spool. */
export interface ConsumerHost {
  readonly book: SpoolBook;
  readonly store: BatchStore;
  readonly isClosed: boolean;
  now(): number;
  /** Resolves with the next commit that begins after the call. */
  commitChanges(): Promise<void>;
  /** Calls back once, when a batch has come or the spool closes. */
  onNews(listener: () => void): void;
}

export class AccountConsumer implements SpoolConsumer {
  readonly #host: ConsumerHost;
  readonly #account: SinkAccount;

  constructor(host: ConsumerHost, account: SinkAccount) {
    this.#host = host;
    this.#account = account;
  }

  get name(): string {
    return this.#account.name;
  }

  get settledId(): number {
    return this.#account.settled.floor;
  }

  get newestId(): number {
    return Math.max(this.#account.settled.floor, this.#host.book.newestId);
  }

  get counters(): SpoolCounters {
    return this.#account.toCounters();
  }

  read(afterId: number, maxBytes: number): SpoolBatch[] {
    const { book, store, isClosed } = this.#host;
    const batches: SpoolBatch[] = [];
    if (isClosed) return batches;
    let bytes = 0;
    let isDamaged = false;
    for (const head of book.unsettledAfter(this.#account, afterId)) {
      if (batches.length > 0 && bytes + head.recordBytes > maxBytes) break;
      const record = store.readBatch(head.id);
      const batch = record === undefined ? null : parseBatchRecord(record);
      if (batch === null || batch.id !== head.id) {
        book.giveUp(this.#account, head, 'damaged', this.#host.now());
        isDamaged = true;
        continue;
      }
      batches.push(batch);
      bytes += batch.gzip.length;
      this.#account.inHands.add(head.id);
      if (bytes >= maxBytes) break;
    }
    store.endRead();
    if (isDamaged) void this.#host.commitChanges();
    return batches;
  }

  async settle(id: number, outcome: SettleOutcome): Promise<void> {
    const { book, isClosed } = this.#host;
    if (isClosed) throw new SpoolError('closed', 'the spool is closed');
    const head = book.unsettled(this.#account, id);
    if (head === null) return;
    const { acknowledged, dropped = {} } = outcome;
    const parts = [acknowledged, ...Object.values(dropped)];
    const sum = parts.reduce((total, events) => total + events, 0);
    if (sum !== head.count || parts.some((events) => !Number.isSafeInteger(events) || events < 0)) {
      throw new SpoolError('wrong_sum', `${this.name} settled ${sum} of the ${head.count} events of batch ${id}`);
    }
    book.settle(this.#account, head, acknowledged, dropped, this.#host.now());
    await this.#host.commitChanges();
  }

  async wait(afterId: number, signal: AbortSignal): Promise<void> {
    const { book } = this.#host;
    while (!signal.aborted && !this.#host.isClosed && !book.hasUnsettledAfter(this.#account, afterId)) {
      await new Promise<void>((resolve) => {
        const done = () => {
          signal.removeEventListener('abort', done);
          resolve();
        };
        signal.addEventListener('abort', done, { once: true });
        this.#host.onNews(done);
      });
    }
  }
}
