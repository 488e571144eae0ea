/**
 * Whether bytes begin a TLS handshake, told by content alone.
 *
 *     16 03 0v  len len  type  len len len  03 0v      record with ClientHello (1), ServerHello (2) or Certificate (11)
 *     8l ll 01  03 0v  suites(2) session(2) challenge(2)      ClientHello in SSLv2 format (RFC 5246 E.2), or 00 02 for SSLv2
 *
 * `Unsure`: a beginning of one of these, too short to tell. Looks, does not consume; reads nothing at or after `end`.
 */
import { MAX_CERTIFICATE_BYTES, MAX_HELLO_OFFSET, MAX_MESSAGE_BYTES, MAX_RECORD_BYTES } from './limits.ts';
import { ContentType } from './registry/generated/content-types.ts';
import { HandshakeType } from './registry/generated/handshake-types.ts';

export const Probe = { NotForUs: 0, Unsure: 1, Certain: 2 } as const;
export type Probe = (typeof Probe)[keyof typeof Probe];

/** The shortest body of a ServerHello: version, random, and what drafts up to 21 left: suite and extensions. */
const MIN_HELLO_BODY = 36;

/**
 * Where in `buf[at, end)` a handshake begins, or may begin; -1 if nowhere. At the first byte a beginning is enough. Behind other
 * bytes (a proxy's answer, the header of a WebSocket frame) it must be a hello for certain, and whole.
 */
export function findHello(buf: Uint8Array, at: number, end: number): number {
  if (probeTls(buf, at, end) !== Probe.NotForUs) return at;
  const last = Math.min(at + MAX_HELLO_OFFSET, end - 11);
  for (let pos = at + 1; pos <= last; pos++) {
    if (buf[pos] !== ContentType.Handshake || buf[pos + 1] !== 3) continue;
    if (probeHandshakeRecord(buf, pos, end) !== Probe.Certain || buf[pos + 5] === HandshakeType.Certificate) continue;
    const recordLen = (buf[pos + 3]! << 8) | buf[pos + 4]!;
    const messageLen = 4 + ((buf[pos + 6]! << 16) | (buf[pos + 7]! << 8) | buf[pos + 8]!);
    if (pos + 5 + recordLen > end) continue;
    if (messageLen === recordLen || (messageLen < recordLen && buf[pos + 5] === HandshakeType.ServerHello)) return pos;
  }
  return -1;
}

/** `PROXY `, and the signature of the binary form (haproxy.org, proxy-protocol.txt 2.1 and 2.2). */
const PROXY_TEXT = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20];
const PROXY_BINARY = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
/** The longest header in text form, with its end of line. */
const MAX_PROXY_TEXT = 107;

/** Where `buf[at, end)` goes on behind a PROXY header; `at` if there is none, or only a part of one. */
export function skipProxyHeader(buf: Uint8Array, at: number, end: number): number {
  if (beginsWith(buf, at, end, PROXY_TEXT)) {
    const last = Math.min(at + MAX_PROXY_TEXT, end);
    for (let pos = at; pos + 2 <= last; pos++) if (buf[pos] === 0x0d && buf[pos + 1] === 0x0a) return pos + 2;
  } else if (beginsWith(buf, at, end, PROXY_BINARY) && at + 16 <= end) {
    const next = at + 16 + ((buf[at + 14]! << 8) | buf[at + 15]!);
    if (next <= end) return next;
  }
  return at;
}

function beginsWith(buf: Uint8Array, at: number, end: number, start: readonly number[]): boolean {
  if (end - at < start.length) return false;
  for (let i = 0; i < start.length; i++) if (buf[at + i] !== start[i]) return false;
  return true;
}

export function probeTls(buf: Uint8Array, at: number, end: number): Probe {
  if (at >= end) return Probe.Unsure;
  const first = buf[at]!;
  if (first === ContentType.Handshake) return probeHandshakeRecord(buf, at, end);
  if ((first & 0x80) !== 0) return probeSslv2Hello(buf, at, end);
  return Probe.NotForUs;
}

function probeHandshakeRecord(buf: Uint8Array, at: number, end: number): Probe {
  const n = end - at;
  if (n < 2) return Probe.Unsure;
  if (buf[at + 1] !== 3) return Probe.NotForUs;
  if (n < 3) return Probe.Unsure;
  if (buf[at + 2]! > 4) return Probe.NotForUs;
  if (n < 5) return Probe.Unsure;
  const recordLen = (buf[at + 3]! << 8) | buf[at + 4]!;
  if (recordLen === 0 || recordLen > MAX_RECORD_BYTES) return Probe.NotForUs;
  if (n < 6) return Probe.Unsure;
  const type = buf[at + 5]!;
  if (type !== HandshakeType.ClientHello && type !== HandshakeType.ServerHello && type !== HandshakeType.Certificate)
    return Probe.NotForUs;
  // A message header that goes on in the next record can't be checked further.
  if (recordLen < 6) return Probe.Certain;
  if (n < 11) return Probe.Unsure;
  const bodyLen = (buf[at + 6]! << 16) | (buf[at + 7]! << 8) | buf[at + 8]!;
  if (type === HandshakeType.Certificate) {
    const listLen = (buf[at + 9]! << 8) | buf[at + 10]!;
    return bodyLen <= MAX_CERTIFICATE_BYTES && bodyLen >= 3 && listLen === (bodyLen - 3) >> 8
      ? Probe.Certain
      : Probe.NotForUs;
  }
  if (bodyLen < MIN_HELLO_BODY || bodyLen > MAX_MESSAGE_BYTES) return Probe.NotForUs;
  const major = buf[at + 9]!;
  // 0x7f: a TLS 1.3 draft's ServerHello.
  if (major === 3 || (major === 0x7f && type === HandshakeType.ServerHello)) return Probe.Certain;
  return Probe.NotForUs;
}

function probeSslv2Hello(buf: Uint8Array, at: number, end: number): Probe {
  const n = end - at;
  if (n >= 3 && buf[at + 2] !== HandshakeType.ClientHello) return Probe.NotForUs;
  if (n >= 4 && buf[at + 3] !== 3 && buf[at + 3] !== 0) return Probe.NotForUs;
  if (n >= 5 && (buf[at + 3] === 3 ? buf[at + 4]! > 4 : buf[at + 4] !== 2)) return Probe.NotForUs;
  if (n < 11) return Probe.Unsure;
  const messageLen = ((buf[at]! & 0x7f) << 8) | buf[at + 1]!;
  const specsLen = (buf[at + 5]! << 8) | buf[at + 6]!;
  const sessionLen = (buf[at + 7]! << 8) | buf[at + 8]!;
  const challengeLen = (buf[at + 9]! << 8) | buf[at + 10]!;
  const fits =
    specsLen > 0 &&
    specsLen % 3 === 0 &&
    sessionLen <= 32 &&
    challengeLen >= 16 &&
    challengeLen <= 32 &&
    messageLen === 9 + specsLen + sessionLen + challengeLen;
  return fits ? Probe.Certain : Probe.NotForUs;
}

/** The record types of TLS over TCP; those above are DTLS's. */
export function isRecordType(type: number): boolean {
  return type >= ContentType.ChangeCipherSpec && type <= ContentType.Heartbeat;
}

/** Whether `buf[at, end)` could begin a record of any type: used to find a boundary after a gap. */
export function looksLikeRecord(buf: Uint8Array, at: number, end: number): boolean {
  if (end - at < 6) return false;
  if (buf[at + 1] !== 3 || buf[at + 2]! > 4) return false;
  const len = (buf[at + 3]! << 8) | buf[at + 4]!;
  if (len === 0 || len > MAX_RECORD_BYTES) return false;
  const next = at + 5 + len;
  if (next + 3 <= end && (!isRecordType(buf[next]!) || buf[next + 1] !== 3 || buf[next + 2]! > 4)) return false;
  switch (buf[at]!) {
    case ContentType.ChangeCipherSpec:
      return len === 1 && buf[at + 5] === 1;
    case ContentType.Alert:
      return len === 2 ? buf[at + 5] === 1 || buf[at + 5] === 2 : len >= 16 && len <= 64;
    case ContentType.Handshake:
      return looksLikeMessage(buf, at + 5, end, len);
    case ContentType.ApplicationData:
      return len >= 16;
    default:
      return false;
  }
}

/** A plain handshake message of a known type whose length is believable. */
export function looksLikeMessage(buf: Uint8Array, at: number, end: number, recordLen: number): boolean {
  const type = buf[at]!;
  if (end - at < 4 || recordLen < 4) return false;
  const len = (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!;
  switch (type) {
    case HandshakeType.HelloRequest:
    case HandshakeType.ServerHelloDone:
      // Each is the last of its flight. A run of zeros is no HelloRequest.
      return len === 0 && recordLen === 4;
    case HandshakeType.Certificate:
      return len >= 3 && len <= MAX_CERTIFICATE_BYTES;
    case HandshakeType.ClientHello:
    case HandshakeType.ServerHello:
      if (end - at > 4 && buf[at + 4] !== 3 && (buf[at + 4] !== 0x7f || type === HandshakeType.ClientHello))
        return false;
      return len >= MIN_HELLO_BODY && len <= MAX_MESSAGE_BYTES;
    case HandshakeType.NewSessionTicket:
    case HandshakeType.ServerKeyExchange:
    case HandshakeType.CertificateRequest:
    case HandshakeType.CertificateVerify:
    case HandshakeType.ClientKeyExchange:
    case HandshakeType.CertificateStatus:
      return len > 0 && len <= MAX_MESSAGE_BYTES;
    default:
      return false;
  }
}
