import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteTable, sampleHash } from '../../src/x509/byte-table.ts';
import { MAX_BUCKET_ENTRIES, MAX_CACHED_BYTES } from '../../src/x509/limits.ts';

function key(n: number, length = 64): Uint8Array {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(20, n);
  return bytes;
}

describe('a table by bytes', () => {
  it('finds a value by equal bytes anywhere in a buffer', () => {
    const table = new ByteTable<string>(10, 1000);
    table.add(key(1), 'one', 1);
    const buf = new Uint8Array(100).fill(0xff);
    buf.set(key(1), 7);
    expect(table.get(buf, 7, 71)).toBe('one');
    expect(table.get(buf, 8, 72)).toBeUndefined();
    expect(table.get(buf, 7, 70)).toBeUndefined();
    expect(table.counters).toEqual({ hits: 1, misses: 2, evictions: 0, entries: 1, bytes: 1 });
  });

  it('lets the oldest go when it is full', () => {
    const table = new ByteTable<number>(3, 1000);
    for (let n = 0; n < 5; n++) table.add(key(n), n, 10);
    expect([0, 1, 2, 3, 4].map((n) => table.get(key(n), 0, 64))).toEqual([undefined, undefined, 2, 3, 4]);
    expect(table.counters).toMatchObject({ evictions: 2, entries: 3, bytes: 30 });
  });

  it('spares an entry that was used since', () => {
    const table = new ByteTable<number>(3, 1000);
    for (let n = 0; n < 3; n++) table.add(key(n), n, 10);
    table.get(key(0), 0, 64);
    table.add(key(3), 3, 10);
    expect([0, 1, 2, 3].map((n) => table.get(key(n), 0, 64))).toEqual([0, undefined, 2, 3]);
  });

  it('lets the oldest go even if all were used', () => {
    const table = new ByteTable<number>(2, 1000);
    for (let n = 0; n < 2; n++) table.add(key(n), n, 1);
    for (let n = 0; n < 2; n++) table.get(key(n), 0, 64);
    table.add(key(2), 2, 1);
    expect(table.counters).toMatchObject({ entries: 2, evictions: 1 });
    expect(table.get(key(0), 0, 64)).toBeUndefined();
  });

  it('keeps to its weight', () => {
    const table = new ByteTable<number>(100, 100);
    table.add(key(1), 1, 60);
    table.add(key(2), 2, 60);
    expect(table.get(key(1), 0, 64)).toBeUndefined();
    expect(table.get(key(2), 0, 64)).toBe(2);
    expect(table.counters.bytes).toBe(60);
  });

  it('does not keep what is beyond its caps alone', () => {
    const table = new ByteTable<number>(100, 100);
    table.add(key(1), 1, 101);
    table.add(new Uint8Array(MAX_CACHED_BYTES + 1), 1, 1);
    expect(table.counters.entries).toBe(0);
  });

  it('keeps a bucket short whoever chooses the bytes', () => {
    const table = new ByteTable<number>(1000, 1e6);
    const keys = collidingKeys(100);
    for (const [n, bytes] of keys.entries()) table.add(bytes, n, 1);
    expect(table.counters.entries).toBe(MAX_BUCKET_ENTRIES);
    expect(table.get(keys[99]!, 0, 400)).toBe(99);
    expect(table.get(keys[0]!, 0, 400)).toBeUndefined();
  });

  it('agrees with a plain map while it is not full', () => {
    const op = fc.record({ n: fc.nat(50), isAdd: fc.boolean() });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 200 }), (ops) => {
        const table = new ByteTable<number>(1000, 1e6);
        const plain = new Map<number, number>();
        for (const { n, isAdd } of ops) {
          expect(table.get(key(n), 0, 64)).toBe(plain.get(n));
          if (isAdd && !plain.has(n)) {
            table.add(key(n), n, 1);
            plain.set(n, n);
          }
        }
      }),
    );
  });

  it('never holds more than its caps', () => {
    const op = fc.record({ n: fc.nat(40), weight: fc.integer({ min: 1, max: 40 }) });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 200 }), (ops) => {
        const table = new ByteTable<number>(8, 100);
        for (const { n, weight } of ops) {
          if (table.get(key(n), 0, 64) === undefined) table.add(key(n), n, weight);
          expect(table.counters.entries).toBeLessThanOrEqual(8);
          expect(table.counters.bytes).toBeLessThanOrEqual(100);
        }
      }),
    );
  });
});

/** Different keys with one hash: they differ in an octet that is not sampled. */
function collidingKeys(count: number): Uint8Array[] {
  const at = Array.from({ length: 400 }, (_, i) => i).find((i) => {
    const probe = new Uint8Array(400);
    probe[i] = 1;
    return sampleHash(probe, 0, 400) === sampleHash(new Uint8Array(400), 0, 400);
  });
  return Array.from({ length: count }, (_, n) => {
    const bytes = new Uint8Array(400);
    bytes[at!] = n;
    return bytes;
  });
}

describe('a sampled hash', () => {
  it('sees every octet of a serial number, and the end', () => {
    const base = sampleHash(key(0, 1000), 0, 1000);
    for (const i of [0, 20, 47, 996, 999]) {
      const other = key(0, 1000);
      other[i] = 1;
      expect(sampleHash(other, 0, 1000)).not.toBe(base);
    }
  });

  it('reads nothing outside its window', () => {
    for (let length = 0; length < 200; length++) {
      const buf = new Uint8Array(220).fill(0xaa);
      const before = sampleHash(buf, 10, 10 + length);
      buf.fill(0x55, 0, 10).fill(0x55, 10 + length);
      expect(sampleHash(buf, 10, 10 + length)).toBe(before);
    }
  });
});
