/**
 * BIT STRING content.
 *
 *     unused   1 octet   bits of the last octet that are not part of the string, 0 to 7, and zero in DER
 *     bits     0..       first bit is the most significant of the first octet
 *
 * X.690 8.6 and 11.2.
 */
import type { Cursor } from '../bytes/cursor.ts';
import type { FaultList } from './faults.ts';

/** Reads the leading octet and leaves the cursor on the bits. Returns the number of unused ones. */
export function readUnusedBits(c: Cursor, faults: FaultList): number {
  if (c.remaining === 0) {
    faults.add('der_bad_bit_string');
    return 0;
  }
  const unused = c.u8();
  const last = c.remaining > 0 ? c.buf[c.end - 1]! : 0;
  if (unused > 7 || (unused > 0 && c.remaining === 0) || (last & ((1 << unused) - 1)) !== 0)
    faults.add('der_bad_bit_string');
  return unused > 7 ? 0 : unused;
}

/** Whether bit `n`, counted from the first, is set. Does not move. */
export function hasBit(c: Cursor, n: number): boolean {
  const at = c.pos + (n >> 3);
  return at < c.end && (c.buf[at]! & (0x80 >> (n & 7))) !== 0;
}
