/**
 * Room for handshake messages that arrive in pieces. Buffers of the usual size are used again; what is lent out is counted,
 * so that the owner can make room when many half-finished messages add up.
 */
import { POOLED_BUFFER_BYTES, POOLED_BUFFERS } from './limits.ts';

export class MessageBuffers {
  readonly #free: Uint8Array[] = [];
  /** Bytes of the buffers that are lent out. */
  lentBytes = 0;

  /** A buffer of at least `sizeBytes`, with whatever was in it. */
  take(sizeBytes: number): Uint8Array {
    let buf: Uint8Array | undefined;
    if (sizeBytes <= POOLED_BUFFER_BYTES) buf = this.#free.pop() ?? new Uint8Array(POOLED_BUFFER_BYTES);
    else buf = new Uint8Array(sizeBytes);
    this.lentBytes += buf.length;
    return buf;
  }

  give(buf: Uint8Array): void {
    this.lentBytes -= buf.length;
    if (buf.length === POOLED_BUFFER_BYTES && this.#free.length < POOLED_BUFFERS) this.#free.push(buf);
  }

  /** A buffer twice the size (at least `sizeBytes`) that begins with the first `used` bytes of `buf`, which is given back. */
  grow(buf: Uint8Array, used: number, sizeBytes: number): Uint8Array {
    const larger = this.take(Math.max(sizeBytes, buf.length * 2));
    larger.set(buf.subarray(0, used));
    this.give(buf);
    return larger;
  }
}
