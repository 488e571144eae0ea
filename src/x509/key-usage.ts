/**
 * What a key may be used for.
 *
 *     KeyUsage           BIT STRING of nine named bits
 *     ExtKeyUsageSyntax  SEQUENCE SIZE (1..MAX) OF OBJECT IDENTIFIER
 *
 * RFC 5280 4.2.1.3 and 4.2.1.12.
 */
import type { Cursor } from '../bytes/cursor.ts';
import { hasBit, readUnusedBits } from './bit-string.ts';
import { contentOf, expectEnd, readExpected, Tag } from './der.ts';
import type { FaultList } from './faults.ts';
import { readOidList } from './oid-list.ts';
import { KEY_PURPOSES } from './oids.ts';

const USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;

/** Reads the value of a KeyUsage extension. */
export function readKeyUsage(c: Cursor, faults: FaultList): string[] {
  const element = readExpected(c, Tag.BitString, faults);
  expectEnd(c, faults);
  if (element === null) return [];
  const bits = contentOf(c, element);
  readUnusedBits(bits, faults);
  return USAGES.filter((_, n) => hasBit(bits, n));
}

/** Reads the value of an ExtendedKeyUsage extension. */
export function readExtendedKeyUsage(c: Cursor, faults: FaultList): string[] {
  return readOidList(c, faults).map((oid) => KEY_PURPOSES.get(oid) ?? oid);
}
