/**
 * TLS messages and records written by hand: what tests of framing and sessions feed. Lengths are right unless the test breaks
 * them. RFC 5246 7.4, RFC 8446 4.1; draft-hickman-netscape-ssl-00 for SSL 2.
 */

import { joinBytes } from '../../tools/make-pcap/packet-writer.ts';

const TYPE = { ccs: 20, alert: 21, handshake: 22, data: 23 } as const;

function u16(n: number): Uint8Array {
  return Uint8Array.of(n >> 8, n & 0xff);
}

function u24(n: number): Uint8Array {
  return Uint8Array.of(n >> 16, (n >> 8) & 0xff, n & 0xff);
}

function vec8(...parts: readonly Uint8Array[]): Uint8Array {
  const body = joinBytes(...parts);
  return joinBytes(Uint8Array.of(body.length), body);
}

function vec16(...parts: readonly Uint8Array[]): Uint8Array {
  const body = joinBytes(...parts);
  return joinBytes(u16(body.length), body);
}

function vec24(...parts: readonly Uint8Array[]): Uint8Array {
  const body = joinBytes(...parts);
  return joinBytes(u24(body.length), body);
}

export function record(type: number, fragment: Uint8Array, version = 0x0303): Uint8Array {
  return joinBytes(Uint8Array.of(type), u16(version), vec16(fragment));
}

export function message(type: number, ...body: readonly Uint8Array[]): Uint8Array {
  return joinBytes(Uint8Array.of(type), vec24(...body));
}

/** Messages in one handshake record. */
export function handshake(...messages: readonly Uint8Array[]): Uint8Array {
  return record(TYPE.handshake, joinBytes(...messages));
}

export const changeCipherSpec: Uint8Array = record(TYPE.ccs, Uint8Array.of(1));

export function alert(level: number, description: number): Uint8Array {
  return record(TYPE.alert, Uint8Array.of(level, description));
}

export function applicationData(sizeBytes: number): Uint8Array {
  return record(TYPE.data, new Uint8Array(sizeBytes).fill(0xe5));
}

/** An encrypted Finished as TLS 1.2 sends it: a handshake record whose content is noise. */
export const encryptedFinished: Uint8Array = record(TYPE.handshake, new Uint8Array(40).fill(0xe5));

function extension(type: number, ...body: readonly Uint8Array[]): Uint8Array {
  return joinBytes(u16(type), vec16(...body));
}

export interface HelloParts {
  readonly sessionId?: Uint8Array;
  readonly serverName?: string;
  /** Bytes of a session ticket; an empty one asks for a ticket. */
  readonly ticket?: Uint8Array;
  readonly suites?: readonly number[];
}

export function clientHello(parts: HelloParts = {}): Uint8Array {
  const name = Buffer.from(parts.serverName ?? 'example.com');
  const extensions = [
    extension(0, vec16(Uint8Array.of(0), vec16(name))),
    extension(43, vec8(u16(0x0304), u16(0x0303))),
  ];
  if (parts.ticket !== undefined) extensions.push(extension(35, parts.ticket));
  return message(
    1,
    u16(0x0303),
    new Uint8Array(32).fill(0xc1),
    vec8(parts.sessionId ?? new Uint8Array(0)),
    vec16(...(parts.suites ?? [0x1301, 0xc02f]).map(u16)),
    vec8(Uint8Array.of(0)),
    vec16(...extensions),
  );
}

/** The random value that makes a ServerHello a HelloRetryRequest (RFC 8446 4.1.3). */
const RETRY = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex');

export interface ServerHelloParts {
  readonly sessionId?: Uint8Array;
  readonly isTls13?: boolean;
  readonly isRetry?: boolean;
  /** Selects the first PSK. */
  readonly isPsk?: boolean;
}

export function serverHello(parts: ServerHelloParts = {}): Uint8Array {
  const extensions: Uint8Array[] = [];
  if (parts.isTls13 === true) extensions.push(extension(43, u16(0x0304)));
  if (parts.isPsk === true) extensions.push(extension(41, u16(0)));
  return message(
    2,
    u16(0x0303),
    parts.isRetry === true ? RETRY : new Uint8Array(32).fill(0x5e),
    vec8(parts.sessionId ?? new Uint8Array(0)),
    u16(parts.isTls13 === true ? 0x1301 : 0xc02f),
    Uint8Array.of(0),
    vec16(...extensions),
  );
}

export function certificateMessage(...certificates: readonly Uint8Array[]): Uint8Array {
  return message(11, vec24(...certificates.map((certificate) => vec24(certificate))));
}

export const serverHelloDone: Uint8Array = message(14);
export const clientKeyExchange: Uint8Array = message(16, new Uint8Array(66).fill(0x04));
/** ECDHE with X25519 and an empty signature. */
export const serverKeyExchange: Uint8Array = message(
  12,
  Uint8Array.of(3, 0, 29),
  vec8(new Uint8Array(32)),
  u16(0x0804),
  u16(0),
);
export const newSessionTicket: Uint8Array = message(4, Uint8Array.of(0, 0, 0x1c, 0x20), vec16(new Uint8Array(16)));

/** One SSL 2 record with a two-byte header. */
function sslv2Record(...body: readonly Uint8Array[]): Uint8Array {
  const bytes = joinBytes(...body);
  return joinBytes(u16(0x8000 | bytes.length), bytes);
}

export function sslv2ClientHello(version: number): Uint8Array {
  const challenge = new Uint8Array(16).fill(0xcc);
  return sslv2Record(
    Uint8Array.of(1),
    u16(version),
    u16(6),
    u16(0),
    u16(16),
    Uint8Array.of(0, 0, 0x2f, 1, 0, 0x80),
    challenge,
  );
}

export function sslv2ServerHello(certificate: Uint8Array): Uint8Array {
  const suites = Uint8Array.of(1, 0, 0x80);
  const id = new Uint8Array(16);
  return sslv2Record(Uint8Array.of(4, 0, 1, 0, 2), u16(certificate.length), u16(3), u16(16), certificate, suites, id);
}

export const sslv2ClientMasterKey: Uint8Array = sslv2Record(
  Uint8Array.of(2, 1, 0, 0x80),
  u16(0),
  u16(4),
  u16(0),
  new Uint8Array(4),
);

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = joinBytes(...parts);
  const len = body.length < 0x80 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return joinBytes(Uint8Array.of(tag, ...len), body);
}

function derName(commonName: string): Uint8Array {
  const attribute = der(0x30, Uint8Array.of(6, 3, 0x55, 4, 3), der(0x0c, Buffer.from(commonName)));
  return der(0x30, der(0x31, attribute));
}

/** A certificate of version 1 with an Ed25519 key and a signature of zeros: no one checks it. */
export function certificate(subject: string, issuer: string = subject): Uint8Array {
  const ed25519 = der(0x30, Uint8Array.of(6, 3, 0x2b, 0x65, 0x70));
  const validity = der(0x30, der(0x17, Buffer.from('250101000000Z')), der(0x17, Buffer.from('350101000000Z')));
  const key = der(0x30, ed25519, der(0x03, new Uint8Array(33)));
  const tbs = der(0x30, der(0x02, Uint8Array.of(7)), ed25519, derName(issuer), validity, derName(subject), key);
  return der(0x30, tbs, ed25519, der(0x03, new Uint8Array(65)));
}
