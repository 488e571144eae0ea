import type { Certificate } from '../../src/x509/certificate.ts';
import type { Name } from '../../src/x509/name.ts';
import { emptyCertificate, NO_NAMES } from '../event/sample-facts.ts';

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
  const signatureAlgorithm = facts.signatureAlgorithm ?? 'sha256WithRSAEncryption';
  return emptyCertificate({
    version: 3,
    subject: fakeName(subject),
    issuer: fakeName(issuer),
    signatureAlgorithm,
    innerSignatureAlgorithm: signatureAlgorithm,
    san,
    hasSan: facts.hasSan ?? (san.dns.length > 0 || san.ip.length > 0),
    isSelfIssued: subject === issuer,
    isSelfSigned: () => {
      facts.onVerify?.();
      return facts.signedByOwnKey === undefined ? false : facts.signedByOwnKey;
    },
  });
}

function fakeName(text: string): Name {
  const rdns = text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => [{ type: part.slice(0, part.indexOf('=')), value: part.slice(part.indexOf('=') + 1) }]);
  return { rdns, text };
}
