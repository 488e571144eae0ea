/** How a batch looks in a file: as the lines it holds, or as `spanglass.v1.Event` messages with their lengths. */
import protobuf from 'protobufjs/minimal.js';
import { toEventMessage } from './event-message-from-json.ts';

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
  /** `ends` are the offsets behind the lines of `lines`, which the result may borrow. */
  encode(lines: Uint8Array, ends: Uint32Array): EncodedBatch;
  /** Offset behind the last whole event that ends in `tail`, or -1: what is behind it was torn by a kill. */
  findEnd(bytes: Uint8Array): number;
}

export const NDJSON: EventEncoding = {
  name: 'ndjson',
  encode(lines, ends) {
    return { bytes: lines, events: ends.length, unreadable: 0 };
  },
  findEnd(bytes) {
    return bytes.lastIndexOf(NEWLINE) + 1;
  },
};

export const PROTOBUF: EventEncoding = {
  name: 'protobuf',
  encode(lines, ends) {
    const json = Buffer.from(lines.buffer, lines.byteOffset, lines.length);
    const out = protobuf.Writer.create();
    let events = 0;
    let start = 0;
    for (const end of ends) {
      const message = toEventMessage(json.toString('utf8', start, end));
      start = end;
      if (message === null) continue;
      out.bytes(message);
      events += 1;
    }
    return { bytes: out.finish(), events, unreadable: ends.length - events };
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
