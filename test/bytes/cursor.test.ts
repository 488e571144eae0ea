import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cursor, EMPTY_BYTES, FAULT_NAMES, Fault } from '../../src/bytes/cursor.ts';
import { fromHex } from '../../src/bytes/hex.ts';

const cursorOf = (text: string) => new Cursor(fromHex(text));

describe('Cursor', () => {
  it('reads numbers in network order', () => {
    const c = cursorOf('ff fffe fffffd fffffffc');
    expect([c.u8(), c.u16(), c.u24(), c.u32()]).toEqual([0xff, 0xfffe, 0xfffffd, 0xfffffffc]);
    expect(c.remaining).toBe(0);
    expect(c.fault).toBe(Fault.None);
  });

  it('lends views of the buffer, not copies', () => {
    const buf = fromHex('010203');
    const view = new Cursor(buf).bytes(2);
    buf[0] = 9;
    expect([...view]).toEqual([9, 2]);
  });

  it('steps over bytes and says where they began', () => {
    const c = cursorOf('aabbcc');
    expect([c.skip(2), c.u8(), c.skip(0)]).toEqual([0, 0xcc, 3]);
  });

  it.each([
    ['u8', (c: Cursor) => c.u8(), 1],
    ['u16', (c: Cursor) => c.u16(), 2],
    ['u24', (c: Cursor) => c.u24(), 3],
    ['u32', (c: Cursor) => c.u32(), 4],
  ] as const)('refuses %s past the end, for good', (_, read, size) => {
    for (let n = 0; n < size; n++) {
      const c = new Cursor(new Uint8Array(8).fill(0xff), 0, n);
      expect(read(c)).toBe(0);
      expect(c.fault).toBe(Fault.Truncated);
      expect(c.pos).toBe(0);
      expect([c.u8(), c.bytes(1).length, c.remaining]).toEqual([0, 0, 0]);
    }
  });

  it('refuses bytes past the end with an empty view', () => {
    const c = cursorOf('aabb');
    expect(c.bytes(3)).toBe(EMPTY_BYTES);
    expect(c.fault).toBe(Fault.Truncated);
    const skipped = cursorOf('aabb');
    expect(skipped.skip(3)).toBe(0);
    expect(skipped.fault).toBe(Fault.Truncated);
  });

  it('shows a nested vector alone, and goes on behind it whatever was read of it', () => {
    const c = cursorOf('02 aabb cc');
    const outer = c.enter(c.u8());
    expect(c.remaining).toBe(2);
    c.u8();
    c.leave(outer);
    expect(c.u8()).toBe(0xcc);
  });

  it('refuses a vector longer than its parent', () => {
    const c = cursorOf('03 aabb');
    const outer = c.enter(c.u8());
    expect(c.fault).toBe(Fault.VectorTooLong);
    c.leave(outer);
    expect([c.u8(), c.remaining]).toEqual([0, 0]);
  });

  it('keeps the first fault', () => {
    const c = cursorOf('aa');
    expect(c.fail(Fault.BadValue)).toBe(0);
    c.fail(Fault.TooMany);
    c.u16();
    expect(c.fault).toBe(Fault.BadValue);
  });

  it('forgets all with a new window', () => {
    const c = cursorOf('aa');
    c.u16();
    expect(c.reset(fromHex('0102'), 1, 2).u8()).toBe(2);
    expect(c.fault).toBe(Fault.None);
  });

  it('has a name for every fault', () => {
    const faults = Object.values(Fault);
    expect(faults).toEqual(faults.map((_, i) => i));
    expect(new Set(FAULT_NAMES).size).toBe(faults.length);
  });

  it('never leaves its window, whatever is asked of it', () => {
    const call = fc.tuple(fc.constantFrom('u8', 'u16', 'u24', 'u32', 'bytes', 'skip', 'enter', 'leave'), fc.nat(12));
    fc.assert(
      fc.property(fc.nat(20), fc.array(call), (size, calls) => {
        const at = 5;
        const c = new Cursor(new Uint8Array(40), at, at + size);
        const outers: number[] = [];
        for (const [name, n] of calls) {
          const from = c.pos;
          if (name === 'enter') outers.push(c.enter(n));
          else if (name === 'leave') c.leave(outers.pop() ?? c.end);
          else if (name === 'bytes' || name === 'skip') c[name](n);
          else c[name]();
          expect(c.pos).toBeGreaterThanOrEqual(from);
          expect(c.pos).toBeLessThanOrEqual(c.end);
          expect(c.end).toBeLessThanOrEqual(at + size);
        }
      }),
    );
  });
});
