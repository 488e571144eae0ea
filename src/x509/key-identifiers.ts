/**
 * Which key signed, and which is certified.
 *
 *     SubjectKeyIdentifier     OCTET STRING
 *     AuthorityKeyIdentifier   SEQUENCE { [0] keyIdentifier, [1] issuer GeneralNames, [2] serial number }   all optional
 *
 * RFC 5280 4.2.1.1 and 4.2.1.2. Issuer and serial number of the authority are not kept.
 */
import type { Cursor } from '../bytes/cursor.ts';
import { toHex } from '../bytes/hex.ts';
import { contentOf, contextTag, type Element, expectEnd, readExpected, readOptional, Tag } from './der.ts';
import type { FaultList } from './faults.ts';
import { MAX_HEX_OCTETS } from './limits.ts';

/** Reads the value of a SubjectKeyIdentifier extension. */
export function readSubjectKeyId(c: Cursor, faults: FaultList): string {
  const element = readExpected(c, Tag.OctetString, faults);
  expectEnd(c, faults);
  return element === null ? '' : keyIdHex(c, element);
}

/** Reads the value of an AuthorityKeyIdentifier extension; empty text where it holds no key identifier. */
export function readAuthorityKeyId(c: Cursor, faults: FaultList): string {
  const sequence = readExpected(c, Tag.Sequence, faults);
  expectEnd(c, faults);
  if (sequence === null) return '';
  const inner = contentOf(c, sequence);
  const element = readOptional(inner, contextTag(0, false), faults);
  readOptional(inner, contextTag(1, true), faults);
  readOptional(inner, contextTag(2, false), faults);
  expectEnd(inner, faults);
  return element === null ? '' : keyIdHex(inner, element);
}

function keyIdHex(c: Cursor, element: Element): string {
  return toHex(c.buf, element.contentAt, Math.min(element.contentEnd, element.contentAt + MAX_HEX_OCTETS));
}
