import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ticksToUs, toTickUnit } from '../../src/capture/pcapng-time.ts';

/** What big integers make of the same ticks. */
function oracle(resolution: number, offsetSec: number, ticks: bigint): number {
  const n = BigInt(resolution & 0x7f);
  const perSec = resolution >= 0x80 ? 2n ** n : 10n ** n;
  return Number((ticks * 1_000_000n) / perSec + BigInt(offsetSec) * 1_000_000n);
}

function inHalves(resolution: number, offsetSec: number, ticks: bigint): number {
  return ticksToUs(toTickUnit(resolution, offsetSec), Number(ticks >> 32n), Number(ticks & 0xffff_ffffn));
}

describe('pcapng timestamps', () => {
  it.each([
    ['seconds', 0, 1_700_000_000n, 1_700_000_000_000_000],
    ['milliseconds', 3, 1_700_000_000_123n, 1_700_000_000_123_000],
    ['microseconds', 6, 1_700_000_000_123_456n, 1_700_000_000_123_456],
    ['nanoseconds', 9, 1_700_000_000_123_456_789n, 1_700_000_000_123_456],
    ['nanoseconds, one below a whole microsecond', 9, 1_700_000_000_123_456_999n, 1_700_000_000_123_456],
    ['picoseconds since 1970', 12, 1_700_000_123_456_789_012n, 1_700_000_123_456],
    ['1/2^20 s', 0x80 + 20, (1_700_000_000n << 20n) + 524_288n, 1_700_000_000_500_000],
    ['1/2^32 s', 0x80 + 32, (1_700_000_000n << 32n) + 0x8000_0000n, 1_700_000_000_500_000],
    ['1/2^40 s', 0x80 + 40, 16_000_000n << 40n, 16_000_000_000_000],
  ])('reads %s', (_, resolution, ticks, us) => {
    expect(inHalves(resolution, 0, ticks)).toBe(us);
  });

  it('adds an offset of seconds of either sign', () => {
    expect(inHalves(6, -1, 5_000_000n)).toBe(4_000_000);
    expect(inHalves(9, 1_700_000_000, 1_500n)).toBe(1_700_000_000_000_001);
  });

  it('keeps times that nothing can hold within what a number holds', () => {
    expect(inHalves(6, -2, 1_000_000n)).toBe(0);
    expect(inHalves(6, 0, 2n ** 64n - 1n)).toBe(Number.MAX_SAFE_INTEGER);
    expect(inHalves(0, 0, 2n ** 64n - 1n)).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('divides exactly, as big integers do, for every unit whose result a double holds', () => {
    const resolution = fc.oneof(fc.integer({ min: 6, max: 127 }), fc.integer({ min: 0x80, max: 0xff }));
    fc.assert(
      fc.property(resolution, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (resolution, ticks) => {
        const want = oracle(resolution, 0, ticks);
        fc.pre(Number.isSafeInteger(want));
        expect(inHalves(resolution, 0, ticks)).toBe(want);
      }),
      { numRuns: 5_000 },
    );
  });

  it('rounds down at every edge of a microsecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 7, max: 12 }), fc.bigInt({ min: 1n, max: 2n ** 44n }), (n, us) => {
        const ticks = us * 10n ** BigInt(n - 6);
        fc.pre(ticks < 2n ** 64n);
        expect(inHalves(n, 0, ticks)).toBe(Number(us));
        expect(inHalves(n, 0, ticks - 1n)).toBe(Number(us) - 1);
      }),
      { numRuns: 5_000 },
    );
  });
});
