/**
 * The extensions of a certificate.
 *
 *     Extensions   SEQUENCE SIZE (1..MAX) OF Extension
 *     Extension    SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
 *
 * RFC 5280 4.2. Those that say something about the server are read, each by its own file; of the others the OID is kept. Of an
 * extension given twice the first counts. Whatever is wrong inside a value stays inside it: the next extension is read
 * as if nothing had been.
 */
import type { Cursor } from '../bytes/cursor.ts';
import { readCrlUrls, readInformationAccess } from './access-points.ts';
import { readBasicConstraints } from './basic-constraints.ts';
import type { BasicConstraints, SignedCertificateTimestamp, SubjectAltNames } from './certificate.ts';
import { contentOf, expectEnd, readExpected, readOptional, Tag } from './der.ts';
import { readBoolean } from './der-boolean.ts';
import type { FaultList } from './faults.ts';
import { NO_ALT_NAMES, readAltNames } from './general-name.ts';
import { readAuthorityKeyId, readSubjectKeyId } from './key-identifiers.ts';
import { readExtendedKeyUsage, readKeyUsage } from './key-usage.ts';
import { MAX_EXTENSIONS } from './limits.ts';
import { readOid } from './oid.ts';
import { readPolicies } from './oid-list.ts';
import { readSctList } from './sct-list.ts';

export interface Extensions {
  extensionOids: string[];
  san: SubjectAltNames;
  hasSan: boolean;
  basicConstraints: BasicConstraints | null;
  keyUsage: readonly string[] | null;
  extendedKeyUsage: readonly string[] | null;
  subjectKeyId: string;
  authorityKeyId: string;
  policies: readonly string[];
  ocspUrls: readonly string[];
  caIssuerUrls: readonly string[];
  crlUrls: readonly string[];
  scts: readonly SignedCertificateTimestamp[];
}

export function noExtensions(): Extensions {
  return {
    extensionOids: [],
    san: NO_ALT_NAMES,
    hasSan: false,
    basicConstraints: null,
    keyUsage: null,
    extendedKeyUsage: null,
    subjectKeyId: '',
    authorityKeyId: '',
    policies: [],
    ocspUrls: [],
    caIssuerUrls: [],
    crlUrls: [],
    scts: [],
  };
}

type ReadValue = (value: Cursor, into: Extensions, faults: FaultList) => void;

const READERS: ReadonlyMap<string, ReadValue> = new Map<string, ReadValue>([
  ['2.5.29.14', (c, into, faults) => (into.subjectKeyId = readSubjectKeyId(c, faults))],
  ['2.5.29.15', (c, into, faults) => (into.keyUsage = readKeyUsage(c, faults))],
  ['2.5.29.17', (c, into, faults) => (into.san = readAltNames(c, faults))],
  ['2.5.29.19', (c, into, faults) => (into.basicConstraints = readBasicConstraints(c, faults))],
  ['2.5.29.31', (c, into, faults) => (into.crlUrls = readCrlUrls(c, faults))],
  ['2.5.29.32', (c, into, faults) => (into.policies = readPolicies(c, faults))],
  ['2.5.29.35', (c, into, faults) => (into.authorityKeyId = readAuthorityKeyId(c, faults))],
  ['2.5.29.37', (c, into, faults) => (into.extendedKeyUsage = readExtendedKeyUsage(c, faults))],
  ['1.3.6.1.5.5.7.1.1', (c, into, faults) => Object.assign(into, readInformationAccess(c, faults))],
  ['1.3.6.1.4.1.11129.2.4.2', (c, into, faults) => (into.scts = readSctList(c, faults))],
]);

const SUBJECT_ALT_NAME = '2.5.29.17';

/**
 * Critical extensions that a TLS client may know without our reading them: issuerAltName, nameConstraints, policyMappings,
 * policyConstraints, freshestCRL, inhibitAnyPolicy, and the TLS feature of RFC 7633.
 */
const ALSO_KNOWN: ReadonlySet<string> = new Set([
  '2.5.29.18',
  '2.5.29.30',
  '2.5.29.33',
  '2.5.29.36',
  '2.5.29.46',
  '2.5.29.54',
  '1.3.6.1.5.5.7.1.24',
]);

/** Reads the content of the SEQUENCE of extensions. */
export function readExtensions(c: Cursor, faults: FaultList): Extensions {
  const into = noExtensions();
  if (c.remaining === 0) faults.add('empty_sequence');
  for (let i = 0; i < MAX_EXTENSIONS && c.remaining > 0; i++) {
    const element = readExpected(c, Tag.Sequence, faults);
    if (element !== null) readExtension(contentOf(c, element), into, faults);
  }
  if (c.remaining > 0) faults.add('too_many_values');
  into.hasSan = into.extensionOids.includes(SUBJECT_ALT_NAME);
  return into;
}

function readExtension(c: Cursor, into: Extensions, faults: FaultList): void {
  const type = readExpected(c, Tag.Oid, faults);
  if (type === null) return;
  const oid = readOid(contentOf(c, type), faults);
  const flag = readOptional(c, Tag.Boolean, faults);
  const isCritical = flag !== null && readBoolean(contentOf(c, flag), faults);
  if (flag !== null && !isCritical) faults.add('der_default_encoded');
  const value = readExpected(c, Tag.OctetString, faults);
  expectEnd(c, faults);
  const isRepeated = into.extensionOids.includes(oid);
  into.extensionOids.push(oid);
  if (isRepeated) {
    faults.add('duplicate_extension');
    return;
  }
  const readValue = READERS.get(oid);
  if (readValue === undefined) {
    if (isCritical && !ALSO_KNOWN.has(oid)) faults.add('unknown_critical_extension');
    return;
  }
  if (value === null) return;
  const before = faults.added;
  readValue(contentOf(c, value), into, faults);
  if (faults.added > before) faults.add('bad_extension');
}
