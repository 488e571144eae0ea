import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdRanges } from '../../../src/output/spool/id-ranges.ts';

describe('a set of ids', () => {
  it('raises its floor when a gap closes', () => {
    const ids = new IdRanges(2, [[4, 5]]);
    ids.add(8, 8);
    ids.add(3, 3);
    expect(ids.floor).toBe(5);
    expect(ids.above).toEqual([[8, 8]]);
  });

  it('joins ranges that touch', () => {
    const ids = new IdRanges();
    for (const [first, last] of [
      [3, 4],
      [8, 9],
      [6, 6],
      [5, 7],
    ] as const) {
      ids.add(first, last);
    }
    expect(ids.above).toEqual([[3, 9]]);
  });

  it('is the same as a plain set, whatever is added', () => {
    const range = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 5 }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 40 }), (ranges) => {
        const ids = new IdRanges();
        const plain = new Set<number>();
        for (const [first, more] of ranges) {
          ids.add(first, first + more);
          for (let id = first; id <= first + more; id++) plain.add(id);
        }
        for (let id = 1; id <= 70; id++) expect(ids.has(id)).toBe(plain.has(id));
        expect(plain.has(ids.floor + 1)).toBe(false);
        const again = new IdRanges(ids.floor, ids.above);
        expect(again.above).toEqual(ids.above);
        expect(ids.clone().above).toEqual(ids.above);
      }),
    );
  });
});
