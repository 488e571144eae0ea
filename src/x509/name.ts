/**
 * Distinguished names.
 *
 *     Name                        SEQUENCE OF RelativeDistinguishedName     most general first
 *     RelativeDistinguishedName   SET SIZE (1..MAX) OF AttributeTypeAndValue
 *     AttributeTypeAndValue       SEQUENCE { type OBJECT IDENTIFIER, value ANY }
 *
 * RFC 5280 4.1.2.4, X.501 9. Every attribute is kept, known or not, in its order. Text is copied. A SET that a lying length
 * put inside its neighbour is read as the RDN it is.
 */
import type { Cursor } from '../bytes/cursor.ts';
import { toHex } from '../bytes/hex.ts';
import { contentOf, type Element, expectEnd, peekTag, readElement, readExpected, Tag } from './der.ts';
import { type DerString, readString } from './der-string.ts';
import type { FaultList } from './faults.ts';
import { MAX_HEX_OCTETS, MAX_NAME_OCTETS, MAX_RDN_ATTRIBUTES, MAX_RDNS } from './limits.ts';
import { readOid } from './oid.ts';
import { ATTRIBUTE_TYPES } from './oids.ts';

/** One attribute of a distinguished name. */
interface NameAttribute {
  /** Short name (`CN`, `O`, `STREET`, `emailAddress`), or the dotted OID where it has none. */
  readonly type: string;
  /**
   * Valid text, unescaped in the sense of RFC 4514, safe in the sense of `bytes/text.ts`. `#` and the hexadecimal of its
   * DER where the value is not of a string type.
   */
  readonly value: string;
}

/** A distinguished name. */
export interface Name {
  /** RDNs in DER order (most general first, as a rule), each with its attributes. */
  readonly rdns: readonly (readonly NameAttribute[])[];
  /**
   * RFC 4514 string form: RDNs in reverse order of the DER, most specific first, attributes of one RDN joined by `+`:
   * `CN=www.example.com,O=Example\, Inc.,C=US`. An attribute without a short name is `1.2.3=#` and the hexadecimal of its
   * DER (2.4). What must not leave raw is `\NN`, octet by octet. Empty for an empty name.
   */
  readonly text: string;
}

export const EMPTY_NAME: Name = { rdns: [], text: '' };

/** The first value of a type, searched from the most general RDN; empty if there is none. */
export function firstValue(name: Name, type: string): string {
  for (const rdn of name.rdns) {
    for (const attribute of rdn) if (attribute.type === type) return attribute.value;
  }
  return '';
}

/** The last, most specific value of a type: of several common names it is the one that OpenSSL matches. */
export function lastValue(name: Name, type: string): string {
  return allValues(name, type).at(-1) ?? '';
}

/** All values of a type, in DER order. */
export function allValues(name: Name, type: string): string[] {
  const values: string[] = [];
  for (const rdn of name.rdns) {
    for (const attribute of rdn) if (attribute.type === type) values.push(attribute.value);
  }
  return values;
}

/** What stands behind the last `@` of the first e-mail address in a name, lower case; empty if there is none. */
export function emailDomain(name: Name): string {
  const email = firstValue(name, 'emailAddress') || firstValue(name, 'mail');
  const at = email.lastIndexOf('@');
  return at < 0 ? '' : email.slice(at + 1).toLowerCase();
}

/** Reads the RDNs in the content of a Name. */
export function readName(c: Cursor, faults: FaultList): Name {
  const rdns: NameAttribute[][] = [];
  const texts: string[] = [];
  if (c.remaining > MAX_NAME_OCTETS) {
    faults.add('too_many_values');
    c.end = c.pos + MAX_NAME_OCTETS;
  }
  while (c.remaining > 0 && rdns.length < MAX_RDNS) {
    const set = readExpected(c, Tag.Set, faults);
    if (set === null) break;
    const inner = contentOf(c, set);
    const attributes: NameAttribute[] = [];
    const text = readRdn(inner, attributes, faults);
    if (attributes.length > 0) {
      rdns.push(attributes);
      texts.push(text);
    }
    // Whatever the length of this set says, the next one begins where one was met.
    if (peekTag(inner) === Tag.Set) c.pos = inner.pos;
  }
  if (c.remaining > 0) faults.add('too_many_values');
  return rdns.length === 0 ? EMPTY_NAME : { rdns, text: texts.toReversed().join(',') };
}

/** Reads attributes up to the end of the set, or to another set. Returns their RFC 4514 form. */
function readRdn(c: Cursor, attributes: NameAttribute[], faults: FaultList): string {
  let text = '';
  let before: Element | null = null;
  if (c.remaining === 0) faults.add('empty_sequence');
  while (c.remaining > 0 && attributes.length < MAX_RDN_ATTRIBUTES) {
    if (peekTag(c) === Tag.Set) {
      faults.add('der_unexpected_tag');
      return text;
    }
    const element = readExpected(c, Tag.Sequence, faults);
    if (element === null) return text;
    if (before !== null && isBefore(c.buf, element, before)) faults.add('der_set_order');
    before = element;
    const written = readAttribute(contentOf(c, element), attributes, faults);
    text += text === '' || written === '' ? written : `+${written}`;
  }
  if (c.remaining > 0) faults.add('too_many_values');
  return text;
}

/** Adds the attribute and returns its RFC 4514 form; empty where there is none to read. */
function readAttribute(c: Cursor, attributes: NameAttribute[], faults: FaultList): string {
  const type = readExpected(c, Tag.Oid, faults);
  if (type === null) return '';
  const oid = readOid(contentOf(c, type), faults);
  const value = readElement(c, faults);
  if (value === null) {
    faults.add('der_unexpected_tag');
    return '';
  }
  expectEnd(c, faults);
  const shortName = ATTRIBUTE_TYPES.get(oid);
  const string = readString(c, value, faults);
  if (string === null) faults.add('not_a_string');
  const shown = string ?? hexForm(c, value);
  attributes.push({ type: shortName ?? oid, value: shown.value });
  return shortName === undefined ? `${oid}=${hexForm(c, value).escaped}` : `${shortName}=${shown.escaped}`;
}

/** RFC 4514 2.4: `#` and the DER, identifier and length included. A long value is cut. */
function hexForm(c: Cursor, value: Element): DerString {
  const hex = `#${toHex(c.buf, value.at, Math.min(value.end, value.at + MAX_HEX_OCTETS))}`;
  return { value: hex, escaped: hex };
}

/** The order of a SET OF in DER (X.690 11.6): by octets, the shorter one first if it is a prefix. */
function isBefore(buf: Uint8Array, a: Element, b: Element): boolean {
  return Buffer.compare(buf.subarray(a.at, a.end), buf.subarray(b.at, b.end)) < 0;
}
