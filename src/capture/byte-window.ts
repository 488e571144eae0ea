/**
 * A window that slides over the bytes of a capture. The record walkers see nothing else.
 *
 *     capture   0 ............ origin+pos ........ origin+end ............
 *     buf               0 ........ pos ............... end
 *                       |  read    |<- not yet read ->|
 *
 * A walker takes whole records from `[pos, end)` and moves `pos`. When the next record does not fit, it asks for more with
 * `refill`, which keeps what was not yet read and may put it elsewhere: earlier offsets into `buf` die with the call.
 *
 * Two kinds: `SlidingWindow` copies from a `ByteStream` into one reused buffer, whatever the size of the capture;
 * `FixedWindow` looks at bytes that are in memory already (a mapped file, a test) and copies nothing.
 */

import type { ByteStream } from './byte-stream.ts';
import { MAX_WINDOW_BYTES, VIEW_BYTES, WINDOW_BYTES, WINDOW_LEAD } from './limits.ts';

export interface ByteWindow {
  readonly buf: Uint8Array;
  /** The first byte not yet read. Walkers move it. */
  pos: number;
  readonly end: number;
  /** Offset of `buf[0]` in the capture; negative while the window's lead lies before the first byte. */
  readonly origin: number;
  /** Bytes taken from the disk or the pipe so far. */
  readonly rawBytes: number;
  /** Why the bytes ended before their time, as a sentence; null where they did not. */
  readonly failure: string | null;
  /**
   * Tries to have `need` bytes at `pos`; more may come. False at the end of the bytes, with all that is left in the
   * window, and for a need above the largest window. Throws `CaptureError` where reading fails.
   */
  refill(need: number): boolean | Promise<boolean>;
  close(): Promise<void>;
}

/** One reused buffer over a stream. Memory does not grow with the capture. */
export class SlidingWindow implements ByteWindow {
  buf: Uint8Array;
  pos: number = WINDOW_LEAD;
  end: number = WINDOW_LEAD;
  origin: number = -WINDOW_LEAD;
  readonly #stream: ByteStream;

  constructor(stream: ByteStream, sizeBytes: number = WINDOW_BYTES) {
    this.#stream = stream;
    this.buf = new Uint8Array(WINDOW_LEAD + sizeBytes);
  }

  get rawBytes(): number {
    return this.#stream.rawBytes;
  }

  get failure(): string | null {
    return this.#stream.failure;
  }

  refill(need: number): boolean | Promise<boolean> {
    if (this.end - this.pos >= need) return true;
    if (need > MAX_WINDOW_BYTES - WINDOW_LEAD) return false;
    this.#carry(need);
    return this.#fill(need);
  }

  close(): Promise<void> {
    return this.#stream.close();
  }

  /** Moves what was not yet read to the front, into a larger buffer where the record needs one. */
  #carry(need: number): void {
    const { buf, pos, end } = this;
    if (need > buf.length - WINDOW_LEAD) {
      const larger = new Uint8Array(Math.min(MAX_WINDOW_BYTES, WINDOW_LEAD + Math.max(need, 2 * buf.length)));
      larger.set(buf.subarray(pos, end), WINDOW_LEAD);
      this.buf = larger;
    } else {
      buf.copyWithin(WINDOW_LEAD, pos, end);
    }
    this.origin += pos - WINDOW_LEAD;
    this.pos = WINDOW_LEAD;
    this.end = WINDOW_LEAD + end - pos;
  }

  /** Reads until `need` bytes are there. A file answers at once, so the promise is made only for what has to wait. */
  #fill(need: number): boolean | Promise<boolean> {
    while (this.end - this.pos < need) {
      const got = this.#stream.read(this.buf, this.end, this.buf.length - this.end);
      if (typeof got !== 'number') return this.#fillLater(got, need);
      if (got === 0) return false;
      this.end += got;
    }
    return true;
  }

  async #fillLater(first: Promise<number>, need: number): Promise<boolean> {
    const got = await first;
    this.end += got;
    return got > 0 && this.#fill(need);
  }
}

/** Bytes that are in memory as a whole, seen in views that 32-bit offsets can address. Borrows them until `close`. */
export class FixedWindow implements ByteWindow {
  buf: Uint8Array;
  pos = 0;
  end: number;
  origin = 0;
  readonly failure: null = null;
  readonly #bytes: Uint8Array;
  readonly #viewBytes: number;

  constructor(bytes: Uint8Array, viewBytes: number = VIEW_BYTES) {
    this.#bytes = bytes;
    this.#viewBytes = viewBytes;
    this.buf = bytes.subarray(0, viewBytes);
    this.end = this.buf.length;
  }

  get rawBytes(): number {
    return this.origin + this.pos;
  }

  refill(need: number): boolean {
    if (this.end - this.pos >= need) return true;
    this.origin += this.pos;
    this.buf = this.#bytes.subarray(this.origin, this.origin + Math.max(this.#viewBytes, need));
    this.pos = 0;
    this.end = this.buf.length;
    return this.end >= need;
  }

  async close(): Promise<void> {
    this.buf = this.buf.subarray(0, 0);
    this.pos = 0;
    this.end = 0;
  }
}
