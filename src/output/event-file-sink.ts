/**
 * A sink that writes batches, one after the other, to a file or to standard output.
 *
 * A batch is settled when it is written; a kill in between writes it again (`event_id` is the same). A target that can't be written is
 * tried again without end, as the disk of a full one may be cleared; the batches wait in the spool, and no other sink does.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EncodedBatch, EventEncoding } from './event-encoding.ts';
import { OutputError } from './output-error.ts';
import type { Sink } from './sink.ts';
import type { SpoolBatch, SpoolConsumer } from './spool/spool-batch.ts';

/** Compressed: some seven megabytes of lines in memory. */
const READ_BYTES = 1024 * 1024;
const RETRY_MS = 1000;

/** `RotatingFile` or `StandardOutput`. */
export interface EventTarget {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export class EventFileSink implements Sink {
  readonly name: string;
  readonly #encoding: EventEncoding;
  readonly #target: EventTarget;
  readonly #onFault: ((fault: string) => void) | null;
  #fault = '';

  /** `onFault` is called when the fault is another one, with an empty text when all is well again. */
  constructor(name: string, encoding: EventEncoding, target: EventTarget, onFault?: (fault: string) => void) {
    this.name = name;
    this.#encoding = encoding;
    this.#target = target;
    this.#onFault = onFault ?? null;
  }

  /** Why the last try failed; empty while all is well. */
  get fault(): string {
    return this.#fault;
  }

  /** Rejects with `OutputError` `closed_by_reader` only: nobody will ever read more. */
  async start(consumer: SpoolConsumer, signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const batches = consumer.read(consumer.settledId, READ_BYTES);
        for (const batch of batches) {
          if (!(await this.#deliver(batch, consumer, signal))) return;
        }
        if (batches.length > 0) continue;
        await consumer.wait(consumer.settledId, signal);
        // Nothing to read after a wait that was not aborted: the spool closed.
        if (consumer.read(consumer.settledId, 1).length === 0) return;
      }
    } finally {
      await this.#target.close();
    }
  }

  /** False where it was stopped before the batch was written. */
  async #deliver(batch: SpoolBatch, consumer: SpoolConsumer, signal: AbortSignal): Promise<boolean> {
    const encoded = await this.#encode(batch);
    while (!signal.aborted) {
      try {
        await this.#target.write(encoded.bytes);
        this.#setFault('');
        await consumer.settle(batch.id, {
          acknowledged: encoded.events,
          ...(encoded.unreadable > 0 && { dropped: { unreadable: encoded.unreadable } }),
        });
        return true;
      } catch (error) {
        if (!(error instanceof OutputError) || error.code === 'closed_by_reader') throw error;
        this.#setFault(error.message);
        await pause(signal);
      }
    }
    return false;
  }

  #setFault(fault: string): void {
    if (fault === this.#fault) return;
    this.#fault = fault;
    this.#onFault?.(fault);
  }

  async #encode(batch: SpoolBatch): Promise<EncodedBatch> {
    try {
      return await this.#encoding.encode(batch);
    } catch (error) {
      // The record's checksum held, so it was never gzip: no try will make it so.
      this.#setFault(`batch ${batch.id}: ${error instanceof Error ? error.message : String(error)}`);
      return { bytes: new Uint8Array(0), events: 0, unreadable: batch.count };
    }
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await sleep(RETRY_MS, undefined, { signal });
  } catch {
    // Told to stop: the caller looks at the signal.
  }
}
