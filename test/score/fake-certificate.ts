import type { Certificate, SubjectAltNames } from '../../src/x509/certificate.ts';
import type { Name } from '../../src/x509/name.ts';

const NO_NAMES: SubjectAltNames = { dns: [], ip: [], email: [], uri: [], directory: [], other: [] };

/** What a test has to say of a certificate; the rest is as empty as the parser would leave it. */
export interface FakeFacts {
  /** `C=US,CN=www.example.org`: plain values, one attribute to a comma. */
  readonly subject?: string;
  readonly issuer?: string;
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly hasSan?: boolean;
  readonly signedByOwnKey?: boolean | null;
  readonly signatureAlgorithm?: string;
  /** Called when the signature is asked for. */
  readonly onVerify?: () => void;
}

export function fakeCertificate(facts: FakeFacts): Certificate {
  const subject = facts.subject ?? 'CN=shop.spanglass.net';
  const issuer = facts.issuer ?? 'C=US,O=Some CA,CN=Issuing CA 7';
  const san = { ...NO_NAMES, dns: facts.dns ?? [], ip: facts.ip ?? [] };
  return {
    der: new Uint8Array(0),
    md5: '',
    sha1: '',
    sha256: '',
    version: 3,
    serialDer: '01',
    serialHex: '01',
    serialDecimal: '1',
    subject: fakeName(subject),
    issuer: fakeName(issuer),
    notBefore: 0,
    notAfter: 0,
    notBeforeText: '',
    notAfterText: '',
    key: {
      algorithm: 'rsaEncryption',
      oid: '1.2.840.113549.1.1.1',
      bits: 2048,
      curve: '',
      exponent: '65537',
      spkiSha256: '',
    },
    signatureAlgorithm: facts.signatureAlgorithm ?? 'sha256WithRSAEncryption',
    innerSignatureAlgorithm: facts.signatureAlgorithm ?? 'sha256WithRSAEncryption',
    san,
    hasSan: facts.hasSan ?? (san.dns.length > 0 || san.ip.length > 0),
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
    extensionOids: [],
    isSelfIssued: subject === issuer,
    faults: [],
    isSelfSigned: () => {
      facts.onVerify?.();
      return facts.signedByOwnKey === undefined ? false : facts.signedByOwnKey;
    },
  };
}

function fakeName(text: string): Name {
  const rdns = text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => [{ type: part.slice(0, part.indexOf('=')), value: part.slice(part.indexOf('=') + 1) }]);
  return { rdns, text };
}
