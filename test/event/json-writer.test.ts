import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { escapeUnsafe } from '../../src/bytes/text.ts';
import { defineField, defineNumbered } from '../../src/event/field.ts';
import type { FieldWriter } from '../../src/event/field-writer.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { anyText } from './arbitrary-facts.ts';

const TEXT = defineField('t', 1, 'string');
const UINT = defineField('u', 2, 'uint64');
const UINT32 = defineField('u32', 3, 'uint32');
const INT = defineField('i', 4, 'int64');
const TEXTS = defineField('ts', 5, 'string[]');
const UINTS = defineField('us', 6, 'uint32[]');
const MESSAGES = defineField('ms', 7, 'message[]');

/** What is written, without the comma before it. */
function written(write: (w: FieldWriter) => void): string {
  const w = new JsonWriter(1);
  write(w);
  return Buffer.from(w.view()).toString('utf8').slice(1);
}

describe('text', () => {
  it('escapes quotes and backslashes, and nothing else of ASCII', () => {
    const text = Array.from({ length: 0x5f }, (_, i) => String.fromCharCode(0x20 + i)).join('');
    expect(written((w) => w.text(TEXT, text))).toBe(`"t":${JSON.stringify(text)}`);
  });

  it.each([
    ['a NUL', 'a\0b', 'a\\u{0}b'],
    ['a line feed', '\n', '\\u{a}'],
    ['DEL', '\u007f', '\\u{7f}'],
    ['a line separator', '\u2028', '\\u{2028}'],
    ['a right-to-left override', '\u202e', '\\u{202e}'],
    ['a lone surrogate', 'x\ud800', 'x\\u{d800}'],
    ['a quote beside a letter beyond ASCII', 'é"\\', 'é"\\'],
    ['a pair of surrogates', '😀', '😀'],
  ])('shows %s so that it can be sent', (_, text, shown) => {
    expect(JSON.parse(`{${written((w) => w.text(TEXT, text))}}`)).toEqual({ t: shown });
  });

  it('is valid UTF-8 and means the same, whatever it is', () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        const w = new JsonWriter(1);
        w.text(TEXT, `${a}.`);
        w.texts(TEXTS, [`${b}.`, '', 'z']);
        const text = new TextDecoder('utf-8', { fatal: true }).decode(w.view());
        const parsed = JSON.parse(`{${text.slice(1)}}`);
        expect(parsed).toEqual({ t: escapeUnsafe(`${a}.`), ts: [escapeUnsafe(`${b}.`), 'z'] });
      }),
    );
  });

  it('is not written when it is empty, nor is a list of empty texts', () => {
    expect(
      written((w) => {
        w.text(TEXT, '');
        w.texts(TEXTS, []);
        w.texts(TEXTS, ['', '']);
        w.uints(UINTS, []);
        w.messages(MESSAGES, [], () => {});
        w.hex(TEXT, new Uint8Array(0));
        w.ascii(TEXT, new Uint8Array(0));
      }),
    ).toBe('');
  });
});

describe('numbers', () => {
  it.each([
    0,
    9,
    10,
    99,
    100,
    999,
    1000,
    9999,
    10_000,
    65_535,
    100_000,
    1_000_000,
    4_294_967_295,
    4_294_967_296,
    2 ** 53 - 1,
  ])('writes %d with its digits', (n) => {
    expect(written((w) => w.uint(UINT, n))).toBe(`"u":${n}`);
    expect(written((w) => w.int(INT, -n))).toBe(`"i":${n === 0 ? '0' : `-${n}`}`);
    expect(written((w) => w.numbered(defineNumbered(TEXT, 'id-'), n))).toBe(`"t":"id-${n}"`);
  });

  it('writes any whole number as JSON does', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (n) => {
        expect(written((w) => w.uint(UINT, n))).toBe(`"u":${n}`);
      }),
    );
  });

  it('does not write what is unknown or does not fit', () => {
    expect(
      written((w) => {
        w.uint(UINT, -1);
        w.uint(UINT, Number.NaN);
        w.uint(UINT32, 2 ** 32);
        w.uint(UINT, 2 ** 53);
        w.int(INT, Number.NaN);
        w.int(INT, Number.NEGATIVE_INFINITY);
        w.time(TEXT, -1);
        w.time(TEXT, Number.NaN);
        w.time(TEXT, 253_402_300_800 * 1_000_000);
      }),
    ).toBe('');
  });
});

describe('times', () => {
  it('has six decimals, zeros in front', () => {
    expect(written((w) => w.time(TEXT, 1_449_744_751_000_802))).toBe('"t":"2015-12-10T10:52:31.000802Z"');
    expect(written((w) => w.time(TEXT, 0))).toBe('"t":"1970-01-01T00:00:00.000000Z"');
  });

  it('keeps up when seconds go back and forth', () => {
    const w = new JsonWriter();
    for (const us of [1_000_000, 2_500_000, 1_999_999]) w.time(TEXT, us);
    expect(
      Buffer.from(w.view())
        .toString()
        .match(/\d\d\.\d{6}Z/g),
    ).toEqual(['01.000000Z', '02.500000Z', '01.999999Z']);
  });
});

describe('structure', () => {
  it('puts a list of messages in braces', () => {
    const text = written((w) =>
      w.messages(MESSAGES, [1, 2], (inner, n) => {
        inner.uint(UINT, n);
        inner.texts(TEXTS, [`n${n}`]);
      }),
    );
    expect(text).toBe('"ms":[{"u":1,"ts":["n1"]},{"u":2,"ts":["n2"]}]');
  });

  it('gives back what was written since a position, and takes it again', () => {
    const w = new JsonWriter(1);
    w.uint(UINT, 1);
    const at = w.position();
    w.text(TEXT, 'x');
    const part = w.copyFrom(at);
    w.reset();
    w.raw(part);
    expect(Buffer.from(w.view()).toString()).toBe(',"t":"x"');
  });

  it('grows under anything', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(anyText, fc.maxSafeNat()), { maxLength: 40 }), (values) => {
        const w = new JsonWriter(1);
        for (const value of values) {
          if (typeof value === 'number') w.uint(UINT, value);
          else w.text(TEXT, `${value}.`);
        }
        const expected = values.map((v) =>
          typeof v === 'number' ? `,"u":${v}` : `,"t":${JSON.stringify(escapeUnsafe(`${v}.`))}`,
        );
        expect(Buffer.from(w.view()).toString()).toBe(expected.join(''));
      }),
    );
  });
});
