import { fromHex } from '../../src/bytes/hex.ts';

/** Reads hexadecimal text whose lines end in comments: digits come first, in groups, and a comment after two spaces. */
export function bytes(...texts: string[]): Uint8Array {
  const digits = texts.flatMap((text) => text.split('\n').map((line) => line.trim().split(/\s{2,}/)[0] ?? ''));
  return fromHex(digits.join(' '));
}
