/** How a batch looks in a file: as the lines it holds, or as `spanglass.v1.Event` messages with their lengths. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import protobuf from 'protobufjs/minimal.js';
import { toEventMessage } from './event-message-from-json.ts';
import type { SpoolBatch } from './spool/spool-batch.ts';

const gunzipAsync = promisify(gunzip);

/** All in one piece: a turn of the event loop for each 16 KiB takes longer than the decompression. */
function decompress({ gzip, jsonBytes }: SpoolBatch): Promise<Buffer> {
  return gunzipAsync(gzip, { chunkSize: Math.max(MIN_CHUNK_BYTES, Math.min(jsonBytes + 1, MAX_CHUNK_BYTES)) });
}

/** What zlib allows. */
const MIN_CHUNK_BYTES = 64;
/** A batch is smaller, but a damaged record may say anything. */
const MAX_CHUNK_BYTES = 8 * 1024 * 1024;
const NEWLINE = 0x0a;
const MAX_VARINT_BYTES = 5;
/** An event is far smaller; a longer one is the rest of a torn write. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

export interface EncodedBatch {
  readonly bytes: Uint8Array;
  readonly events: number;
  /** Lines that are no event and so have no message. */
  readonly unreadable: number;
}

/** A file format of events. */
export interface EventEncoding {
  readonly name: 'ndjson' | 'protobuf';
  /** Rejects where the batch's gzip is none. */
  encode(batch: SpoolBatch): Promise<EncodedBatch>;
  /** Offset behind the last whole event that ends in `tail`, or -1: what is behind it was torn by a kill. */
  findEnd(bytes: Uint8Array): number;
}

export const NDJSON: EventEncoding = {
  name: 'ndjson',
  async encode(batch) {
    return { bytes: await decompress(batch), events: batch.count, unreadable: 0 };
  },
  findEnd(bytes) {
    return bytes.lastIndexOf(NEWLINE) + 1;
  },
};

export const PROTOBUF: EventEncoding = {
  name: 'protobuf',
  async encode(batch) {
    const json = await decompress(batch);
    const out = protobuf.Writer.create();
    let events = 0;
    let start = 0;
    for (const end of batch.eventEnds) {
      const message = toEventMessage(json.toString('utf8', start, end));
      start = end;
      if (message === null) continue;
      out.bytes(message);
      events += 1;
    }
    return { bytes: out.finish(), events, unreadable: batch.count - events };
  },
  findEnd(bytes) {
    let at = 0;
    for (;;) {
      let length = 0;
      let used = 0;
      while (used < MAX_VARINT_BYTES && at + used < bytes.length) {
        const byte = bytes[at + used]!;
        length += (byte & 0x7f) * 2 ** (7 * used);
        used += 1;
        if (byte < 0x80) break;
      }
      const isWhole = used > 0 && bytes[at + used - 1]! < 0x80;
      if (!isWhole || length > MAX_MESSAGE_BYTES || at + used + length > bytes.length) return at;
      at += used + length;
    }
  },
};
