/**
 * One direction's records in SSL 2 framing, as they are before encryption.
 *
 *     1lllllll llllllll  body        two-byte header, top bit set: no padding, length in 15 bits
 *
 * draft-hickman-netscape-ssl-00 1.1. The three-byte header is for padded, so encrypted, records and is not read here.
 */
import type { MessageBuffers } from './message-buffers.ts';

export class Sslv2Framer {
  readonly #buffers: MessageBuffers;
  #buf: Uint8Array | null = null;
  #have = 0;

  constructor(buffers: MessageBuffers) {
    this.#buffers = buffers;
  }

  /** The whole record, header and body; valid until `release`. Null while it is not whole. */
  record: Uint8Array | null = null;

  /** Takes bytes of one record and returns where it stopped: at `end`, or behind the record, which is then `record`. */
  read(buf: Uint8Array, from: number, end: number): number {
    let at = from;
    let own = this.#buf ?? this.#buffers.take(2);
    while (this.#have < 2 && at < end) own[this.#have++] = buf[at++]!;
    if (this.#have >= 2) {
      const size = 2 + (((own[0]! & 0x7f) << 8) | own[1]!);
      const n = Math.min(size - this.#have, end - at);
      if (this.#have + n > own.length) own = this.#buffers.grow(own, this.#have, this.#have + n);
      own.set(buf.subarray(at, at + n), this.#have);
      this.#have += n;
      at += n;
      if (this.#have === size) this.record = own.subarray(0, size);
    }
    this.#buf = own;
    return at;
  }

  /** Forgets the record and gives its buffer back. */
  release(): void {
    if (this.#buf !== null) this.#buffers.give(this.#buf);
    this.#buf = null;
    this.record = null;
    this.#have = 0;
  }
}
