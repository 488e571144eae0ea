/**
 * Community ID, version 1: one text for one flow, the same in every tool that computes it.
 *
 *     "1:" + base64(SHA-1(seed 2 | address 4/16 | address 4/16 | protocol 1 | zero 1 | port 2 | port 2))
 *
 * The smaller address with its port comes first, so both directions agree; the seed is zero. Specification:
 * corelight/community-id-spec. Addresses come as text because that is what an event has.
 */
import { writeSha1 } from './sha1-block.ts';

const TCP = 6;
const UDP = 17;

const MAX_ADDRESS_BYTES = 16;
const DIGEST_BYTES = 20;

const encoder = new TextEncoder();
const BASE64 = encoder.encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const NO_BYTES = new Uint8Array(0);

/** Reused: one flow at a time. */
const block = new Uint8Array(64);
const a = new Uint8Array(MAX_ADDRESS_BYTES);
const b = new Uint8Array(MAX_ADDRESS_BYTES);
const digest = new Uint8Array(DIGEST_BYTES);
const text = encoder.encode(`1:${'A'.repeat(27)}=`);

/**
 * The id as ASCII, in a buffer that the next call overwrites; empty where an address is no address, or the two are of different
 * kinds.
 */
export function writeCommunityId(
  transport: 'tcp' | 'udp',
  srcIp: string,
  srcPort: number,
  destIp: string,
  destPort: number,
): Uint8Array {
  const len = readIp(srcIp, a);
  if (len === 0 || readIp(destIp, b) !== len) return NO_BYTES;
  const isForward = comesFirst(len, srcPort, destPort);
  const first = isForward ? a : b;
  const second = isForward ? b : a;
  const firstPort = isForward ? srcPort : destPort;
  const secondPort = isForward ? destPort : srcPort;
  block[0] = 0;
  block[1] = 0;
  for (let i = 0; i < len; i++) {
    block[2 + i] = first[i]!;
    block[2 + len + i] = second[i]!;
  }
  let at = 2 + 2 * len;
  block[at++] = transport === 'tcp' ? TCP : UDP;
  block[at++] = 0;
  block[at++] = firstPort >> 8;
  block[at++] = firstPort;
  block[at++] = secondPort >> 8;
  block[at++] = secondPort;
  writeSha1(block, at, digest);
  writeBase64();
  return text;
}

/** Twenty bytes of `digest` are 27 letters behind the `1:`; the `=` stays. */
function writeBase64(): void {
  let at = 2;
  for (let i = 0; i < DIGEST_BYTES; i += 3) {
    const n = (digest[i]! << 16) | (digest[i + 1]! << 8) | (i + 2 < DIGEST_BYTES ? digest[i + 2]! : 0);
    text[at++] = BASE64[n >> 18]!;
    text[at++] = BASE64[(n >> 12) & 63]!;
    text[at++] = BASE64[(n >> 6) & 63]!;
    if (i + 2 < DIGEST_BYTES) text[at++] = BASE64[n & 63]!;
  }
}

function comesFirst(len: number, portA: number, portB: number): boolean {
  for (let i = 0; i < len; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference < 0;
  }
  return portA <= portB;
}

/** Reads an address into `out`: 4, 16, or 0 where the text is none. */
function readIp(text: string, out: Uint8Array): 0 | 4 | 16 {
  if (text.includes(':')) return readIpv6(text, out);
  return readIpv4(text, 0, out, 0) ? 4 : 0;
}

function readIpv4(text: string, from: number, out: Uint8Array, outAt: number): boolean {
  let octet = 0;
  let digits = 0;
  let at = outAt;
  for (let i = from; i <= text.length; i++) {
    const c = i === text.length ? 0x2e : text.charCodeAt(i);
    if (c === 0x2e) {
      if (digits === 0 || at === outAt + 4) return false;
      out[at++] = octet;
      octet = 0;
      digits = 0;
    } else if (c >= 0x30 && c <= 0x39) {
      octet = octet * 10 + c - 0x30;
      digits += 1;
      if (octet > 255 || digits > 3) return false;
    } else return false;
  }
  return at === outAt + 4;
}

/** RFC 4291 2.2: eight groups, `::` for a run of zeros, and an IPv4 address as the last 32 bits. */
function readIpv6(text: string, out: Uint8Array): 0 | 16 {
  out.fill(0);
  let at = 0;
  let gapAt = -1;
  let i = 0;
  if (text.startsWith('::')) {
    gapAt = 0;
    i = 2;
  }
  while (i < text.length) {
    if (at > 14) return 0;
    const start = i;
    let group = 0;
    let digit = hexDigit(text.charCodeAt(i));
    while (digit >= 0 && i - start < 4) {
      group = group * 16 + digit;
      i += 1;
      digit = i < text.length ? hexDigit(text.charCodeAt(i)) : -1;
    }
    if (i < text.length && text.charCodeAt(i) === 0x2e) {
      if (at > 12 || !readIpv4(text, start, out, at)) return 0;
      at += 4;
      i = text.length;
      break;
    }
    if (i === start) return 0;
    out[at++] = group >> 8;
    out[at++] = group;
    if (i === text.length) break;
    if (text.charCodeAt(i) !== 0x3a) return 0;
    i += 1;
    if (i < text.length && text.charCodeAt(i) === 0x3a) {
      if (gapAt >= 0) return 0;
      gapAt = at;
      i += 1;
    } else if (i === text.length) return 0;
  }
  if (gapAt < 0) return at === 16 ? 16 : 0;
  if (at === 16) return 0;
  out.copyWithin(16 - (at - gapAt), gapAt, at);
  out.fill(0, gapAt, 16 - (at - gapAt));
  return 16;
}

function hexDigit(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
