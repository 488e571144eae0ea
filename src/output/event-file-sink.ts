/**
 * A sink that writes batches, one after the other, to a file or to standard output.
 *
 * A batch is settled when it is written; a kill in between writes it again (`event_id` is the same). While the target can't be written
 * the batches wait in the spool, and no other sink does.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { EncodedBatch, EventEncoding } from './event-encoding.ts';
import { messageOf } from './message-of.ts';
import { type EventTarget, PatientTarget } from './patient-target.ts';
import type { Sink } from './sink.ts';
import type { SpoolBatch, SpoolConsumer } from './spool/spool-batch.ts';

/** Compressed: some seven megabytes of lines in memory. */
const READ_BYTES = 1024 * 1024;
/** What zlib allows. */
const MIN_CHUNK_BYTES = 64;
/** A batch is smaller, but a damaged record may say anything. */
const MAX_CHUNK_BYTES = 8 * 1024 * 1024;

const gunzipAsync = promisify(gunzip);

export class EventFileSink implements Sink {
  readonly name: string;
  readonly #encoding: EventEncoding;
  readonly #target: PatientTarget;

  /** `onFault` is called when the fault is another one, with an empty text when all is well again. */
  constructor(name: string, encoding: EventEncoding, target: EventTarget, onFault?: (fault: string) => void) {
    this.name = name;
    this.#encoding = encoding;
    this.#target = new PatientTarget(target, onFault);
  }

  /** Why the last try failed; empty while all is well. */
  get fault(): string {
    return this.#target.fault;
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
    const { bytes, events, unreadable } = await this.#encode(batch);
    if (!(await this.#target.write(bytes, signal))) return false;
    await consumer.settle(batch.id, { acknowledged: events, ...(unreadable > 0 && { dropped: { unreadable } }) });
    return true;
  }

  async #encode(batch: SpoolBatch): Promise<EncodedBatch> {
    try {
      return this.#encoding.encode(await decompress(batch), batch.eventEnds);
    } catch (error) {
      // The record's checksum held, so it was never gzip: no try will make it so.
      this.#target.setFault(`batch ${batch.id}: ${messageOf(error)}`);
      return { bytes: new Uint8Array(0), events: 0, unreadable: batch.count };
    }
  }
}

/** All in one piece: a turn of the event loop for each 16 KiB takes longer than the decompression. */
function decompress({ gzip, jsonBytes }: SpoolBatch): Promise<Buffer> {
  return gunzipAsync(gzip, { chunkSize: Math.max(MIN_CHUNK_BYTES, Math.min(jsonBytes + 1, MAX_CHUNK_BYTES)) });
}
