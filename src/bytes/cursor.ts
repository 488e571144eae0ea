/**
 * A bounds-checked, big-endian reader over borrowed bytes.
 *
 *     buf     0 ........ pos ............ end ........ buf.length
 *                        |<- readable ->|
 *
 * Failure is sticky: the first read past `end` records a fault and closes the window, and every later read
 * returns zero (or an empty view) without moving. A parser reads a whole message straight down the page and
 * looks at `fault` once, at the bottom. Fields read before the failure keep their values.
 *
 * Nothing here throws or copies. Every view aliases the caller's buffer and dies with it.
 */

/** Why a reader stopped. A parser may add its own reasons with `fail`; zero means it did not stop. */
export const Fault = {
  None: 0,
  /** A read ran past the end of its window. */
  Truncated: 1,
  /** A nested vector claims more bytes than its parent holds. */
  VectorTooLong: 2,
  /** A value that the grammar forbids, in a place where nothing sensible can follow. */
  BadValue: 3,
  /** A length that its grammar forbids (odd where it must be even, zero where it must not be). */
  BadLength: 4,
  /** Bytes were left over where the grammar ends. */
  TrailingBytes: 5,
  /** More elements than the parser's named cap. */
  TooMany: 6,
} as const;
export type Fault = (typeof Fault)[keyof typeof Fault];

/** The names of the faults, by number, as they appear in counters and events. */
export const FAULT_NAMES: readonly string[] = [
  'none',
  'truncated',
  'vector_too_long',
  'bad_value',
  'bad_length',
  'trailing_bytes',
  'too_many',
];

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

export class Cursor {
  buf: Uint8Array;
  pos: number;
  end: number;
  fault: Fault = Fault.None;

  constructor(buf: Uint8Array = EMPTY_BYTES, pos = 0, end: number = buf.length) {
    this.buf = buf;
    this.pos = pos;
    this.end = end;
  }

  /** Points this cursor at another window and forgets its fault. */
  reset(buf: Uint8Array, pos: number, end: number): this {
    this.buf = buf;
    this.pos = pos;
    this.end = end;
    this.fault = Fault.None;
    return this;
  }

  get remaining(): number {
    return this.end - this.pos;
  }

  u8(): number {
    const at = this.pos;
    if (at >= this.end) return this.fail(Fault.Truncated);
    this.pos = at + 1;
    return this.buf[at]!;
  }

  u16(): number {
    const at = this.pos;
    if (at + 2 > this.end) return this.fail(Fault.Truncated);
    this.pos = at + 2;
    return (this.buf[at]! << 8) | this.buf[at + 1]!;
  }

  u24(): number {
    const at = this.pos;
    if (at + 3 > this.end) return this.fail(Fault.Truncated);
    this.pos = at + 3;
    return (this.buf[at]! << 16) | (this.buf[at + 1]! << 8) | this.buf[at + 2]!;
  }

  /** 0 to 2^32-1. */
  u32(): number {
    const at = this.pos;
    if (at + 4 > this.end) return this.fail(Fault.Truncated);
    this.pos = at + 4;
    const buf = this.buf;
    return ((buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!) >>> 0;
  }

  /** A view of the next `n` bytes. Borrows. */
  bytes(n: number): Uint8Array {
    const at = this.pos;
    if (n > this.end - at) {
      this.fail(Fault.Truncated);
      return EMPTY_BYTES;
    }
    this.pos = at + n;
    return this.buf.subarray(at, at + n);
  }

  /** Moves over `n` bytes and returns where they began. */
  skip(n: number): number {
    const at = this.pos;
    if (n > this.end - at) {
      this.fail(Fault.Truncated);
      return this.pos;
    }
    this.pos = at + n;
    return at;
  }

  /** Narrows the window to the next `n` bytes and returns the outer end, for `leave`. */
  enter(n: number): number {
    const outer = this.end;
    if (n > outer - this.pos) this.fail(Fault.VectorTooLong);
    else this.end = this.pos + n;
    return outer;
  }

  /** Skips what is left of the inner vector and restores the window that `enter` narrowed. */
  leave(outer: number): void {
    if (this.fault !== Fault.None) return;
    this.pos = this.end;
    this.end = outer;
  }

  /** Records the first fault and closes the window. */
  fail(fault: Fault): 0 {
    if (this.fault === Fault.None) this.fault = fault;
    this.end = this.pos;
    return 0;
  }
}
