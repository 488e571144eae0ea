import { describe, expect, it } from 'vitest';
import { toBytesText, toCountOf, toCountText, toDurationText } from '../../src/cli/quantity-text.ts';

describe('quantities', () => {
  it('have thousands apart', () => {
    expect([0, 999, 1000, 1_234_567].map(toCountText)).toEqual(['0', '999', '1,000', '1,234,567']);
    expect(toCountOf(1, 'packet')).toBe('1 packet');
    expect(toCountOf(0, 'packet')).toBe('0 packets');
  });

  it('of bytes have a unit that fits', () => {
    expect([0, 999, 1000, 1234, 99_949, 99_951, 999_499, 999_500, 2.5e9, 7e15].map(toBytesText)).toEqual([
      '0 bytes',
      '999 bytes',
      '1.0 kB',
      '1.2 kB',
      '99.9 kB',
      '100 kB',
      '999 kB',
      '1.0 MB',
      '2.5 GB',
      '7000 TB',
    ]);
  });

  it('of time are read as a clock from a minute on', () => {
    expect([0, 0.314, 9.994, 9.996, 59.94, 59.96, 187, 3729].map(toDurationText)).toEqual([
      '0.00 s',
      '0.31 s',
      '9.99 s',
      '10.0 s',
      '59.9 s',
      '1:00',
      '3:07',
      '1:02:09',
    ]);
  });
});
