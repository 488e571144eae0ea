/**
 * ClientHello in the SSLv2 format: of SSL 2 itself, and of clients that offered TLS 1.0 to servers of either kind.
 *
 *     msg_type             1        1
 *     version              2        0x0002, or 0x0301 from a client that would rather have TLS
 *     cipher_spec_length   2        a multiple of 3
 *     session_id_length    2        0 or 16
 *     challenge_length     2        16 to 32
 *     cipher_specs         3 n      0x0000xx is the TLS suite xx
 *     session_id           n
 *     challenge            n
 *
 * draft-hickman-netscape-ssl-00 5.5, RFC 5246 E.2. The record header before it, two bytes with the top bit set, belongs to
 * the record layer. There are no compression methods and no extensions, so no fingerprint means anything: JA3 is empty,
 * and JA4 counts nothing, as other tools have it, or is empty too where the client speaks SSL 2 only.
 */

import { type Cursor, FAULT_NAMES, Fault } from '../bytes/cursor.ts';
import type { ClientHello } from './client-hello.ts';
import { readCopy } from './copy-bytes.ts';
import type { HelloShape } from './hello-shape.ts';
import { buildJa4, NO_ALPN } from './ja4.ts';
import { MAX_CIPHER_SUITES } from './limits.ts';

/** Message types of SSLv2 (draft-hickman-netscape-ssl-00 5.2). */
export const Sslv2MessageType = {
  Error: 0,
  ClientHello: 1,
  ClientMasterKey: 2,
  ClientFinished: 3,
  ServerHello: 4,
  ServerVerify: 5,
  ServerFinished: 6,
  RequestCertificate: 7,
  ClientCertificate: 8,
} as const;

const RECORD_HEADER_LEN = 2;
const FIRST_TLS_VERSION = 0x0300;

/** Reads the message: the window begins at its type, after the record header. */
export function parseSslv2ClientHello(c: Cursor): ClientHello {
  const sizeBytes = c.remaining + RECORD_HEADER_LEN;
  if (c.u8() !== Sslv2MessageType.ClientHello) c.fail(Fault.BadValue);
  const legacyVersion = c.u16();
  const specsLen = c.u16();
  const sessionIdLen = c.u16();
  const challengeLen = c.u16();
  const cipherSuites = readCipherSpecs(c, specsLen);
  const sessionId = readCopy(c, sessionIdLen);
  const random = readCopy(c, challengeLen);
  if (c.remaining > 0) c.fail(Fault.TrailingBytes);
  return {
    shape: buildShape(legacyVersion, cipherSuites),
    random,
    sessionId,
    serverName: '',
    ticketLen: -1,
    pskIdentities: 0,
    hasEarlyData: false,
    cookieLen: 0,
    sizeBytes,
    fault: c.fault === Fault.None ? '' : FAULT_NAMES[c.fault]!,
  };
}

/** Three-byte suites, as far as they are there. */
export function readCipherSpecs(c: Cursor, len: number): readonly number[] {
  const suites: number[] = [];
  const isWhole = len % 3 === 0;
  let left = Math.min(len, c.remaining);
  for (; left >= 3 && suites.length < MAX_CIPHER_SUITES; left -= 3) suites.push(c.u24());
  if (left >= 3) c.fail(Fault.TooMany);
  else if (len - 3 * suites.length > left) c.fail(Fault.VectorTooLong);
  else if (!isWhole) c.fail(Fault.BadLength);
  return suites;
}

function buildShape(legacyVersion: number, cipherSuites: readonly number[]): HelloShape {
  return {
    legacyVersion,
    isSslv2Format: true,
    cipherSuites,
    compressionMethods: [],
    extensions: null,
    supportedVersions: [],
    groups: [],
    pointFormats: [],
    signatureSchemes: [],
    keyShareGroups: [],
    pskModes: [],
    alpn: [],
    ech: 'none',
    ja3: '',
    ja3Text: '',
    ja4: legacyVersion >= FIRST_TLS_VERSION ? buildEmptyJa4(legacyVersion) : '',
  };
}

function buildEmptyJa4(legacyVersion: number): string {
  return buildJa4('t', {
    legacyVersion,
    cipherSuites: [],
    extensions: null,
    supportedVersions: [],
    signatureSchemes: [],
    alpnEnds: NO_ALPN,
  });
}
