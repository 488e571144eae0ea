import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/bytes/hex.ts';
import { escapeUnsafe, latin1ToText, toText, utf16ToText, utf32ToText } from '../../src/bytes/text.ts';

/** What must never be sent: controls, what splits or turns a line, and half characters. */
const NEVER = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u;

describe('toText', () => {
  it.each([
    ['plain text', '70 6c 61 69 6e', 'plain'],
    ['UTF-8 of two, three and four bytes', 'c3a9 e282ac f09f9880', 'é€😀'],
    ['a NUL', '61 00 62', 'a\\u{0}b'],
    ['a line feed and an escape', '0a 1b', '\\u{a}\\u{1b}'],
    ['C1 and DEL', 'c285 7f', '\\u{85}\\u{7f}'],
    ['a bidirectional override', 'e280ae', '\\u{202e}'],
    ['a byte order mark', 'efbbbf 61', '\\u{feff}a'],
    ['a backslash', '5c', '\\'],
    ['a byte that is no UTF-8', '61 ff 62', 'a\\xffb'],
    ['an overlong form', 'c0af', '\\xc0\\xaf'],
    ['a surrogate', 'eda080', '\\xed\\xa0\\x80'],
    ['a sequence that is cut', 'e282 61 e2', '\\xe2\\x82a\\xe2'],
    ['beyond the last code point', 'f4908080', '\\xf4\\x90\\x80\\x80'],
    ['nothing', '', ''],
  ])('shows %s', (_, hex, shown) => {
    expect(toText(fromHex(hex))).toBe(shown);
  });

  it('shows long text as it shows short text', () => {
    const long = 'x'.repeat(100);
    expect(toText(Buffer.from(`${long}\0é`))).toBe(`${long}\\u{0}é`);
    expect(toText(Buffer.concat([Buffer.from(long), Buffer.of(0xff)]))).toBe(`${long}\\xff`);
  });

  it('reads only its part of the buffer', () => {
    expect(toText(Buffer.from('abcdef'), 2, 4)).toBe('cd');
    expect(toText(Buffer.from('a€b'), 1, 3)).toBe('\\xe2\\x82');
  });

  it('is safe for any bytes, and loses nothing of safe text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = toText(bytes);
        expect(text).not.toMatch(NEVER);
        expect(Buffer.from(text).toString()).toBe(text);
      }),
    );
    const safe = fc.string({ unit: 'grapheme' }).filter((text) => !NEVER.test(text));
    fc.assert(
      fc.property(safe, (text) => {
        expect(toText(Buffer.from(text))).toBe(text);
      }),
    );
  });
});

describe('other encodings', () => {
  it('shows ISO 8859-1', () => {
    expect(latin1ToText(fromHex('4a e9 80 00'))).toBe('Jé\\u{80}\\u{0}');
  });

  it('shows UTF-16, with what can not stand alone', () => {
    expect(utf16ToText(fromHex('0061 20ac d83dde00'))).toBe('a€😀');
    expect(utf16ToText(fromHex('d83d 0061 62'))).toBe('\\u{d83d}a\\x62');
  });

  it('shows UTF-32, with what is no character', () => {
    expect(utf32ToText(fromHex('00000061 0001f600'))).toBe('a😀');
    expect(utf32ToText(fromHex('0000d800 00110000 ffffffff 6162'))).toBe('\\u{d800}\\u{110000}\\u{ffffffff}\\x61\\x62');
  });

  it('is safe for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        for (const text of [latin1ToText(bytes), utf16ToText(bytes), utf32ToText(bytes)]) {
          expect(text).not.toMatch(NEVER);
          expect(Buffer.from(text).toString()).toBe(text);
        }
      }),
    );
  });

  it('escapes text that is already text', () => {
    expect(escapeUnsafe('a\u0007b\ud800')).toBe('a\\u{7}b\\u{d800}');
  });
});
