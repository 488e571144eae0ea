import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { parseCertificate } from '../../src/x509/parse-certificate.ts';
import {
  bits,
  type CertificateParts,
  certificate,
  commonName,
  concat,
  int,
  nul,
  oid,
  parts,
  seq,
} from './der-writer.ts';

const ed25519 = generateKeyPairSync('ed25519');
const SPKI = new Uint8Array(ed25519.publicKey.export({ type: 'spki', format: 'der' }));

/** A certificate that names itself, signed with the key it carries or with another. */
function selfIssued(change: Partial<CertificateParts> = {}, key = ed25519.privateKey): Certificate {
  const p: CertificateParts = {
    ...parts(),
    issuer: commonName('me'),
    subject: commonName('me'),
    publicKey: SPKI,
    ...change,
  };
  const tbs = seq(
    p.version,
    p.serial,
    p.innerAlgorithm,
    p.issuer,
    p.validity,
    p.subject,
    p.publicKey,
    p.uniqueIds,
    p.extensions,
  );
  return parseCertificate(seq(tbs, p.outerAlgorithm, bits(toHex(sign(null, tbs, key)))));
}

const rsaKey = (modulusBits: number, exponent: string): Uint8Array =>
  seq(
    seq(oid('1.2.840.113549.1.1.1'), nul()),
    bits(toHex(seq(int(`00${'c5'.repeat(modulusBits / 8)}`), int(exponent)))),
  );

const sha256WithRsa = seq(oid('1.2.840.113549.1.1.11'), nul());
const asRsa = { innerAlgorithm: sha256WithRsa, outerAlgorithm: sha256WithRsa };

describe('a self-signature', () => {
  it('holds with the key that the certificate carries', () => {
    expect(selfIssued().isSelfSigned()).toBe(true);
  });

  it('does not hold with another key, though the names are equal', () => {
    const cert = selfIssued({}, generateKeyPairSync('ed25519').privateKey);
    expect(cert.isSelfIssued).toBe(true);
    expect(cert.isSelfSigned()).toBe(false);
  });

  it('is not asked for where the names differ', () => {
    const cert = selfIssued({ issuer: commonName('somebody else') });
    expect(cert.isSelfIssued).toBe(false);
    expect(cert.isSelfSigned()).toBe(false);
  });

  it('compares names by their octets, not by their text', () => {
    expect(selfIssued({ issuer: commonName('me', 0x13) }).isSelfIssued).toBe(false);
  });

  it('holds between empty names', () => {
    expect(selfIssued({ issuer: seq(), subject: seq() }).isSelfSigned()).toBe(true);
  });

  it('is remembered', () => {
    const cert = selfIssued();
    cert.isSelfSigned();
    cert.der.fill(0);
    expect(cert.isSelfSigned()).toBe(true);
  });

  it.each<[string, Partial<CertificateParts>]>([
    ['a signature algorithm that nobody knows', { outerAlgorithm: seq(oid('1.2.3')) }],
    ['a digest that nobody should compute', { outerAlgorithm: seq(oid('1.2.840.113549.1.1.2'), nul()) }],
    ['a key algorithm that nobody knows', { publicKey: seq(seq(oid('1.2.3')), bits('00')) }],
    ['a modulus beyond the cap', { ...asRsa, publicKey: rsaKey(8200, '010001') }],
    ['an exponent beyond the cap', { ...asRsa, publicKey: rsaKey(2048, '0100000001') }],
    ['an exponent that is too long to show', { ...asRsa, publicKey: rsaKey(2048, '11'.repeat(200)) }],
    ['a key that OpenSSL refuses', { publicKey: seq(seq(oid('1.3.101.112')), bits('11')) }],
  ])('can not be told with %s', (_, change) => {
    expect(selfIssued(change).isSelfSigned()).toBeNull();
  });

  it('can not be told where the certificate is cut', () => {
    const der = certificate({ issuer: commonName('me'), subject: commonName('me') });
    expect(parseCertificate(der.subarray(0, -1)).isSelfSigned()).toBeNull();
    expect(parseCertificate(concat(der)).isSelfSigned()).toBe(false);
  });
});
