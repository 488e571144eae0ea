/**
 * Where more can be fetched: the issuer's certificate, its OCSP responder, its revocation lists.
 *
 *     AuthorityInfoAccess     SEQUENCE OF SEQUENCE { accessMethod OBJECT IDENTIFIER, accessLocation GeneralName }
 *     CRLDistributionPoints   SEQUENCE OF SEQUENCE { [0] distributionPoint, [1] reasons, [2] cRLIssuer }   all optional
 *     DistributionPointName   [0] fullName GeneralNames, or [1] a name relative to the issuer's
 *
 * RFC 5280 4.2.2.1 and 4.2.1.13. Only URIs are kept.
 */
import type { Cursor } from '../bytes/cursor.ts';
import { contentOf, contextTag, expectEnd, readElement, readExpected, readOptional, Tag } from './der.ts';
import { readIa5 } from './der-string.ts';
import type { FaultList } from './faults.ts';
import { URI } from './general-name.ts';
import { MAX_LIST_VALUES } from './limits.ts';
import { readOid } from './oid.ts';

const OCSP = '1.3.6.1.5.5.7.48.1';
const CA_ISSUERS = '1.3.6.1.5.5.7.48.2';

export interface InformationAccess {
  readonly ocspUrls: string[];
  readonly caIssuerUrls: string[];
}

/** Reads the value of an AuthorityInformationAccess extension. */
export function readInformationAccess(c: Cursor, faults: FaultList): InformationAccess {
  const access: InformationAccess = { ocspUrls: [], caIssuerUrls: [] };
  forEachSequence(c, faults, (inner) => {
    const method = readExpected(inner, Tag.Oid, faults);
    if (method === null) return;
    const oid = readOid(contentOf(inner, method), faults);
    const location = readElement(inner, faults);
    expectEnd(inner, faults);
    if (location?.tag !== URI) return;
    if (oid === OCSP) access.ocspUrls.push(readIa5(inner, location, faults));
    else if (oid === CA_ISSUERS) access.caIssuerUrls.push(readIa5(inner, location, faults));
  });
  return access;
}

/** Reads the value of a CRLDistributionPoints extension. */
export function readCrlUrls(c: Cursor, faults: FaultList): string[] {
  const urls: string[] = [];
  forEachSequence(c, faults, (inner) => {
    const point = readOptional(inner, contextTag(0, true), faults);
    readOptional(inner, contextTag(1, false), faults);
    readOptional(inner, contextTag(2, true), faults);
    expectEnd(inner, faults);
    if (point === null) return;
    const fullName = readOptional(contentOf(inner, point), contextTag(0, true), faults);
    if (fullName !== null) collectUris(contentOf(inner, fullName), urls, faults);
  });
  return urls;
}

function collectUris(c: Cursor, urls: string[], faults: FaultList): void {
  while (urls.length < MAX_LIST_VALUES) {
    const name = readElement(c, faults);
    if (name === null) return;
    if (name.tag === URI) urls.push(readIa5(c, name, faults));
  }
  if (c.remaining > 0) faults.add('too_many_values');
}

function forEachSequence(c: Cursor, faults: FaultList, read: (inner: Cursor) => void): void {
  const list = readExpected(c, Tag.Sequence, faults);
  expectEnd(c, faults);
  if (list === null) return;
  const inner = contentOf(c, list);
  if (inner.remaining === 0) faults.add('empty_sequence');
  for (let i = 0; i < MAX_LIST_VALUES && inner.remaining > 0; i++) {
    const element = readExpected(inner, Tag.Sequence, faults);
    if (element !== null) read(contentOf(inner, element));
  }
  if (inner.remaining > 0) faults.add('too_many_values');
}
