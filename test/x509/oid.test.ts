import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cursor } from '../../src/bytes/cursor.ts';
import { fromHex } from '../../src/bytes/hex.ts';
import { FaultList } from '../../src/x509/faults.ts';
import { readOid } from '../../src/x509/oid.ts';

function read(hex: string): { text: string; faults: readonly string[] } {
  const faults = new FaultList();
  return { text: readOid(new Cursor(fromHex(hex)), faults), faults: faults.names };
}

describe('an object identifier', () => {
  it.each([
    ['55 04 03', '2.5.4.3'],
    ['2a 86 48 86 f7 0d 01 01 0b', '1.2.840.113549.1.1.11'],
    ['00', '0.0'],
    ['27', '0.39'],
    ['28', '1.0'],
    ['4f', '1.39'],
    ['50', '2.0'],
    ['88 37 03', '2.999.3'],
    ['2a 8f ff ff ff 7f', '1.2.4294967295'],
    ['2a 90 80 80 80 00', '1.2.4294967296'],
    ['2a ff ff ff ff ff ff ff 7f', '1.2.72057594037927935'],
    // X.667: the UUID f81d4fae-7dec-11d0-a765-00a0c91e6bf6 as one arc.
    ['69 83 f0 9d a7 eb cf de e0 c7 a1 a7 b2 c0 94 8c c8 f9 d7 76', '2.25.329800735698586629295641978511506172918'],
  ])('of %s is %s', (hex, text) => {
    expect(read(hex)).toEqual({ text, faults: [] });
  });
});

describe('a reader of object identifiers', () => {
  it.each([
    ['an empty one', '', ''],
    ['one that ends within its first arc', '88', ''],
    ['one that ends within a later arc, and keeps those before', '55 04 83', '2.5.4'],
    ['a padded arc, and reads its value', '55 80 04 03', '2.5.4.3'],
    ['one beyond the cap', '01'.repeat(129), ''],
  ])('refuses %s', (_, hex, text) => {
    expect(read(hex)).toEqual({ text, faults: ['der_bad_oid'] });
  });

  it('returns dotted digits or nothing, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 140 }), (noise) => {
        expect(readOid(new Cursor(noise), new FaultList())).toMatch(/^([0-2](\.\d+)+)?$/);
      }),
    );
  });
});
