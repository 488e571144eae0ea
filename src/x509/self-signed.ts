/**
 * Whether a key verifies a signature over the certificate that carries it.
 *
 * The key and the size of the work are an attacker's choice, so what no honest certificate has is refused: moduli and exponents
 * beyond the caps, curves spelled out, parameters of which the form is wrong. OpenSSL says no and "can't" by throwing, too.
 */
import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import type { SubjectPublicKey } from './certificate.ts';
import { MAX_VERIFIED_DSA_BITS, MAX_VERIFIED_EXPONENT_BITS, MAX_VERIFIED_RSA_BITS } from './limits.ts';
import { KEY_ALGORITHMS, SIGNATURE_ALGORITHMS } from './oids.ts';
import { EXPLICIT_CURVE } from './public-key.ts';

const RSASSA_PSS = '1.2.840.113549.1.1.10';

/** The parts that a verification needs. Views of the certificate's own bytes. */
export interface SignedParts {
  readonly der: Uint8Array;
  readonly tbs: Uint8Array;
  readonly spki: Uint8Array;
  readonly signature: Uint8Array;
  /** The outer algorithm. */
  readonly algorithmOid: string;
}

/** Null: it can't be told. */
export function verifiesWithOwnKey(parts: SignedParts, key: SubjectPublicKey): boolean | null {
  if (!isBearable(key)) return null;
  try {
    const publicKey = createPublicKey({ key: Buffer.from(parts.spki), format: 'der', type: 'spki' });
    // The parameters of PSS choose two digests and a salt, which OpenSSL reads from the certificate itself.
    if (parts.algorithmOid === RSASSA_PSS) return new X509Certificate(parts.der).verify(publicKey);
    const digest = SIGNATURE_ALGORITHMS.get(parts.algorithmOid)?.digest;
    return digest === undefined ? null : verify(digest, parts.tbs, publicKey, parts.signature);
  } catch {
    // A key or an algorithm that OpenSSL does not take: nothing was verified, so nothing is said.
    return null;
  }
}

function isBearable(key: SubjectPublicKey): boolean {
  switch (KEY_ALGORITHMS.get(key.oid)?.form) {
    case 'rsa':
      return key.bits <= MAX_VERIFIED_RSA_BITS && key.exponent !== '' && isExponentBearable(key.exponent);
    case 'dsa':
      return key.bits <= MAX_VERIFIED_DSA_BITS;
    case 'ec':
      return key.curve !== '' && key.curve !== EXPLICIT_CURVE;
    case 'raw':
      return true;
    case 'dh':
    case 'gost':
    case undefined:
      return false;
    default:
      return false;
  }
}

function isExponentBearable(exponent: string): boolean {
  return Number(exponent) < 2 ** MAX_VERIFIED_EXPONENT_BITS;
}
