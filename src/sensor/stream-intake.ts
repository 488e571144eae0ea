/**
 * The way of one stream's events into the spool.
 *
 *     take ─> lines of the batch at hand ─> BatchWriter ─> Spool
 *       └──── waits while the spool is behind: who handed them over still has the bytes, and bounds them
 *
 * Batches keep their order, those that wait included.
 */
import type { BatchWriter } from '../output/spool/batch-writer.ts';
import type { EventBatch } from './event-batch.ts';

export class StreamIntake {
  readonly #writer: BatchWriter;
  /** A replay waits by itself, between its blocks: then all is taken at once. */
  readonly #takesAll: boolean;
  /** The last batch that waits has been taken. */
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(writer: BatchWriter, takesAll: boolean) {
    this.#writer = writer;
    this.#takesAll = takesAll;
  }

  /** Null where its lines have been copied; else they are borrowed until the promise resolves. */
  take(batch: EventBatch): Promise<void> | null {
    const mustWait = this.#waiting > 0 || this.#writer.isFull;
    if (this.#takesAll || !mustWait) {
      this.#append(batch);
      return null;
    }
    this.#waiting += 1;
    this.#last = this.#takeLater(batch, this.#last);
    return this.#last;
  }

  get isFull(): boolean {
    return this.#writer.isFull;
  }

  get batchesInFlight(): number {
    return this.#writer.batchesInFlight;
  }

  /** Resolves when it is not full. */
  room(): Promise<void> {
    return this.#writer.room();
  }

  /** Resolves when all so far is committed. Rejects where the spool closed before. */
  async flush(): Promise<void> {
    while (this.#waiting > 0) await this.#last;
    await this.#writer.flush();
  }

  async #takeLater(batch: EventBatch, before: Promise<void>): Promise<void> {
    await before;
    await this.#writer.room();
    this.#append(batch);
    this.#waiting -= 1;
  }

  #append({ lines, ends, firstSeq }: EventBatch): void {
    this.#writer.appendLines(lines, ends, firstSeq);
  }
}
