/** Certificates and what is in them: always an answer, with safe text and faults that have a name. */
import { Cursor } from '../../src/bytes/cursor.ts';
import { readCrlUrls, readInformationAccess } from '../../src/x509/access-points.ts';
import { checkSignatureParameters, readAlgorithm } from '../../src/x509/algorithm.ts';
import { readBasicConstraints } from '../../src/x509/basic-constraints.ts';
import { readUnusedBits } from '../../src/x509/bit-string.ts';
import { CertificateCache } from '../../src/x509/certificate-cache.ts';
import { ChainCache } from '../../src/x509/chain-cache.ts';
import { contentOf, readElement } from '../../src/x509/der.ts';
import { readSerial, readSmallInteger } from '../../src/x509/der-integer.ts';
import { readString } from '../../src/x509/der-string.ts';
import { readTime } from '../../src/x509/der-time.ts';
import { readExtensions } from '../../src/x509/extensions.ts';
import { FaultList, X509_FAULTS } from '../../src/x509/faults.ts';
import { readAltNames } from '../../src/x509/general-name.ts';
import { readIpAddress } from '../../src/x509/ip-address.ts';
import { readAuthorityKeyId, readSubjectKeyId } from '../../src/x509/key-identifiers.ts';
import { readExtendedKeyUsage, readKeyUsage } from '../../src/x509/key-usage.ts';
import { readName } from '../../src/x509/name.ts';
import { readOid } from '../../src/x509/oid.ts';
import { readOidList, readPolicies } from '../../src/x509/oid-list.ts';
import { parseCertificate } from '../../src/x509/parse-certificate.ts';
import { readPublicKey } from '../../src/x509/public-key.ts';
import { readSctList } from '../../src/x509/sct-list.ts';
import { type FuzzTarget, promise } from './fuzz-target.ts';
import type { Samples } from './samples.ts';
import { checkText } from './targets-bytes.ts';
import { readInWindow, readOnceInWindow } from './window.ts';

const MAX_CERTIFICATES = 120;
const MAX_ELEMENTS = 400;
const MAX_DEPTH = 12;
const MAX_CERTIFICATE_TEXT = 4_000_000;

const certificate: FuzzTarget = {
  name: 'x509.certificate',
  weight: 600,
  maxBytes: 8192,
  seeds: ({ certificates }) => certificates.slice(0, MAX_CERTIFICATES),
  run(bytes) {
    const read = readOnceInWindow(bytes, (buf, at, end) => parseCertificate(buf.subarray(at, end)));
    for (const fault of read.faults) promise(Object.hasOwn(X509_FAULTS, fault), `a fault without a sentence: ${fault}`);
    promise(new Set(read.faults).size === read.faults.length, 'a fault is told twice');
    promise(read.der.length === bytes.length, 'the certificate lost bytes');
    promise([0, 1, 2, 3].includes(read.version), 'a version that is none');
    checkText(read.subject.text);
    checkText(read.issuer.text);
    const { dns, ip, email, uri, directory, other } = read.san;
    for (const list of [dns, ip, email, uri, directory, other, read.ocspUrls, read.crlUrls, read.caIssuerUrls])
      list.forEach(checkText);
    promise(JSON.stringify({ ...read, der: null }).length < MAX_CERTIFICATE_TEXT, 'a certificate that says too much');
    // A verification takes a hundred times as long as the rest.
    if (bytes.length % 16 === 0)
      promise([true, false, null].includes(read.isSelfSigned()), 'no answer whether self-signed');
  },
};

/** Small caches for all inputs: evictions at nearly every one. */
const chains = new ChainCache(new CertificateCache(64, 262_144), 32, 131_072);

/** A list of certificates, as the first byte cuts it. */
const chain: FuzzTarget = {
  name: 'x509.chain-cache',
  weight: 100,
  maxBytes: 8192,
  seeds: ({ certificates }) => certificates.slice(0, MAX_CERTIFICATES),
  run(bytes) {
    const parts = 1 + ((bytes[0] ?? 0) & 3);
    const step = Math.ceil(bytes.length / parts);
    readOnceInWindow(bytes, (buf, at, end) => {
      const ranges: number[] = [];
      for (let from = at; from < end; from += step) ranges.push(from, Math.min(end, from + step));
      const made = chains.get(buf, at, end) ?? chains.put(buf, at, end, ranges);
      promise(made.certificates.length <= ranges.length / 2, 'more certificates than were sent');
      promise(
        made.certificates.every((one) => one.der.buffer !== buf.buffer),
        'a certificate borrows its bytes',
      );
    });
    const { entries, bytes: weight } = chains.counters;
    promise(entries <= 32 && weight <= 131_072 && weight >= 0, 'a cache beyond its caps');
    const inner = chains.certificates.counters;
    promise(inner.entries <= 64 && inner.bytes <= 262_144 && inner.bytes >= 0, 'a cache beyond its caps');
  },
};

/** The parsers inside, each over one window. The seeds are all elements of the samples, fit or not: nobody says what is in which. */
const FIELDS: Readonly<Record<string, (c: Cursor, faults: FaultList) => unknown>> = {
  name: readName,
  extensions: readExtensions,
  'alt-names': readAltNames,
  'sct-list': readSctList,
  'information-access': readInformationAccess,
  'crl-urls': readCrlUrls,
  policies: readPolicies,
  'oid-list': readOidList,
  oid: readOid,
  'key-usage': readKeyUsage,
  'extended-key-usage': readExtendedKeyUsage,
  'basic-constraints': readBasicConstraints,
  'authority-key-id': readAuthorityKeyId,
  'subject-key-id': readSubjectKeyId,
  'ip-address': (c) => readIpAddress(c),
  serial: readSerial,
  'small-integer': readSmallInteger,
  'unused-bits': readUnusedBits,
  algorithm: (c, faults) => {
    const algorithm = readAlgorithm(c, faults);
    checkSignatureParameters(c, algorithm, faults);
    return algorithm;
  },
  string: (c, faults) => {
    const element = readElement(c, faults);
    return element === null ? null : readString(c, element, faults);
  },
  time: (c, faults) => {
    const element = readElement(c, faults);
    return element === null ? null : readTime(c, element, faults);
  },
  'public-key': (c, faults) => {
    const element = readElement(c, faults);
    return element === null ? null : readPublicKey(c, element, faults);
  },
  elements: readElements,
};

const NAMES = Object.keys(FIELDS);

/** The rest of a window as elements, and what is in them. */
function readElements(c: Cursor, faults: FaultList): unknown {
  const found: number[] = [];
  for (let n = 0; n < 1000 && c.remaining > 0; n++) {
    const element = readElement(c, faults);
    if (element === null) break;
    promise(
      element.at <= element.contentAt && element.contentAt <= element.contentEnd && element.contentEnd <= element.end,
      'an element whose parts are out of order',
    );
    promise(element.end <= c.end, 'an element longer than its window');
    promise(element.end > element.at, 'an element without progress');
    found.push(element.tag, element.contentAt, element.contentEnd);
    if ((element.tag & 0x20) !== 0) c.pos = element.contentAt;
  }
  return found;
}

function fieldTarget(name: string): FuzzTarget {
  const read = FIELDS[name]!;
  return {
    name: `x509.${name}`,
    weight: 80,
    maxBytes: 2048,
    seeds: elementsOf,
    run(bytes) {
      readInWindow(bytes, (buf, at, end) => {
        const c = new Cursor(buf, at, end);
        const faults = new FaultList();
        const result = read(c, faults);
        promise(c.pos >= at && c.pos <= end, 'the cursor left its window');
        return [result, faults.names];
      });
    },
  };
}

export const X509_TARGETS: readonly FuzzTarget[] = [certificate, chain, ...NAMES.map(fieldTarget)];

/** Windows over elements of the sample certificates: whole ones, and their contents. */
function elementsOf({ certificates }: Samples): Uint8Array[] {
  const windows = new Map<string, Uint8Array>();
  for (const der of certificates) collectElements(der, new Cursor(der), windows, 0);
  return [...windows.values()];
}

function collectElements(der: Uint8Array, c: Cursor, windows: Map<string, Uint8Array>, depth: number): void {
  const faults = new FaultList();
  if (depth >= MAX_DEPTH) return;
  while (c.remaining > 0 && windows.size < MAX_ELEMENTS) {
    const element = readElement(c, faults);
    if (element === null) return;
    for (const window of [der.slice(element.at, element.end), der.slice(element.contentAt, element.contentEnd)]) {
      if (window.length <= 1024) windows.set(Buffer.from(window).toString('latin1'), window);
    }
    // The value of an extension is DER inside an OCTET STRING.
    if ((element.tag & 0x20) !== 0 || element.tag === 0x04)
      collectElements(der, contentOf(c, element), windows, depth + 1);
  }
}
