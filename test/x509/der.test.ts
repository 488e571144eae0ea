import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cursor } from '../../src/bytes/cursor.ts';
import { fromHex } from '../../src/bytes/hex.ts';
import { type Element, readElement, readExpected } from '../../src/x509/der.ts';
import { FaultList } from '../../src/x509/faults.ts';

function read(hex: string): { element: Element | null; faults: readonly string[]; pos: number } {
  const c = new Cursor(fromHex(hex));
  const faults = new FaultList();
  const element = readElement(c, faults);
  return { element, faults: faults.names, pos: c.pos };
}

describe('an element', () => {
  it('has a tag, a place and an end', () => {
    expect(read('02 01 05 ff')).toEqual({
      element: { tag: 0x02, at: 0, contentAt: 2, contentEnd: 3, end: 3, isCut: false },
      faults: [],
      pos: 3,
    });
  });

  it('may have a length of two octets', () => {
    const { element, faults } = read(`30 82 0100 ${'00'.repeat(256)}`);
    expect(element).toMatchObject({ tag: 0x30, contentAt: 4, end: 260 });
    expect(faults).toEqual([]);
  });

  it('may have a high tag number', () => {
    expect(read('bf 81 48 00').element?.tag).toBe(0xbf + 256 * 200);
    expect(read('bf 81 48 00').faults).toEqual([]);
  });

  it('is not there at the end of the window, which is no fault', () => {
    expect(read('')).toEqual({ element: null, faults: [], pos: 0 });
  });
});

describe('a reader of elements', () => {
  it.each([
    ['a length beyond the window, and cuts it', '04 05 01 02', ['der_truncated'], 4],
    ['a header of one octet', '04', ['der_truncated'], null],
    ['a header that ends within its length', '04 82 01', ['der_truncated'], null],
    ['a long length that fits one octet', '04 81 01 00', ['der_nonminimal_length'], 4],
    ['a length with a leading zero', '04 82 00 01 00', ['der_nonminimal_length'], 5],
    ['a length of five octets', '04 85 00 00 00 00 01 00', ['der_bad_length', 'der_truncated'], 8],
    ['the reserved length', '04 ff 00', ['der_bad_length', 'der_truncated'], 3],
    ['a primitive of indefinite length', '04 80 00 00', ['der_bad_length'], 4],
    ['an indefinite length, and finds its end', '30 80 02 01 05 00 00 ff', ['der_indefinite_length'], 7],
    ['an indefinite length without end', '30 80 02 01 05', ['der_indefinite_length', 'der_truncated'], 5],
    ['a padded tag number', '9f 80 48 00', ['der_bad_tag'], 4],
    ['a high form of a low tag number', '9f 05 00', ['der_bad_tag'], 3],
    ['a tag number beyond 28 bits', '9f 81 81 81 81 01 00', ['der_bad_tag', 'der_truncated'], null],
  ])('records %s', (_, hex, faults, end) => {
    const result = read(hex);
    expect(result.faults).toEqual(faults);
    expect(result.element?.end ?? null).toBe(end);
  });

  it('finds the end of nested indefinite lengths', () => {
    const { element } = read('30 80 30 80 02 01 05 00 00 04 02 00 00 00 00 ff');
    expect(element).toMatchObject({ contentAt: 2, contentEnd: 13, end: 15 });
  });

  it('stops at a depth', () => {
    expect(read('3080'.repeat(100)).faults).toEqual(['der_indefinite_length', 'der_too_deep', 'der_truncated']);
  });

  it('records another type than the expected one, and returns it', () => {
    const faults = new FaultList();
    expect(readExpected(new Cursor(fromHex('04 01 00')), 0x02, faults)?.tag).toBe(0x04);
    expect(faults.names).toEqual(['der_unexpected_tag']);
  });

  it('records that nothing is there', () => {
    const faults = new FaultList();
    expect(readExpected(new Cursor(), 0x02, faults)).toBeNull();
    expect(faults.names).toEqual(['der_unexpected_tag']);
  });

  it('stays in its window whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(16), (noise, margin) => {
        const c = new Cursor(noise, 0, Math.max(0, noise.length - margin));
        const end = c.end;
        for (let i = 0; i < 100 && c.remaining > 0; i++) {
          const element = readElement(c, new FaultList());
          if (element === null) break;
          expect(element.contentAt).toBeLessThanOrEqual(element.contentEnd);
          expect(element.contentEnd).toBeLessThanOrEqual(element.end);
          expect(element.end).toBeLessThanOrEqual(end);
        }
      }),
    );
  });
});
