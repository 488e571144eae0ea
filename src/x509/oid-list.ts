/** Lists of object identifiers: purposes (plain) and policies (each in a SEQUENCE with its qualifiers). */
import type { Cursor } from '../bytes/cursor.ts';
import { contentOf, expectEnd, readElement, readExpected, Tag } from './der.ts';
import type { FaultList } from './faults.ts';
import { MAX_LIST_VALUES } from './limits.ts';
import { readOid } from './oid.ts';

/** Reads `SEQUENCE SIZE (1..MAX) OF OBJECT IDENTIFIER`. */
export function readOidList(c: Cursor, faults: FaultList): string[] {
  return readList(c, faults, (inner) => {
    const element = readExpected(inner, Tag.Oid, faults);
    return element === null ? '' : readOid(contentOf(inner, element), faults);
  });
}

/** Reads the value of a CertificatePolicies extension (RFC 5280 4.2.1.4); qualifiers are not looked into. */
export function readPolicies(c: Cursor, faults: FaultList): string[] {
  return readList(c, faults, (inner) => {
    const policy = readExpected(inner, Tag.Sequence, faults);
    if (policy === null) return '';
    const content = contentOf(inner, policy);
    const element = readExpected(content, Tag.Oid, faults);
    const oid = element === null ? '' : readOid(contentOf(content, element), faults);
    if (readElement(content, faults) !== null) expectEnd(content, faults);
    return oid;
  });
}

function readList(c: Cursor, faults: FaultList, readOne: (inner: Cursor) => string): string[] {
  const values: string[] = [];
  const list = readExpected(c, Tag.Sequence, faults);
  expectEnd(c, faults);
  if (list === null) return values;
  const inner = contentOf(c, list);
  if (inner.remaining === 0) faults.add('empty_sequence');
  while (inner.remaining > 0 && values.length < MAX_LIST_VALUES) {
    const value = readOne(inner);
    if (value !== '') values.push(value);
  }
  if (inner.remaining > 0) faults.add('too_many_values');
  return values;
}
