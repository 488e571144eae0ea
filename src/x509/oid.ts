/**
 * Object identifiers as dotted text.
 *
 *     arcs   each base 128, most significant first, the high bit set on all octets but the last;
 *            the first holds two: 40 x (0, 1 or 2) + second
 *
 * X.690 8.19. Arcs have no upper limit in the standard, and UUID arcs (2.25) take 128 bits: beyond 2^53 they are read as
 * BigInt. A padded arc is read and recorded; what follows a cut arc does not exist.
 */
import type { Cursor } from '../bytes/cursor.ts';
import type { FaultList } from './faults.ts';
import { MAX_OID_OCTETS } from './limits.ts';

/** An arc below this can take seven more bits and still be a safe integer. */
const SAFE_BEFORE_SHIFT = 2 ** 46;

/** Reads the content of an OBJECT IDENTIFIER; empty text where there is no whole arc. */
export function readOid(c: Cursor, faults: FaultList): string {
  if (c.remaining === 0 || c.remaining > MAX_OID_OCTETS) {
    faults.add('der_bad_oid');
    return '';
  }
  let text = '';
  while (c.remaining > 0) {
    const arc = readArc(c, faults);
    if (arc === null) break;
    text += text === '' ? firstArcs(arc) : `.${arc}`;
  }
  return text;
}

function readArc(c: Cursor, faults: FaultList): number | bigint | null {
  let arc: number | bigint = 0;
  let octet = c.u8();
  if (octet === 0x80) faults.add('der_bad_oid');
  while (octet >= 0x80 && c.remaining > 0) {
    arc = appendBits(arc, octet & 0x7f);
    octet = c.u8();
  }
  if (octet < 0x80) return appendBits(arc, octet);
  faults.add('der_bad_oid');
  return null;
}

function appendBits(arc: number | bigint, bits: number): number | bigint {
  if (typeof arc === 'number' && arc < SAFE_BEFORE_SHIFT) return arc * 128 + bits;
  return (BigInt(arc) << 7n) | BigInt(bits);
}

function firstArcs(arc: number | bigint): string {
  if (arc < 40) return `0.${arc}`;
  if (arc < 80) return `1.${Number(arc) - 40}`;
  return typeof arc === 'number' ? `2.${arc - 80}` : `2.${arc - 80n}`;
}
