/**
 * Certificates for servers that are reached over the loopback, made when a test wants them: by a CA of its own, self-signed, for
 * another name, expired. Node makes the keys, since node-forge takes seconds for one.
 */
import { generateKeyPairSync } from 'node:crypto';
import forge from 'node-forge';

const DAY_MS = 86_400_000;

export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
}

export interface CertificateWish {
  readonly commonName: string;
  /** DNS names, and addresses. */
  readonly names?: readonly string[];
  readonly addresses?: readonly string[];
  /** Days from now; from -1 to 30 where absent. */
  readonly validFromDays?: number;
  readonly validToDays?: number;
  readonly isCa?: boolean;
  /** Self-signed where absent. */
  readonly issuer?: TestCertificate;
}

let serial = 1;

export function makeCertificate(wish: CertificateWish): TestCertificate {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(pair.publicKey);
  certificate.serialNumber = (serial++).toString(16).padStart(4, '0');
  certificate.validity.notBefore = new Date(Date.now() + (wish.validFromDays ?? -1) * DAY_MS);
  certificate.validity.notAfter = new Date(Date.now() + (wish.validToDays ?? 30) * DAY_MS);
  const subject = [{ name: 'commonName', value: wish.commonName }];
  certificate.setSubject(subject);
  const issuer = wish.issuer === undefined ? null : forge.pki.certificateFromPem(wish.issuer.cert);
  certificate.setIssuer(issuer === null ? subject : issuer.subject.attributes);
  const altNames = [
    ...(wish.names ?? []).map((value) => ({ type: 2, value })),
    ...(wish.addresses ?? []).map((ip) => ({ type: 7, ip })),
  ];
  certificate.setExtensions([
    { name: 'basicConstraints', cA: wish.isCa === true },
    ...(altNames.length === 0 ? [] : [{ name: 'subjectAltName', altNames }]),
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(wish.issuer?.key ?? pair.privateKey), forge.md.sha256.create());
  return { key: pair.privateKey, cert: forge.pki.certificateToPem(certificate) };
}
