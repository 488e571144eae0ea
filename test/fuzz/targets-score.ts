/** Names as strangers choose them, compared with slow and obvious ways to answer the same. */
import { isIP } from 'node:net';

import { toText } from '../../src/bytes/text.ts';
import { coversHost, foldPresented } from '../../src/score/host-name.ts';
import { toIpKey } from '../../src/score/ip-text.ts';
import { isLike } from '../../src/score/like.ts';
import { MAX_LIKE_LEN } from '../../src/score/limits.ts';
import { type FuzzTarget, promise } from './fuzz-target.ts';

const LIKE_PAIRS = [
  'www.example.com\0%example.com',
  'a.b.c\0%.%.%',
  'aaaaaaaaaaaaaaaaaaaaaaaa\0%a%a%a%a%b',
  'abc\0a_c',
  '\0%',
  'localhost\0%CN=localhost,O=%',
];
const HOST_LISTS = [
  'www.example.com\0*.example.com\0example.com',
  '192.0.2.1\x00192.0.2.1',
  '2001:db8::1\x002001:db8:0:0:0:0:0:1',
  '[::1]\0*.::1',
  'bücher.example\0xn--bcher-kva.example',
  'a.b.c.\0*.b.c',
];

/** The text and the pattern, a NUL between them. */
const like: FuzzTarget = {
  name: 'score.like',
  weight: 300,
  maxBytes: 512,
  seeds: () => LIKE_PAIRS.map((pair) => new TextEncoder().encode(pair)),
  run(bytes) {
    const [text = '', pattern = ''] = latin1(bytes).split('\0');
    const answer = isLike(text, pattern);
    if (text.length * pattern.length < 4096 && text.length <= MAX_LIKE_LEN)
      promise(answer === isLikeByTable(text, pattern), 'like() is wrong');
  },
};

/** A host, then the names of a certificate, NULs between them. */
const hostName: FuzzTarget = {
  name: 'score.host-name',
  weight: 150,
  maxBytes: 512,
  seeds: () => HOST_LISTS.map((list) => new TextEncoder().encode(list)),
  run(bytes) {
    const [host = '', ...names] = splitAtNul(bytes).map((part) => toText(part));
    const presented = foldPresented(names, names);
    const isCovered = coversHost(presented, host);
    promise(!isCovered || host !== '', 'the empty name is covered');
    promise(
      !isCovered || coversHost(presented, host.toUpperCase()) || !isAscii(host),
      'a name in capitals is another name',
    );
    const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
    // A zone belongs to the host, so its address is none to others.
    promise(
      (toIpKey(host) !== '') === (isIP(bare) !== 0 && !bare.includes('%')) || bare !== host,
      `${JSON.stringify(host)} is an address to one reader only`,
    );
    promise(toIpKey(host) === '' || isIP(bare) !== 0, 'an address that is none');
  },
};

export const SCORE_TARGETS: readonly FuzzTarget[] = [like, hostName];

/** Every prefix of the text against every prefix of the pattern. */
function isLikeByTable(text: string, pattern: string): boolean {
  let row = Array.from({ length: pattern.length + 1 }, () => false);
  row[0] = true;
  for (let p = 1; p <= pattern.length; p++) row[p] = row[p - 1]! && pattern[p - 1] === '%';
  for (const character of text.split('')) {
    const next = Array.from({ length: pattern.length + 1 }, () => false);
    for (let p = 1; p <= pattern.length; p++) {
      const want = pattern[p - 1];
      next[p] = want === '%' ? next[p - 1]! || row[p]! : row[p - 1]! && (want === '_' || want === character);
    }
    row = next;
  }
  return row[pattern.length]!;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function splitAtNul(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, from)) {
    parts.push(bytes.subarray(from, at));
    from = at + 1;
  }
  parts.push(bytes.subarray(from));
  return parts;
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}
