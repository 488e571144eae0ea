import { describe, expect, it } from 'vitest';
import { Cursor } from '../../src/bytes/cursor.ts';
import { fromHex } from '../../src/bytes/hex.ts';
import { readBitLength, readSerial, readSmallInteger } from '../../src/x509/der-integer.ts';
import { FaultList } from '../../src/x509/faults.ts';

describe('a serial number', () => {
  it.each([
    ['of the usual kind', '0f2a', '0f2a', '3882', []],
    ['with a sign octet', '00ff', 'ff', '255', []],
    ['of 20 octets', `7f${'00'.repeat(19)}`, `7f${'00'.repeat(19)}`, (0x7fn << 152n).toString(), []],
    ['of Cobalt Strike', '08bb00ee', '08bb00ee', '146473198', []],
    ['below zero', 'ff', 'ff', '-1', ['negative_serial']],
    ['far below zero', '8afaa7600004c101', '8afaa7600004c101', '-8432243321538821887', ['negative_serial']],
    ['of zero', '00', '00', '0', ['zero_serial']],
    ['with padding', '000005', '05', '5', ['der_bad_integer']],
    ['with negative padding', 'ffff', 'ffff', '-1', ['der_bad_integer', 'negative_serial']],
    ['of 21 octets', '11'.repeat(21), '11'.repeat(21), BigInt(`0x${'11'.repeat(21)}`).toString(), ['serial_too_long']],
  ])('%s', (_, der, hex, decimal, faults) => {
    const list = new FaultList();
    expect(readSerial(new Cursor(fromHex(der)), list)).toEqual({ der, hex, decimal });
    expect(list.names).toEqual(faults);
  });

  it('without content is unreadable', () => {
    const faults = new FaultList();
    expect(readSerial(new Cursor(), faults)).toEqual({ der: '', hex: '', decimal: '' });
    expect(faults.names).toEqual(['der_bad_integer']);
  });

  it('beyond the cap is not shown', () => {
    const faults = new FaultList();
    expect(readSerial(new Cursor(new Uint8Array(129).fill(1)), faults)).toEqual({ der: '', hex: '', decimal: '' });
    expect(faults.names).toEqual(['serial_too_long']);
  });
});

describe('an integer', () => {
  it.each([
    ['', 0],
    ['00', 0],
    ['01', 1],
    ['0080', 8],
    ['0100', 9],
    ['80', 0],
  ])('of %s has its bits', (hex, size) => {
    expect(readBitLength(new Cursor(fromHex(hex)))).toBe(size);
  });

  it.each([
    ['05', 5],
    ['ff', -1],
    ['7fffffff', 0x7fff_ffff],
    ['80000000', -0x8000_0000],
    ['0080000000', Number.NaN],
    ['', Number.NaN],
  ])('of %s has its value, if it is small', (hex, value) => {
    expect(readSmallInteger(new Cursor(fromHex(hex)), new FaultList())).toBe(value);
  });
});
