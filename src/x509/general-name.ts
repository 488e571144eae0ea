/**
 * GeneralName, and SubjectAltName, which is a list of them.
 *
 *     otherName                  [0] SEQUENCE { type-id OBJECT IDENTIFIER, [0] value ANY }
 *     rfc822Name                 [1] IA5String
 *     dNSName                    [2] IA5String
 *     x400Address                [3]
 *     directoryName              [4] Name
 *     ediPartyName               [5]
 *     uniformResourceIdentifier  [6] IA5String
 *     iPAddress                  [7] OCTET STRING of 4 or 16
 *     registeredID               [8] OBJECT IDENTIFIER
 *
 * RFC 5280 4.2.1.6. All tags are implicit but that of directoryName, since Name is a CHOICE. Text is copied.
 */
import type { Cursor } from '../bytes/cursor.ts';
import type { SubjectAltNames } from './certificate.ts';
import { contentOf, contextTag, type Element, expectEnd, readElement, readExpected, Tag } from './der.ts';
import { readIa5, readString } from './der-string.ts';
import type { FaultList } from './faults.ts';
import { readIpAddress } from './ip-address.ts';
import { MAX_GENERAL_NAMES, MAX_LIST_VALUES } from './limits.ts';
import { readName } from './name.ts';
import { readOid } from './oid.ts';

const OTHER_NAME = contextTag(0, true);
const EMAIL = contextTag(1, false);
const DNS = contextTag(2, false);
const X400_ADDRESS = contextTag(3, true);
const DIRECTORY_NAME = contextTag(4, true);
const EDI_PARTY_NAME = contextTag(5, true);
const IP_ADDRESS = contextTag(7, false);
const REGISTERED_ID = contextTag(8, false);

/** Tag of the one kind that other extensions look for. */
export const URI = contextTag(6, false);

export const NO_ALT_NAMES: SubjectAltNames = { dns: [], ip: [], email: [], uri: [], directory: [], other: [] };

/** Reads the value of a SubjectAltName extension. */
export function readAltNames(c: Cursor, faults: FaultList): SubjectAltNames {
  const names: Collected = { dns: [], ip: [], email: [], uri: [], directory: [], other: [] };
  const list = readExpected(c, Tag.Sequence, faults);
  expectEnd(c, faults);
  if (list === null) return names;
  const inner = contentOf(c, list);
  if (inner.remaining === 0) faults.add('empty_sequence');
  for (let i = 0; i < MAX_GENERAL_NAMES; i++) {
    const element = readElement(inner, faults);
    if (element === null) return names;
    collect(inner, element, names, faults);
  }
  if (inner.remaining > 0) faults.add('too_many_values');
  return names;
}

type Collected = { [Kind in keyof SubjectAltNames]: string[] };

function collect(c: Cursor, element: Element, names: Collected, faults: FaultList): void {
  switch (element.tag) {
    case DNS:
      names.dns.push(readIa5(c, element, faults));
      break;
    case IP_ADDRESS:
      collectAddress(contentOf(c, element), names, faults);
      break;
    case EMAIL:
      names.email.push(readIa5(c, element, faults));
      break;
    case URI:
      names.uri.push(readIa5(c, element, faults));
      break;
    case DIRECTORY_NAME:
      if (names.directory.length < MAX_LIST_VALUES)
        names.directory.push(readDirectoryName(contentOf(c, element), faults));
      else faults.add('too_many_values');
      break;
    case OTHER_NAME:
      names.other.push(readOtherName(contentOf(c, element), faults));
      break;
    case REGISTERED_ID:
      names.other.push(`registeredID:${readOid(contentOf(c, element), faults)}`);
      break;
    case X400_ADDRESS:
      names.other.push('x400Address');
      break;
    case EDI_PARTY_NAME:
      names.other.push('ediPartyName');
      break;
    default:
      faults.add('der_unexpected_tag');
  }
}

function collectAddress(c: Cursor, names: Collected, faults: FaultList): void {
  const address = readIpAddress(c);
  if (address === '') faults.add('bad_ip_address');
  else names.ip.push(address);
}

function readDirectoryName(c: Cursor, faults: FaultList): string {
  const name = readExpected(c, Tag.Sequence, faults);
  expectEnd(c, faults);
  return name === null ? '' : readName(contentOf(c, name), faults).text;
}

/** `oid:text` where the value is a string, such as a user principal name; else the OID alone. */
function readOtherName(c: Cursor, faults: FaultList): string {
  const type = readExpected(c, Tag.Oid, faults);
  if (type === null) return '';
  const oid = readOid(contentOf(c, type), faults);
  const wrapper = readExpected(c, contextTag(0, true), faults);
  expectEnd(c, faults);
  if (wrapper === null) return oid;
  const inner = contentOf(c, wrapper);
  const value = readElement(inner, faults);
  const text = value === null ? null : readString(inner, value, faults);
  return text === null ? oid : `${oid}:${text.value}`;
}
