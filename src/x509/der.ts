/**
 * ASN.1 elements in the Distinguished Encoding Rules, read leniently: BER that can be read is read, and recorded.
 *
 *     identifier   1 + 0..4    class 2 bits | constructed 1 | number 5; 31 means that the number follows, base 128
 *     length       1 + 0..4    0..127 | 0x80 indefinite | 0x81..0x84 and that many octets
 *     content      length      or, if indefinite, elements up to 00 00
 *
 * X.690 8.1 and 10. A length that runs past its window is cut to the window, so that a lie spoils one element and what
 * is in it, not what stands before. Content is not looked at here, except to find the end of an indefinite length.
 * Elements are offsets into the borrowed buffer.
 */
import { Cursor, Fault } from '../bytes/cursor.ts';
import type { FaultList } from './faults.ts';
import { MAX_DEPTH, MAX_LENGTH_OCTETS, MAX_TAG_OCTETS } from './limits.ts';

/** Identifier octets of the universal types that certificates use. */
export const Tag = {
  Boolean: 0x01,
  Integer: 0x02,
  BitString: 0x03,
  OctetString: 0x04,
  Null: 0x05,
  Oid: 0x06,
  Utf8String: 0x0c,
  NumericString: 0x12,
  PrintableString: 0x13,
  T61String: 0x14,
  VideotexString: 0x15,
  Ia5String: 0x16,
  UtcTime: 0x17,
  GeneralizedTime: 0x18,
  GraphicString: 0x19,
  VisibleString: 0x1a,
  GeneralString: 0x1b,
  UniversalString: 0x1c,
  BmpString: 0x1e,
  Sequence: 0x30,
  Set: 0x31,
} as const;

/** Identifier octet of a context-specific tag below 31. */
export function contextTag(number: number, isConstructed: boolean): number {
  return 0x80 | (isConstructed ? 0x20 : 0) | number;
}

const CONSTRUCTED = 0x20;
const HIGH_NUMBER = 0x1f;
const INDEFINITE = 0x80;

export interface Element {
  /** Identifier octet; a number of 31 or more stands above it: `octet + number * 256`. */
  readonly tag: number;
  /** Where the identifier is. */
  readonly at: number;
  readonly contentAt: number;
  readonly contentEnd: number;
  /** Where the next element begins: two beyond the content if the length is indefinite, else the same. */
  readonly end: number;
  /** The length ran past the window. */
  readonly isCut: boolean;
}

/** The next element, or null at the end of the window and where there is no header to read. */
export function readElement(c: Cursor, faults: FaultList): Element | null {
  if (c.remaining === 0) return null;
  const element = readHeader(c, faults, 0);
  if (element === null) faults.add('der_truncated');
  else c.pos = element.end;
  return element;
}

/**
 * The element that the grammar has here. One of another type is recorded and still returned: its place says what it
 * was meant to be. Null if the window is empty.
 */
export function readExpected(c: Cursor, tag: number, faults: FaultList): Element | null {
  const element = readElement(c, faults);
  if (element === null || element.tag !== tag) faults.add('der_unexpected_tag');
  return element;
}

/** The next element if it is of this type; otherwise null, and nothing is moved or recorded. */
export function readOptional(c: Cursor, tag: number, faults: FaultList): Element | null {
  return peekTag(c) === tag ? readElement(c, faults) : null;
}

/** The next identifier octet, or -1 at the end. Does not move. */
export function peekTag(c: Cursor): number {
  return c.remaining > 0 ? c.buf[c.pos]! : -1;
}

/** A cursor over the content of an element. Borrows. */
export function contentOf(c: Cursor, element: Element): Cursor {
  return new Cursor(c.buf, element.contentAt, element.contentEnd);
}

/** Records what is left in a window where its grammar has ended. */
export function expectEnd(c: Cursor, faults: FaultList): void {
  if (c.remaining > 0) faults.add('trailing_bytes');
}

function readHeader(c: Cursor, faults: FaultList, depth: number): Element | null {
  const at = c.pos;
  const octet = c.u8();
  const tag = (octet & HIGH_NUMBER) === HIGH_NUMBER ? octet + 256 * readTagNumber(c, faults) : octet;
  const first = c.u8();
  if (c.fault !== Fault.None) return null;
  if (first === INDEFINITE) return readIndefinite(c, tag, at, faults, depth);
  const length = first < INDEFINITE ? first : readLongLength(c, first, faults);
  if (c.fault !== Fault.None) return null;
  const contentAt = c.pos;
  const isCut = length > c.end - contentAt;
  if (isCut) faults.add('der_truncated');
  const end = isCut ? c.end : contentAt + length;
  return { tag, at, contentAt, contentEnd: end, end, isCut };
}

function readTagNumber(c: Cursor, faults: FaultList): number {
  let number = 0;
  for (let i = 0; i < MAX_TAG_OCTETS; i++) {
    const octet = c.u8();
    if (i === 0 && octet === INDEFINITE) faults.add('der_bad_tag');
    number = number * 128 + (octet & 0x7f);
    if (octet < 0x80) {
      if (number < HIGH_NUMBER) faults.add('der_bad_tag');
      return number;
    }
  }
  faults.add('der_bad_tag');
  c.fail(Fault.TooMany);
  return number;
}

/** A length beyond any window where the form is one that nobody reads. */
function readLongLength(c: Cursor, first: number, faults: FaultList): number {
  const octets = first & 0x7f;
  if (octets > MAX_LENGTH_OCTETS) {
    faults.add('der_bad_length');
    c.skip(Math.min(octets, c.remaining));
    return Number.POSITIVE_INFINITY;
  }
  let length = 0;
  for (let i = 0; i < octets; i++) length = length * 256 + c.u8();
  const needed = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x1_0000 ? 2 : length < 0x100_0000 ? 3 : 4;
  if (octets > needed && c.fault === Fault.None) faults.add('der_nonminimal_length');
  return length;
}

/** Walks the elements of an indefinite length up to its end-of-contents octets. */
function readIndefinite(c: Cursor, tag: number, at: number, faults: FaultList, depth: number): Element {
  const contentAt = c.pos;
  if ((tag & CONSTRUCTED) === 0) {
    faults.add('der_bad_length');
    return { tag, at, contentAt, contentEnd: c.end, end: c.end, isCut: true };
  }
  faults.add('der_indefinite_length');
  if (depth >= MAX_DEPTH) {
    faults.add('der_too_deep');
    return { tag, at, contentAt, contentEnd: c.end, end: c.end, isCut: true };
  }
  while (c.remaining >= 2) {
    const childAt = c.pos;
    if (c.buf[childAt] === 0 && c.buf[childAt + 1] === 0) {
      return { tag, at, contentAt, contentEnd: childAt, end: childAt + 2, isCut: false };
    }
    const child = readHeader(c, faults, depth + 1);
    if (child === null) break;
    c.pos = child.end;
  }
  faults.add('der_truncated');
  return { tag, at, contentAt, contentEnd: c.end, end: c.end, isCut: true };
}
