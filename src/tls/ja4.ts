/**
 * JA4, the client fingerprint that survives extensions in random order. FoxIO, 2023, BSD licence; built from its
 * specification (technical_details/JA4.md in FoxIO-LLC/ja4, state of 2026).
 *
 *     t13d1516h2_8daaf6152771_e5627efa2ab1
 *     |  | | | | |            SHA-256 of extensions, sorted, without SNI and ALPN, `_`, signature schemes in order
 *     |  | | | | SHA-256 of suites, sorted          (12 digits each; twelve zeros for an empty list)
 *     |  | | | first and last character of the first ALPN name, 00 without one
 *     |  | | count of extensions, at most 99
 *     |  | count of suites, at most 99
 *     |  d with SNI, i without
 *     |  version: the highest of supported_versions, else legacy_version; 00 where the table below has none
 *     t TCP, d DTLS, q QUIC
 *
 * GREASE is left out everywhere, in signature schemes too (FoxIO-LLC/ja4 issue 305: Chrome redraws it per handshake). The
 * highest version is the highest number: with a draft (0x7f12) or DTLS 1.2 (0xfefd) beside its successor, that is what
 * the specification says and other tools print.
 */

import { hash } from 'node:crypto';
import { toHex, toHex16 } from '../bytes/hex.ts';
import type { HelloTransport } from './hello-shape.ts';
import { MAX_CIPHER_SUITES } from './limits.ts';
import { ExtensionType } from './registry/generated/extensions.ts';
import { isGrease } from './registry/grease.ts';

/** What JA4 reads of a hello. */
export interface Ja4Input {
  readonly legacyVersion: number;
  readonly cipherSuites: readonly number[];
  readonly extensions: readonly number[] | null;
  readonly supportedVersions: readonly number[];
  readonly signatureSchemes: readonly number[];
  /** Of the first ALPN name, by `toAlpnEnds`. */
  readonly alpnEnds: string;
}

export const NO_ALPN = '00';
const EMPTY_HASH = '000000000000';

const VERSION_CODES: ReadonlyMap<number, string> = new Map([
  [0x0002, 's2'],
  [0x0300, 's3'],
  [0x0301, '10'],
  [0x0302, '11'],
  [0x0303, '12'],
  [0x0304, '13'],
  [0xfeff, 'd1'],
  [0xfefd, 'd2'],
  [0xfefc, 'd3'],
]);

/** Reused for sorting; no list is longer (see limits.ts). */
const scratch = new Uint16Array(MAX_CIPHER_SUITES);

export function buildJa4(transport: HelloTransport, hello: Ja4Input): string {
  const extensions = hello.extensions ?? [];
  const suiteCount = gather(hello.cipherSuites, false);
  const suites = joinSorted(suiteCount);
  const extensionCount = gather(extensions, false);
  const kept = gather(extensions, true);
  const lists = kept === 0 ? '' : appendSchemes(joinSorted(kept), hello.signatureSchemes);
  const sni = extensions.includes(ExtensionType.ServerName) ? 'd' : 'i';
  const counts = toCount(suiteCount) + toCount(extensionCount);
  const version = toVersionCode(highestVersion(hello));
  return `${transport}${version}${sni}${counts}${hello.alpnEnds}_${toShortHash(suites)}_${toShortHash(lists)}`;
}

/**
 * First and last character of a protocol name; if either is not an ASCII letter or digit, the first and last hexadecimal
 * digit of the name instead.
 */
export function toAlpnEnds(buf: Uint8Array, at: number, end: number): string {
  if (at >= end) return NO_ALPN;
  const first = buf[at]!;
  const last = buf[end - 1]!;
  if (isAlphanumeric(first) && isAlphanumeric(last)) return String.fromCharCode(first, last);
  return toHex(buf, at, at + 1).charAt(0) + toHex(buf, end - 1, end).charAt(1);
}

function toVersionCode(version: number): string {
  return VERSION_CODES.get(version) ?? '00';
}

/** Two decimal digits. */
function toCount(n: number): string {
  if (n > 99) return '99';
  return n < 10 ? `0${n}` : `${n}`;
}

function toShortHash(text: string): string {
  return text === '' ? EMPTY_HASH : hash('sha256', text, 'hex').slice(0, 12);
}

function highestVersion(hello: Ja4Input): number {
  let highest = -1;
  for (const version of hello.supportedVersions) if (!isGrease(version) && version > highest) highest = version;
  return highest < 0 ? hello.legacyVersion : highest;
}

/** Fills `scratch` with what is not GREASE (and not SNI or ALPN), and returns how much that is. */
function gather(list: readonly number[], isWithoutNames: boolean): number {
  let count = 0;
  for (const n of list) {
    if (isGrease(n)) continue;
    if (isWithoutNames) {
      if (n === ExtensionType.ServerName || n === ExtensionType.ApplicationLayerProtocolNegotiation) continue;
    }
    if (count < scratch.length) scratch[count++] = n;
  }
  return count;
}

function joinSorted(count: number): string {
  const sorted = scratch.subarray(0, count);
  // oxlint-disable-next-line unicorn/no-array-sort -- in place on purpose: the scratch is ours, a copy would be garbage
  sorted.sort();
  let text = '';
  for (const n of sorted) text += text === '' ? toHex16(n) : `,${toHex16(n)}`;
  return text;
}

function appendSchemes(text: string, schemes: readonly number[]): string {
  let separator = '_';
  let out = text;
  for (const scheme of schemes) {
    if (isGrease(scheme)) continue;
    out += separator + toHex16(scheme);
    separator = ',';
  }
  return out;
}

function isAlphanumeric(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}
