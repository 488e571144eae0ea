import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import forge from 'node-forge';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Certificate } from '../../src/x509/certificate.ts';
import { parseCertificate } from '../../src/x509/parse-certificate.ts';
import { differencesFromForge, differencesFromOpenSsl } from './oracles.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const forgeKey = forge.pki.privateKeyFromPem(privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());

type Field = forge.pki.CertificateField;

/** A self-signed certificate of node-forge with this subject, which is its issuer too. */
function madeByForge(subject: Field[]): Uint8Array {
  const cert = forge.pki.createCertificate();
  cert.publicKey = forge.pki.setRsaPublicKey(forgeKey.n, forgeKey.e);
  cert.serialNumber = '0a0b';
  cert.validity.notBefore = new Date('2024-01-01T00:00:00Z');
  cert.validity.notAfter = new Date('2034-01-01T00:00:00Z');
  cert.setSubject(subject);
  cert.setIssuer(subject);
  cert.sign(forgeKey, forge.md.sha256.create());
  return new Uint8Array(Buffer.from(forge.asn1.toDer(forge.pki.certificateToAsn1(cert)).getBytes(), 'latin1'));
}

/** The types of forge take the tag of the value for a class of tags, so it is put in under a plain name. */
const string = (type: number, value: string): Field => {
  const tag: Record<string, number> = { valueTagClass: type };
  return { name: 'commonName', value, ...tag };
};
const { Type } = forge.asn1;

describe('a certificate of node-forge', () => {
  it.each([
    ['a plain name', [string(Type.PRINTABLESTRING, 'example')], 'CN=example'],
    ['an empty name', [], ''],
    ['an empty common name', [string(Type.UTF8, '')], 'CN='],
    ['a name in UTF-8', [string(Type.UTF8, 'Zürich 🔒')], 'CN=Zürich 🔒'],
    ['a BMPString', [string(Type.BMPSTRING, 'Zürich Ω')], 'CN=Zürich Ω'],
    ['a T61String', [string(0x14, 'Z\xfcrich')], 'CN=Zürich'],
    ['quotes', [string(Type.UTF8, 'say "hi"')], 'CN=say \\"hi\\"'],
    ['a plus, a comma and a semicolon', [string(Type.UTF8, 'a+b,c;d')], 'CN=a\\+b\\,c\\;d'],
    ['a leading number sign', [string(Type.UTF8, '#1')], 'CN=\\#1'],
    ['spaces at both ends', [string(Type.UTF8, ' a ')], 'CN=\\ a\\ '],
    ['a backslash', [string(Type.UTF8, 'a\\b')], 'CN=a\\\\b'],
    ['a NUL', [string(Type.UTF8, 'bank.example\0.evil.example')], 'CN=bank.example\\00.evil.example'],
    ['control characters', [string(Type.UTF8, 'a\r\nb\x7f')], 'CN=a\\0D\\0Ab\\7F'],
    [
      'many attributes',
      [{ shortName: 'C', value: 'US' }, { shortName: 'O', value: 'Foo, INC=bar' }, string(Type.UTF8, 'x')],
      'CN=x,O=Foo\\, INC=bar,C=US',
    ],
  ])('with %s reads as everybody reads it', (_, subject, text) => {
    const der = madeByForge(subject);
    const cert = parseCertificate(der);
    expect(cert.subject.text).toBe(text);
    expect(differencesFromOpenSsl(der, cert)).toEqual([]);
    expect(differencesFromForge(der, cert)).toEqual([]);
    expect(cert.isSelfSigned()).toBe(true);
    const theirs = forge.pki.certificateFromAsn1(forge.asn1.fromDer(Buffer.from(der).toString('latin1')));
    expect(cert.serialHex).toBe(theirs.serialNumber);
    expect(cert.notAfter).toBe(theirs.validity.notAfter.getTime() / 1000);
    expect(cert.key.bits).toBe(2048);
  });
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const reason = hasOpenssl ? '' : ' (skipped: openssl is not installed)';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'spanglass-x509-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
}

const SUBJECT = '/C=US/O=Example, Inc./CN=www.example.com';

/** Makes a key with `keyArgs` and a certificate that it signs itself. */
function madeByOpenssl(
  keyArgs: readonly string[],
  ...requestArgs: readonly string[]
): { der: Uint8Array; cert: Certificate } {
  openssl('genpkey', ...keyArgs, '-out', 'key.pem');
  const days = requestArgs.includes('-days') ? [] : ['-days', '90'];
  openssl(
    'req',
    '-new',
    '-x509',
    '-key',
    'key.pem',
    '-subj',
    SUBJECT,
    '-outform',
    'DER',
    '-out',
    'cert.der',
    ...days,
    ...requestArgs,
  );
  return readBack();
}

function readBack(): { der: Uint8Array; cert: Certificate } {
  const der = new Uint8Array(readFileSync(join(dir, 'cert.der')));
  return { der, cert: parseCertificate(der) };
}

const curve = (name: string): string[] => ['-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${name}`];
const P256 = curve('P-256');

describe.skipIf(!hasOpenssl)(`a certificate of the openssl command${reason}`, () => {
  it.each([
    ['P-256', curve('P-256'), [], 'id-ecPublicKey', 256, 'prime256v1', 'ecdsa-with-SHA256'],
    ['P-384', curve('P-384'), ['-sha384'], 'id-ecPublicKey', 384, 'secp384r1', 'ecdsa-with-SHA384'],
    ['P-521', curve('P-521'), ['-sha512'], 'id-ecPublicKey', 521, 'secp521r1', 'ecdsa-with-SHA512'],
    ['secp256k1', curve('secp256k1'), [], 'id-ecPublicKey', 256, 'secp256k1', 'ecdsa-with-SHA256'],
    ['brainpoolP256r1', curve('brainpoolP256r1'), [], 'id-ecPublicKey', 256, 'brainpoolP256r1', 'ecdsa-with-SHA256'],
    ['Ed25519', ['-algorithm', 'ED25519'], [], 'ED25519', 256, '', 'ED25519'],
    ['Ed448', ['-algorithm', 'ED448'], [], 'ED448', 456, '', 'ED448'],
    [
      'RSA and MD5',
      ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
      ['-md5'],
      'rsaEncryption',
      1024,
      '',
      'md5WithRSAEncryption',
    ],
    ['RSA and SHA3-256', ['-algorithm', 'RSA'], ['-sha3-256'], 'rsaEncryption', 2048, '', 'RSA-SHA3-256'],
  ])('with %s reads and verifies', (_, keyArgs, requestArgs, algorithm, size, curveName, signature) => {
    const { der, cert } = madeByOpenssl(keyArgs, ...requestArgs);
    expect(cert.key).toMatchObject({ algorithm, bits: size, curve: curveName });
    expect(cert.signatureAlgorithm).toBe(signature);
    expect(cert.faults).toEqual([]);
    expect(cert.isSelfSigned()).toBe(true);
    expect(differencesFromOpenSsl(der, cert)).toEqual([]);
    expect(differencesFromForge(der, cert)).toEqual([]);
  });

  it('with RSA for PSS only reads and verifies', () => {
    const pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32'];
    const { der, cert } = madeByOpenssl(['-algorithm', 'RSA-PSS'], ...pss);
    expect(cert.key).toMatchObject({ algorithm: 'rsassaPss', bits: 2048, exponent: '65537' });
    expect(cert).toMatchObject({ signatureAlgorithm: 'rsassaPss', faults: [] });
    expect(cert.isSelfSigned()).toBe(true);
    expect(differencesFromOpenSsl(der, cert)).toEqual([]);
  });

  it('with DSA reads and verifies', () => {
    openssl('genpkey', '-genparam', '-algorithm', 'DSA', '-pkeyopt', 'dsa_paramgen_bits:1024', '-out', 'dsa.pem');
    const { der, cert } = madeByOpenssl(['-paramfile', 'dsa.pem']);
    expect(cert.key).toMatchObject({ algorithm: 'dsaEncryption', bits: 1024 });
    expect(cert).toMatchObject({ signatureAlgorithm: 'dsa_with_SHA256', faults: [] });
    expect(cert.isSelfSigned()).toBe(true);
    expect(differencesFromOpenSsl(der, cert)).toEqual([]);
  });

  it('with a curve spelled out is recorded and not verified', () => {
    const { cert } = madeByOpenssl([...P256, '-pkeyopt', 'ec_param_enc:explicit']);
    expect(cert.key).toMatchObject({ bits: 256, curve: 'explicit' });
    expect(cert.faults).toEqual(['explicit_curve']);
    expect(cert.isSelfSigned()).toBeNull();
  });

  it('of version 1 reads', () => {
    madeByOpenssl(P256);
    openssl('req', '-new', '-key', 'key.pem', '-subj', SUBJECT, '-out', 'request.pem');
    openssl(
      'x509',
      '-req',
      '-in',
      'request.pem',
      '-signkey',
      'key.pem',
      '-days',
      '9',
      '-outform',
      'DER',
      '-out',
      'cert.der',
    );
    const { der, cert } = readBack();
    expect(cert).toMatchObject({ version: 1, extensionOids: [], hasSan: false, faults: [] });
    expect(differencesFromOpenSsl(der, cert)).toEqual([]);
  });

  it('with a thousand alternative names reads them all', () => {
    const list = Array.from({ length: 1000 }, (_, n) => `DNS:host-${n}.example.com,IP:10.0.${n >> 8}.${n & 255}`).join(
      ',',
    );
    writeFileSync(
      join(dir, 'san.cnf'),
      `[req]\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\n[v3]\nsubjectAltName=${list}\n`,
    );
    const { der, cert } = madeByOpenssl(P256, '-config', 'san.cnf');
    expect(cert.san.dns).toHaveLength(1000);
    expect(cert.san.ip).toHaveLength(1000);
    expect(cert.faults).toEqual([]);
    expect(differencesFromOpenSsl(der, cert)).toEqual([]);
  });

  it('with every kind of alternative name reads as OpenSSL does', () => {
    const names = 'subjectAltName=DNS:a.example,IP:2001:db8::1,email:me@a.example,URI:https://a.example/,RID:1.2.3.4';
    const { der, cert } = madeByOpenssl(
      P256,
      '-addext',
      `${names},otherName:1.3.6.1.4.1.311.20.2.3;UTF8:me@corp.example`,
    );
    expect(cert.san).toMatchObject({
      ip: ['2001:db8::1'],
      other: ['registeredID:1.2.3.4', '1.3.6.1.4.1.311.20.2.3:me@corp.example'],
    });
    expect(differencesFromOpenSsl(der, cert)).toEqual([]);
  });

  it('with a negative serial number reads', () => {
    const { der, cert } = madeByOpenssl(P256, '-set_serial', '-255');
    expect(cert).toMatchObject({ serialHex: 'ff01', serialDecimal: '-255', faults: ['negative_serial'] });
    expect(differencesFromOpenSsl(der, cert)).toEqual([]);
  });

  it('beyond 2050 reads its GeneralizedTime', () => {
    const { der, cert } = madeByOpenssl(P256, '-days', '20000');
    expect(cert.notAfterText).toMatch(/^20\d{12}Z$/);
    expect(cert.faults).toEqual([]);
    expect(differencesFromOpenSsl(der, cert)).toEqual([]);
    expect(differencesFromForge(der, cert)).toEqual([]);
  });

  it('with several attributes in one RDN reads', () => {
    const { der, cert } = madeByOpenssl(
      P256,
      '-multivalue-rdn',
      '-subj',
      '/C=US/OU=Sales+CN=J. Smith/emailAddress=js@example.com',
    );
    expect(cert.subject.text).toBe('emailAddress=js@example.com,OU=Sales+CN=J. Smith,C=US');
    expect(differencesFromOpenSsl(der, cert)).toEqual([]);
  });

  it('of a real size keeps its hashes whichever octet is lost or changed', () => {
    const { der } = madeByOpenssl(P256, '-addext', 'subjectAltName=DNS:a.example');
    for (let at = 0; at < der.length; at++) {
      expect(parseCertificate(der.subarray(0, at)).sha256).toHaveLength(64);
      const changed = new Uint8Array(der);
      changed[at]! ^= 0xff;
      expect(parseCertificate(changed).sha256).toHaveLength(64);
    }
  });
});
