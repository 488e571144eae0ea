import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Cursor } from '../../src/bytes/cursor.ts';
import { toHex } from '../../src/bytes/hex.ts';
import type { SubjectPublicKey } from '../../src/x509/certificate.ts';
import { readElement } from '../../src/x509/der.ts';
import { FaultList } from '../../src/x509/faults.ts';
import { readPublicKey } from '../../src/x509/public-key.ts';
import { bits, int, nul, octets, oid, seq } from './der-writer.ts';

const NONE = new Uint8Array(0);
const RSA = '1.2.840.113549.1.1.1';
const EC = '1.2.840.10045.2.1';
const P256 = '1.2.840.10045.3.1.7';

function read(spki: Uint8Array): SubjectPublicKey & { faults: readonly string[] } {
  const c = new Cursor(spki);
  const faults = new FaultList();
  const key = readPublicKey(c, readElement(c, new FaultList())!, faults);
  return { ...key, faults: faults.names };
}

const wrap = (type: string, parameters: Uint8Array, key: Uint8Array): Uint8Array =>
  seq(seq(oid(type), parameters), bits(toHex(key)));

const modulus = (size: number): Uint8Array => int(`00${'c5'.repeat(size / 8)}`);
const point = (size: number): Uint8Array => Uint8Array.of(4, ...new Uint8Array(2 * size));

describe('a public key', () => {
  it.each([
    ['RSA', wrap(RSA, nul(), seq(modulus(2048), int('010001'))), 'rsaEncryption', 2048, '', '65537'],
    ['RSA with exponent 3', wrap(RSA, nul(), seq(modulus(1024), int('03'))), 'rsaEncryption', 1024, '', '3'],
    [
      'RSA for PSS',
      wrap('1.2.840.113549.1.1.10', NONE, seq(modulus(3072), int('010001'))),
      'rsassaPss',
      3072,
      '',
      '65537',
    ],
    ['P-256', wrap(EC, oid(P256), point(32)), 'id-ecPublicKey', 256, 'prime256v1', ''],
    ['P-521', wrap(EC, oid('1.3.132.0.35'), point(66)), 'id-ecPublicKey', 521, 'secp521r1', ''],
    [
      'P-256, compressed',
      wrap(EC, oid(P256), Uint8Array.of(2, ...new Uint8Array(32))),
      'id-ecPublicKey',
      256,
      'prime256v1',
      '',
    ],
    ['SM2', wrap(EC, oid('1.2.156.10197.1.301'), point(32)), 'id-ecPublicKey', 256, 'sm2', ''],
    ['an unknown curve', wrap(EC, oid('1.2.3'), point(32)), 'id-ecPublicKey', 0, '1.2.3', ''],
    ['Ed25519', wrap('1.3.101.112', NONE, new Uint8Array(32)), 'ED25519', 256, '', ''],
    ['Ed448', wrap('1.3.101.113', NONE, new Uint8Array(57)), 'ED448', 456, '', ''],
    ['X25519', wrap('1.3.101.110', NONE, new Uint8Array(32)), 'X25519', 256, '', ''],
    [
      'DSA',
      wrap('1.2.840.10040.4.1', seq(modulus(2048), modulus(256), int('02')), int('05')),
      'dsaEncryption',
      2048,
      '',
      '',
    ],
    ['DSA with inherited parameters', wrap('1.2.840.10040.4.1', NONE, int('05')), 'dsaEncryption', 0, '', ''],
    ['DH', wrap('1.2.840.113549.1.3.1', seq(modulus(1024), int('02')), int('05')), 'dhKeyAgreement', 1024, '', ''],
    [
      'GOST of 256 bits',
      wrap('1.2.643.7.1.1.1.1', seq(), octets(new Uint8Array(64))),
      'GOST R 34.10-2012 with 256 bit modulus',
      256,
      '',
      '',
    ],
    [
      'GOST of 512 bits',
      wrap('1.2.643.7.1.1.1.2', seq(), octets(new Uint8Array(128))),
      'GOST R 34.10-2012 with 512 bit modulus',
      512,
      '',
      '',
    ],
    ['ML-DSA-44', wrap('2.16.840.1.101.3.4.3.17', NONE, new Uint8Array(1312)), 'ML-DSA-44', 10_496, '', ''],
    ['ML-DSA-87', wrap('2.16.840.1.101.3.4.3.19', NONE, new Uint8Array(2592)), 'ML-DSA-87', 20_736, '', ''],
    ['SLH-DSA', wrap('2.16.840.1.101.3.4.3.20', NONE, new Uint8Array(32)), 'SLH-DSA-SHA2-128s', 256, '', ''],
    ['ML-KEM', wrap('2.16.840.1.101.3.4.4.2', NONE, new Uint8Array(1184)), 'ML-KEM-768', 9472, '', ''],
    ['an unknown algorithm', wrap('1.2.3.4', NONE, new Uint8Array(7)), '1.2.3.4', 0, '', ''],
  ])('of %s reads', (_, spki, algorithm, size, curve, exponent) => {
    expect(read(spki)).toMatchObject({ algorithm, bits: size, curve, exponent, faults: [] });
  });

  it('of a curve spelled out has the size of its field, and is recorded', () => {
    const prime = seq(int('01'), seq(oid('1.2.840.10045.1.1'), modulus(256)), seq(), octets(), modulus(256));
    const binary = seq(int('01'), seq(oid('1.2.840.10045.1.2'), seq(int('00a3'), oid('1.2.3'))), seq());
    expect(read(wrap(EC, prime, point(32)))).toMatchObject({
      bits: 256,
      curve: 'explicit',
      faults: ['explicit_curve'],
    });
    expect(read(wrap(EC, binary, point(21)))).toMatchObject({
      bits: 163,
      curve: 'explicit',
      faults: ['explicit_curve'],
    });
  });

  it('has the hash of its whole element', () => {
    const spki = seq(seq(oid('1.2.3')), bits(''));
    expect(read(spki).spkiSha256).toBe(createHash('sha256').update(spki).digest('hex'));
  });
});

describe('a reader of public keys', () => {
  it.each([
    ['RSA without NULL', wrap(RSA, NONE, seq(modulus(1024), int('03'))), ['bad_key_parameters']],
    ['a NULL with content', wrap(RSA, Uint8Array.of(5, 1, 0), seq(modulus(1024), int('03'))), ['der_bad_null']],
    ['a modulus of zero', wrap(RSA, nul(), seq(int('00'), int('03'))), ['bad_public_key']],
    ['a negative modulus', wrap(RSA, nul(), seq(int('c5'), int('03'))), ['bad_public_key']],
    ['an exponent of zero', wrap(RSA, nul(), seq(modulus(1024), int('00'))), ['bad_public_key']],
    ['a negative exponent', wrap(RSA, nul(), seq(modulus(1024), int('83'))), ['bad_public_key']],
    ['an exponent beyond the cap', wrap(RSA, nul(), seq(modulus(1024), int('11'.repeat(200)))), ['bad_public_key']],
    ['a padded modulus', wrap(RSA, nul(), seq(int('000005'), int('03'))), ['der_bad_integer']],
    ['a third number', wrap(RSA, nul(), seq(modulus(1024), int('03'), int('03'))), ['trailing_bytes']],
    ['a point of the wrong size', wrap(EC, oid(P256), point(31)), ['bad_public_key']],
    ['the point at infinity', wrap(EC, oid(P256), Uint8Array.of(0)), ['bad_public_key']],
    ['a curve that is not named', wrap(EC, nul(), point(32)), ['bad_key_parameters']],
    ['an Ed25519 key of 31 octets', wrap('1.3.101.112', NONE, new Uint8Array(31)), ['bad_public_key']],
    ['an Ed25519 key with parameters', wrap('1.3.101.112', nul(), new Uint8Array(32)), ['bad_key_parameters']],
    ['a GOST key of another size', wrap('1.2.643.7.1.1.1.1', seq(), octets(new Uint8Array(63))), ['bad_public_key']],
    ['a key that does not fill its octets', seq(seq(oid('1.2.3')), bits('80', 1)), ['bad_public_key']],
  ])('records %s', (_, spki, faults) => {
    expect(read(spki).faults).toEqual(faults);
  });
});
