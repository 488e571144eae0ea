/**
 * Finds the fields of a certificate whose lengths lie.
 *
 *     serial | algorithm | issuer: 31.. 31.. 31.. | validity: 30 1e 17 0d … 17 0d … | subject: 31.. 31.. | 30 30 06.. key | a3 extensions
 *                          <------ tiled back -----|       the anchor        |----- tiled forward ------>
 *
 * Two times side by side are found nowhere else in a certificate, so they are the anchor. What ends where they begin is the
 * issuer, a row of SETs that tile the space without a gap; what follows them is the subject, another row; then comes the
 * key. Best effort: a field is set only where its shape is beyond doubt, and the faults that brought us here stay recorded.
 *
 * One pass over the bytes for the anchor, one over those before it for the issuer: linear, whatever they hold.
 */
import { Cursor } from '../bytes/cursor.ts';
import type { Layout } from './certificate-layout.ts';
import { contextTag, type Element, readElement, Tag } from './der.ts';
import { FaultList } from './faults.ts';
import { MAX_RESYNC_BYTES } from './limits.ts';

const EXTENSIONS = contextTag(3, true);
const INDEFINITE = 0x80;

/** Lengths of `YYMMDDhhmmZ` and of a GeneralizedTime with a fraction. */
const SHORTEST_TIME = 11;
const LONGEST_TIME = 24;

/** Fills in what can be found. */
export function resyncLayout(der: Uint8Array, layout: Layout): void {
  const validity = findValidity(der);
  if (validity === null) return;
  layout.validity = validity;
  const issuerAt = placeIssuer(der, validity.at, layout);
  placeBeforeIssuer(der, issuerAt, layout);
  placeSubject(der, validity.end, layout);
}

/** The element here if it has this tag and fits into what is there; nothing is recorded. */
function probe(der: Uint8Array, at: number, tag: number): Element | null {
  // The end of an indefinite length is found by walking, which would be done again at every offset.
  if (der[at] !== tag || der[at + 1] === INDEFINITE) return null;
  const element = readElement(new Cursor(der, at, der.length), new FaultList());
  return element === null || element.isCut ? null : element;
}

/** The first pair of times; its header is taken to be the two octets before them, whatever these say. */
function findValidity(der: Uint8Array): Element | null {
  for (let at = 2; at < der.length; at++) {
    const between = timeEnd(der, at);
    const end = between < 0 ? -1 : timeEnd(der, between);
    if (end >= 0) return { tag: Tag.Sequence, at: at - 2, contentAt: at, contentEnd: end, end, isCut: false };
  }
  return null;
}

/** Where a time that begins here ends, or -1 if none does. */
function timeEnd(der: Uint8Array, at: number): number {
  const tag = der[at];
  if (tag !== Tag.UtcTime && tag !== Tag.GeneralizedTime) return -1;
  const length = der[at + 1] ?? 0;
  const end = at + 2 + length;
  if (length < SHORTEST_TIME || length > LONGEST_TIME || end > der.length) return -1;
  for (let i = at + 2; i < at + 12; i++) if (der[i]! < 0x30 || der[i]! > 0x39) return -1;
  return end;
}

/** Sets the issuer that ends at `end`; returns where it begins, or -1. */
function placeIssuer(der: Uint8Array, end: number, layout: Layout): number {
  const contentAt = tiledFrom(der, end);
  if (contentAt < 0) return -1;
  const headerLen = headerLength(der, contentAt);
  const at = contentAt - headerLen;
  layout.issuer = { tag: Tag.Sequence, at, contentAt, contentEnd: end, end, isCut: false };
  return at;
}

/** The lowest offset from which whole SETs reach `end` without a gap, or -1. */
function tiledFrom(der: Uint8Array, end: number): number {
  const lowest = Math.max(0, end - MAX_RESYNC_BYTES);
  const reaches = new Uint8Array(end - lowest + 1);
  reaches[end - lowest] = 1;
  let found = -1;
  for (let at = end - 1; at >= lowest; at--) {
    if (der[at] !== Tag.Set) continue;
    const set = probe(der, at, Tag.Set);
    if (set === null || set.end > end || der[set.contentAt] !== Tag.Sequence || reaches[set.end - lowest] !== 1)
      continue;
    reaches[at - lowest] = 1;
    found = at;
  }
  return found;
}

/** Octets of the header before this content, of which the length may lie but the form has to fit. */
function headerLength(der: Uint8Array, contentAt: number): number {
  for (const octets of [0, 1, 2]) {
    const at = contentAt - 2 - octets;
    const first = der[at + 1];
    if (der[at] === Tag.Sequence && first !== undefined && (octets === 0 ? first < 0x80 : first === 0x80 + octets)) {
      return 2 + octets;
    }
  }
  return 2;
}

/** Sets the algorithm that ends at the issuer, and the serial number that ends at the algorithm. */
function placeBeforeIssuer(der: Uint8Array, issuerAt: number, layout: Layout): void {
  const algorithm = endingAt(der, issuerAt, Tag.Sequence, Tag.Oid);
  if (algorithm === null) return;
  layout.innerAlgorithm = algorithm;
  const serial = endingAt(der, algorithm.at, Tag.Integer, -1);
  if (serial === null) return;
  layout.serial = serial;
  const version = probe(der, serial.at - 5, contextTag(0, true));
  layout.version = version?.end === serial.at ? version : null;
}

/** The longest element of this tag that ends here; `child` is the tag inside, or -1. */
function endingAt(der: Uint8Array, end: number, tag: number, child: number): Element | null {
  let longest: Element | null = null;
  for (let at = end - 2; at >= Math.max(0, end - 256); at--) {
    if (der[at] !== tag) continue;
    const element = probe(der, at, tag);
    if (element?.end === end && (child < 0 || der[element.contentAt] === child)) longest = element;
  }
  return longest;
}

/** Sets the subject that begins here, the key behind it, and the extensions behind that. */
function placeSubject(der: Uint8Array, at: number, layout: Layout): void {
  const contentAt = [2, 3, 4].map((length) => at + length).find((start) => probe(der, start, Tag.Set) !== null);
  const isEmpty = der[at] === Tag.Sequence && der[at + 1] === 0;
  if (contentAt === undefined && !isEmpty) return;
  let end = contentAt ?? at + 2;
  for (let set = probe(der, end, Tag.Set); set !== null; set = probe(der, end, Tag.Set)) end = set.end;
  // A set that the end of the certificate cut is worth what it holds.
  if (der[end] === Tag.Set) end = der.length;
  layout.subject = { tag: Tag.Sequence, at, contentAt: contentAt ?? end, contentEnd: end, end, isCut: false };
  const key = probe(der, end, Tag.Sequence);
  if (key === null || der[key.contentAt] !== Tag.Sequence) return;
  layout.publicKey = key;
  layout.extensions = probe(der, key.end, EXTENSIONS) ?? layout.extensions;
}
