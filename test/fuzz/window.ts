/**
 * Inputs in the middle of foreign bytes. What is read twice, between two kinds of them, must come out the same: a parser that
 * looks outside its window sees a difference.
 */
import { isDeepStrictEqual } from 'node:util';

import { promise } from './fuzz-target.ts';

const MARGIN = 64;
const MAX_BYTES = 262_144;

/** One kind reads as zeros; the other as lengths, tags and records that go on. */
const POISONS = [poisoned([0x00]), poisoned([0xff, 0x16, 0x03, 0x01, 0x30, 0x82])];

function poisoned(pattern: readonly number[]): Uint8Array {
  return new Uint8Array(MAX_BYTES + 2 * MARGIN).map((_, i) => pattern[i % pattern.length]!);
}

const backgrounds = POISONS.map((poison) => poison.slice());

/** What `read` makes of the bytes in a window of foreign ones. The buffer is used again: nothing may keep it. */
export function readInWindow<T>(bytes: Uint8Array, read: (buf: Uint8Array, at: number, end: number) => T): T {
  const first = readBetween(0, bytes, read);
  const second = readBetween(1, bytes, read);
  promise(isDeepStrictEqual(first, second), 'the result depends on bytes outside the window');
  return first;
}

/** The same once, where reading twice takes too long. */
export function readOnceInWindow<T>(bytes: Uint8Array, read: (buf: Uint8Array, at: number, end: number) => T): T {
  return readBetween(bytes.length & 1, bytes, read);
}

function readBetween<T>(which: number, bytes: Uint8Array, read: (buf: Uint8Array, at: number, end: number) => T): T {
  promise(bytes.length <= MAX_BYTES, 'an input too large for the window');
  const buf = backgrounds[which]!;
  const end = MARGIN + bytes.length;
  buf.set(bytes, MARGIN);
  try {
    const result = read(buf, MARGIN, end);
    promise(Buffer.compare(buf.subarray(MARGIN, end), bytes) === 0, 'the input was written to');
    return result;
  } finally {
    buf.set(POISONS[which]!.subarray(MARGIN, end), MARGIN);
  }
}
