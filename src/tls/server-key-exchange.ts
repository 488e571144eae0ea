/**
 * ServerKeyExchange of an ECDHE suite (TLS 1.2 and before): the curve.
 *
 *     psk_identity_hint  2 + n     ECDHE_PSK only
 *     curve_type           1       3 named_curve
 *     named_curve          2
 *     (public key, signature: not read)
 *
 * RFC 8422 5.4, RFC 5489 2. Other key exchanges (DHE, SRP, PSK) have another layout, which only the suite tells.
 */

import { type Cursor, FAULT_NAMES, Fault } from '../bytes/cursor.ts';
import { CIPHER_SUITE_NAMES } from './registry/generated/cipher-suites.ts';

export interface ServerKeyExchange {
  /** NamedGroup, or -1 where the key exchange has none. */
  readonly group: number;
  readonly fault: string;
}

const NAMED_CURVE = 3;
/** Ephemeral: static ECDH sends no ServerKeyExchange. */
const ECDHE_SUITE = /^TLS_(?:ECDHE|ECDH_anon)_/;
const ECDHE_PSK_SUITE = /^TLS_ECDHE_PSK_/;

/** `cipherSuite` is the one that the ServerHello chose. */
export function parseServerKeyExchange(c: Cursor, cipherSuite: number): ServerKeyExchange {
  const name = CIPHER_SUITE_NAMES.get(cipherSuite) ?? '';
  if (!ECDHE_SUITE.test(name)) return { group: -1, fault: '' };
  if (ECDHE_PSK_SUITE.test(name)) c.skip(c.u16());
  const curveType = c.u8();
  const group = curveType === NAMED_CURVE ? c.u16() : -1;
  if (c.fault !== Fault.None) return { group: -1, fault: FAULT_NAMES[c.fault]! };
  return { group, fault: '' };
}
