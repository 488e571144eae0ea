/** Writes DER, and on request what is not DER: the material of refusals. Lengths are minimal; nothing is checked. */
import { fromHex } from '../../src/bytes/hex.ts';

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** One element; a tag of more than one octet is written as it stands. */
export function tlv(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = concat(...content);
  return concat(Uint8Array.of(tag), lengthOctets(body.length), body);
}

function lengthOctets(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  if (length < 0x100) return Uint8Array.of(0x81, length);
  if (length < 0x1_0000) return Uint8Array.of(0x82, length >> 8, length & 0xff);
  return Uint8Array.of(0x83, length >> 16, (length >> 8) & 0xff, length & 0xff);
}

export const seq = (...content: readonly Uint8Array[]): Uint8Array => tlv(0x30, ...content);
export const set = (...content: readonly Uint8Array[]): Uint8Array => tlv(0x31, ...content);
export const int = (hex: string): Uint8Array => tlv(0x02, fromHex(hex));
export const octets = (...content: readonly Uint8Array[]): Uint8Array => tlv(0x04, ...content);
export const bits = (hex: string, unused = 0): Uint8Array => tlv(0x03, Uint8Array.of(unused), fromHex(hex));
export const nul = (): Uint8Array => tlv(0x05);
export const text = (tag: number, value: string): Uint8Array => tlv(tag, new Uint8Array(Buffer.from(value, 'utf8')));
export const utcTime = (value: string): Uint8Array => text(0x17, value);
export const generalizedTime = (value: string): Uint8Array => text(0x18, value);

/** Arcs below 2^31. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tlv(0x06, ...[40 * first + second, ...rest].map(arc));
}

function arc(value: number): Uint8Array {
  const out = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) out.unshift(0x80 | (rest & 0x7f));
  return Uint8Array.from(out);
}

export function attribute(type: string, value: string, tag = 0x0c): Uint8Array {
  return seq(oid(type), text(tag, value));
}

/** A name of one common name. */
export function commonName(value: string, tag = 0x0c): Uint8Array {
  return seq(set(attribute('2.5.4.3', value, tag)));
}

export function extension(id: string, value: Uint8Array, critical?: Uint8Array): Uint8Array {
  return seq(oid(id), critical ?? new Uint8Array(0), octets(value));
}

/** The parts of a well-formed certificate, each of which a test may replace. An empty array leaves a part out. */
export interface CertificateParts {
  version: Uint8Array;
  serial: Uint8Array;
  innerAlgorithm: Uint8Array;
  issuer: Uint8Array;
  validity: Uint8Array;
  subject: Uint8Array;
  publicKey: Uint8Array;
  uniqueIds: Uint8Array;
  extensions: Uint8Array;
  outerAlgorithm: Uint8Array;
  signature: Uint8Array;
}

const ED25519 = '1.3.101.112';

export function parts(): CertificateParts {
  return {
    version: tlv(0xa0, int('02')),
    serial: int('0f2a'),
    innerAlgorithm: seq(oid(ED25519)),
    issuer: commonName('issuer'),
    validity: seq(utcTime('200101000000Z'), utcTime('300101000000Z')),
    subject: commonName('subject'),
    publicKey: seq(seq(oid(ED25519)), bits('11'.repeat(32))),
    uniqueIds: new Uint8Array(0),
    extensions: extensions(extension('2.5.29.19', seq())),
    outerAlgorithm: seq(oid(ED25519)),
    signature: bits('22'.repeat(64)),
  };
}

export function extensions(...list: readonly Uint8Array[]): Uint8Array {
  return tlv(0xa3, seq(...list));
}

export function certificate(change: Partial<CertificateParts> = {}): Uint8Array {
  const p = { ...parts(), ...change };
  return seq(
    seq(p.version, p.serial, p.innerAlgorithm, p.issuer, p.validity, p.subject, p.publicKey, p.uniqueIds, p.extensions),
    p.outerAlgorithm,
    p.signature,
  );
}
