/**
 * SubjectPublicKeyInfo.
 *
 *     SubjectPublicKeyInfo   SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }
 *     RSA                    SEQUENCE { modulus INTEGER, publicExponent INTEGER }     parameters NULL
 *     EC                     octets of a point                  parameters: name of a curve, or the curve itself
 *     DSA                    INTEGER                            parameters SEQUENCE { p, q, g }
 *     DH                     INTEGER                            parameters SEQUENCE { p, g, … }
 *     GOST R 34.10           OCTET STRING
 *     Ed25519, X25519, ML-DSA, SLH-DSA, ML-KEM: the octets themselves, no parameters
 *
 * RFC 3279 2.3, RFC 4055, RFC 5480, RFC 8410, RFC 9215, RFC 9881. Sizes and forms are read; whether a point lies on its curve or a
 * modulus is the product of two primes is not asked. Nothing is kept but facts.
 */
import { hash } from 'node:crypto';
import type { Cursor } from '../bytes/cursor.ts';
import { toHex } from '../bytes/hex.ts';
import { type Algorithm, readAlgorithm } from './algorithm.ts';
import { readUnusedBits } from './bit-string.ts';
import type { SubjectPublicKey } from './certificate.ts';
import { contentOf, type Element, expectEnd, readExpected, Tag } from './der.ts';
import { checkInteger, isNegative, readBitLength, readSmallInteger, skipZeros, toDecimal } from './der-integer.ts';
import type { FaultList } from './faults.ts';
import { MAX_EXPONENT_OCTETS } from './limits.ts';
import { readOid } from './oid.ts';
import { CURVES, KEY_ALGORITHMS, type KeyAlgorithm } from './oids.ts';

export const NO_KEY: SubjectPublicKey = { algorithm: '', oid: '', bits: 0, curve: '', exponent: '', spkiSha256: '' };

/** The name given to a curve that the key spells out. */
export const EXPLICIT_CURVE = 'explicit';

const PRIME_FIELD = '1.2.840.10045.1.1';

interface KeyFacts {
  readonly bits: number;
  readonly curve: string;
  readonly exponent: string;
}

const NO_FACTS: KeyFacts = { bits: 0, curve: '', exponent: '' };

/** Reads the element; `c` is any cursor over its buffer. */
export function readPublicKey(c: Cursor, spki: Element, faults: FaultList): SubjectPublicKey {
  const inner = contentOf(c, spki);
  const spkiSha256 = hash('sha256', c.buf.subarray(spki.at, spki.end), 'hex');
  const identifier = readExpected(inner, Tag.Sequence, faults);
  if (identifier === null) return { ...NO_KEY, spkiSha256 };
  const algorithm = readAlgorithm(contentOf(c, identifier), faults);
  const known = KEY_ALGORITHMS.get(algorithm.oid);
  const bitString = readExpected(inner, Tag.BitString, faults);
  expectEnd(inner, faults);
  let facts = NO_FACTS;
  if (bitString !== null) {
    const key = contentOf(c, bitString);
    if (readUnusedBits(key, faults) > 0) faults.add('bad_public_key');
    if (known !== undefined) facts = readFacts(key, algorithm, known, faults);
  }
  return { algorithm: known?.name ?? algorithm.oid, oid: algorithm.oid, ...facts, spkiSha256 };
}

function readFacts(key: Cursor, algorithm: Algorithm, known: KeyAlgorithm, faults: FaultList): KeyFacts {
  switch (known.form) {
    case 'rsa':
      return readRsa(key, algorithm, known, faults);
    case 'ec':
      return readCurve(key, algorithm.parameters, faults);
    case 'dsa':
    case 'dh':
      return { ...NO_FACTS, bits: readFirstParameterBits(key, algorithm.parameters, faults) };
    case 'gost':
      return { ...NO_FACTS, bits: readGostBits(key, known.octets, faults) };
    case 'raw':
      return { ...NO_FACTS, bits: readRawBits(key, algorithm, known.octets, faults) };
    default:
      return known.form satisfies never;
  }
}

function readRawBits(key: Cursor, algorithm: Algorithm, octets: number, faults: FaultList): number {
  if (algorithm.parameters !== null) faults.add('bad_key_parameters');
  if (key.remaining !== octets) faults.add('bad_public_key');
  return 8 * key.remaining;
}

function readRsa(key: Cursor, algorithm: Algorithm, known: KeyAlgorithm, faults: FaultList): KeyFacts {
  if (known.name === 'rsaEncryption' && algorithm.parameters?.tag !== Tag.Null) faults.add('bad_key_parameters');
  const sequence = readExpected(key, Tag.Sequence, faults);
  expectEnd(key, faults);
  if (sequence === null) return NO_FACTS;
  const inner = contentOf(key, sequence);
  const bits = readIntegerBits(inner, faults);
  const exponent = readExponent(inner, faults);
  expectEnd(inner, faults);
  if (bits === 0 || exponent === '0' || exponent === '') faults.add('bad_public_key');
  return { ...NO_FACTS, bits, exponent };
}

function readIntegerBits(c: Cursor, faults: FaultList): number {
  const element = readExpected(c, Tag.Integer, faults);
  if (element === null) return 0;
  const content = contentOf(c, element);
  checkInteger(content, faults);
  return readBitLength(content);
}

function readExponent(c: Cursor, faults: FaultList): string {
  const element = readExpected(c, Tag.Integer, faults);
  if (element === null) return '';
  const content = contentOf(c, element);
  checkInteger(content, faults);
  if (isNegative(content) || content.remaining > MAX_EXPONENT_OCTETS) return '';
  skipZeros(content);
  return content.remaining === 0 ? '0' : toDecimal(toHex(content.buf, content.pos, content.end));
}

function readCurve(point: Cursor, parameters: Element | null, faults: FaultList): KeyFacts {
  if (parameters?.tag === Tag.Oid) {
    const oid = readOid(contentOf(point, parameters), faults);
    const curve = CURVES.get(oid);
    if (curve === undefined) return { ...NO_FACTS, curve: oid };
    if (!isPointSize(point, curve.bits)) faults.add('bad_public_key');
    return { ...NO_FACTS, bits: curve.bits, curve: curve.name };
  }
  if (parameters?.tag !== Tag.Sequence) {
    faults.add('bad_key_parameters');
    return NO_FACTS;
  }
  faults.add('explicit_curve');
  return { ...NO_FACTS, bits: readFieldBits(contentOf(point, parameters), faults), curve: EXPLICIT_CURVE };
}

/** SEC 1 2.3.3: 04, x, y, or 02 or 03 and x. */
function isPointSize(point: Cursor, bits: number): boolean {
  const octets = (bits + 7) >> 3;
  const form = point.remaining > 0 ? point.buf[point.pos] : 0;
  if (form === 0x02 || form === 0x03) return point.remaining === 1 + octets;
  return form === 0x04 && point.remaining === 1 + 2 * octets;
}

/** ECParameters (X9.62, RFC 3279 2.3.5) begin with version and field: `{ prime-field, p }` or `{ binary, { m, … } }`. */
function readFieldBits(c: Cursor, faults: FaultList): number {
  readExpected(c, Tag.Integer, faults);
  const field = readExpected(c, Tag.Sequence, faults);
  if (field === null) return 0;
  const { oid, parameters } = readAlgorithm(contentOf(c, field), faults);
  if (parameters === null) return 0;
  const content = contentOf(c, parameters);
  if (oid === PRIME_FIELD) return readBitLength(content);
  const degree = readExpected(content, Tag.Integer, faults);
  const bits = degree === null ? 0 : readSmallInteger(contentOf(content, degree), faults);
  return Number.isNaN(bits) ? 0 : Math.max(bits, 0);
}

/** The size of `p`; a key may inherit its parameters from its issuer, and then has no size of its own. */
function readFirstParameterBits(key: Cursor, parameters: Element | null, faults: FaultList): number {
  const value = readExpected(key, Tag.Integer, faults);
  if (value !== null) checkInteger(contentOf(key, value), faults);
  if (parameters?.tag !== Tag.Sequence) return 0;
  return readIntegerBits(contentOf(key, parameters), faults);
}

function readGostBits(key: Cursor, octets: number, faults: FaultList): number {
  const value = readExpected(key, Tag.OctetString, faults);
  if (value === null) return 0;
  const size = value.contentEnd - value.contentAt;
  if (size !== octets) faults.add('bad_public_key');
  return 4 * size;
}
