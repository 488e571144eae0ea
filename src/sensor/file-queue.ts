/**
 * The way of events into one file: a queue of borrowed batches, written one after the other, and the account of them.
 *
 *     put ─> waiting ─────────> in hand ─> file
 *               └─ too many: the oldest of the stream are dropped
 *
 * So a file that stands still loses its own oldest events, and no other file loses any. The batch in hand is never dropped but at the end:
 * its bytes may be half-way in the kernel.
 */
import type { EventEncoding } from '../output/event-encoding.ts';
import { OutputError } from '../output/output-error.ts';
import type { PatientTarget } from '../output/patient-target.ts';
import type { EventBatch } from './event-batch.ts';
import { EventTally } from './event-tally.ts';
import { NOBODY_READS } from './running-sink.ts';
import { toError } from './to-error.ts';

/** Reason for events that a file did not take as fast as they came. */
const QUEUE_FULL = 'queue_full';
/** Reason for events that it did not take before the end. */
export const NOT_WRITTEN = 'not_written';
/** Reason for lines that are no event, and so have no message. */
const UNREADABLE = 'unreadable';

const BEHIND = 'it does not take events as fast as they come; the oldest are dropped';

/** A batch with who wants to know when it is done with. */
export interface QueuedBatch extends EventBatch {
  /** Called once: its bytes are no longer looked at. */
  release(): void;
}

export interface FileQueueOptions {
  readonly name: string;
  readonly encoding: EventEncoding;
  /** Bytes of each stream that may wait. */
  readonly maxBytes: number;
  /** Of the health events. */
  readonly healthBootId: string | null;
  /** Called with an empty text when all is well again. */
  readonly onFault: (fault: string) => void;
}

export class FileQueue {
  readonly run = new EventTally();
  readonly health = new EventTally();
  /** Why it gave up; null while it has not. */
  fault: Error | null = null;
  readonly #options: FileQueueOptions;
  readonly #target: PatientTarget;
  /** The first is in hand while it is written. */
  readonly #waiting: QueuedBatch[] = [];
  readonly #waitingBytes = new Map<string, number>();
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;
  #isBehind = false;

  constructor(options: FileQueueOptions, target: PatientTarget) {
    this.#options = options;
    this.#target = target;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Why it takes nothing, or too little, at present; empty while all is well. */
  get writeFault(): string {
    if (this.#target.fault !== '') return this.#target.fault;
    return this.#isBehind ? BEHIND : '';
  }

  put(batch: QueuedBatch): void {
    const { bootId, count, lines } = batch;
    const tally = this.#tallyOf(batch);
    tally.written += count;
    if (this.fault !== null || this.#stop.signal.aborted) {
      tally.drop(count, this.#reasonOfEnd());
      batch.release();
      return;
    }
    this.#waiting.push(batch);
    this.#waitingBytes.set(bootId, this.#bytesOf(bootId) + lines.length);
    this.#running ??= this.#run();
    while (this.#bytesOf(bootId) > this.#options.maxBytes && this.#dropOldest(bootId));
  }

  /** Resolves when all is written that was put in so far, and more where more comes; or it gave up. */
  async flush(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  /** Drops what is not written by then, and closes the file. Waits no longer than `timedOut` for the batch in hand. */
  async close(timedOut: Promise<unknown>): Promise<void> {
    this.#stop.abort();
    const running = this.#running ?? Promise.resolve();
    const isStuck = await Promise.race([running.then(() => false), timedOut.then(() => true)]);
    this.#dropAll();
    // A write that hangs has the file in its hands.
    if (!isStuck) await this.#target.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { encoding } = this.#options;
    try {
      for (let batch = this.#waiting[0]; batch !== undefined && !signal.aborted; batch = this.#waiting[0]) {
        const { bytes, events, unreadable } = encoding.encode(batch.lines, batch.ends);
        const isWritten = await this.#target.write(bytes, signal);
        // Or it was given up meanwhile.
        if (!isWritten || this.#waiting[0] !== batch) break;
        const tally = this.#tallyOf(batch);
        tally.acknowledged += events;
        if (unreadable > 0) tally.drop(unreadable, UNREADABLE);
        this.#remove(0);
      }
    } catch (error) {
      this.fault = toError(error);
      this.#dropAll();
    }
    this.#running = null;
    if (this.#waiting.length === 0) this.#setBehind(false);
  }

  #dropOldest(bootId: string): boolean {
    const oldest = this.#waiting.findIndex((batch, i) => i > 0 && batch.bootId === bootId);
    if (oldest < 0) return false;
    const batch = this.#waiting[oldest]!;
    this.#tallyOf(batch).drop(batch.count, QUEUE_FULL);
    this.#remove(oldest);
    this.#setBehind(true);
    return true;
  }

  #dropAll(): void {
    const reason = this.#reasonOfEnd();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting[0]!;
      this.#tallyOf(batch).drop(batch.count, reason);
      this.#remove(0);
    }
  }

  #remove(index: number): void {
    const [batch] = this.#waiting.splice(index, 1);
    const { bootId, lines } = batch!;
    this.#waitingBytes.set(bootId, this.#bytesOf(bootId) - lines.length);
    batch!.release();
  }

  #bytesOf(bootId: string): number {
    return this.#waitingBytes.get(bootId) ?? 0;
  }

  #tallyOf({ bootId }: EventBatch): EventTally {
    return bootId === this.#options.healthBootId ? this.health : this.run;
  }

  #reasonOfEnd(): string {
    return this.fault instanceof OutputError && this.fault.code === 'closed_by_reader' ? NOBODY_READS : NOT_WRITTEN;
  }

  #setBehind(isBehind: boolean): void {
    if (isBehind === this.#isBehind) return;
    this.#isBehind = isBehind;
    if (this.#target.fault === '') this.#options.onFault(isBehind ? BEHIND : '');
  }
}
