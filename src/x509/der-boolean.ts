/** BOOLEAN content: one octet, 00 or, in DER, ff (X.690 8.2 and 11.1). Any other is true, and recorded. */
import type { Cursor } from '../bytes/cursor.ts';
import type { FaultList } from './faults.ts';

export function readBoolean(c: Cursor, faults: FaultList): boolean {
  const first = c.remaining > 0 ? c.buf[c.pos]! : 0;
  if (c.remaining !== 1 || (first !== 0 && first !== 0xff)) faults.add('der_bad_boolean');
  return first !== 0;
}
