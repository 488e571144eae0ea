import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, toHex16 } from '../../src/bytes/hex.ts';

describe('hexadecimal text', () => {
  it('has two digits a byte, in lower case', () => {
    expect(toHex(Uint8Array.of(0, 0x0a, 0xff))).toBe('000aff');
    expect(toHex(Uint8Array.of(1, 2, 3, 4), 1, 3)).toBe('0203');
    expect(toHex(Uint8Array.of())).toBe('');
  });

  it('has four digits for a wire number', () => {
    expect([0, 0x1301, 0xffff].map(toHex16)).toEqual(['0000', '1301', 'ffff']);
  });

  it('is read with white space and colons between the digits, in either case', () => {
    expect([...fromHex(' 00:0A\nfF ')]).toEqual([0, 0x0a, 0xff]);
  });

  it.each(['0', 'zz', '0x12', '12 3'])('refuses %j', (text) => {
    expect(() => fromHex(text)).toThrow(TypeError);
  });

  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes);
      }),
    );
  });
});
