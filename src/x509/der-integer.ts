/**
 * INTEGER content: two's complement, most significant octet first, of any length.
 *
 * X.690 8.3: the first nine bits are neither all zero nor all one, which makes the form unique. A padded one is read by its
 * value and recorded.
 */
import type { Cursor } from '../bytes/cursor.ts';
import { toHex } from '../bytes/hex.ts';
import type { FaultList } from './faults.ts';
import { MAX_SERIAL_OCTETS } from './limits.ts';

/** RFC 5280 4.1.2.2. */
const ALLOWED_SERIAL_OCTETS = 20;

/** `hex` is the octets without the zeros in front, a sign octet among them: what tools print that show octets. Only `decimal` has a sign. */
export interface Serial {
  readonly der: string;
  readonly hex: string;
  readonly decimal: string;
}

export const NO_SERIAL: Serial = { der: '', hex: '', decimal: '' };

/** Records an integer that is empty or padded; moves nothing. */
export function checkInteger(c: Cursor, faults: FaultList): void {
  if (c.remaining === 0) {
    faults.add('der_bad_integer');
    return;
  }
  if (c.remaining === 1) return;
  const first = c.buf[c.pos]!;
  const isNextNegative = c.buf[c.pos + 1]! >= 0x80;
  if (first === 0 ? !isNextNegative : first === 0xff && isNextNegative) faults.add('der_bad_integer');
}

/** The sign bit is set. */
export function isNegative(c: Cursor): boolean {
  return c.remaining > 0 && c.buf[c.pos]! >= 0x80;
}

/** Moves over leading zero octets, so that what remains is the magnitude of a positive integer. */
export function skipZeros(c: Cursor): void {
  while (c.remaining > 0 && c.buf[c.pos] === 0) c.pos += 1;
}

/** Bits of the magnitude of a positive integer; 0 for zero and for a negative one. Moves over leading zeros. */
export function readBitLength(c: Cursor): number {
  if (isNegative(c)) return 0;
  skipZeros(c);
  return c.remaining === 0 ? 0 : 8 * c.remaining - (Math.clz32(c.buf[c.pos]!) - 24);
}

/** An integer of up to four octets; NaN for an empty or a longer one. */
export function readSmallInteger(c: Cursor, faults: FaultList): number {
  checkInteger(c, faults);
  const octets = c.remaining;
  if (octets === 0 || octets > 4) return Number.NaN;
  let value = isNegative(c) ? -1 : 0;
  while (c.remaining > 0) value = (value << 8) | c.u8();
  return value;
}

/** Magnitude as decimal text. The caller bounds the length. */
export function toDecimal(magnitudeHex: string): string {
  return BigInt(`0x${magnitudeHex}`).toString();
}

/** A certificate's serial number (RFC 5280 4.1.2.2), with what it must not be recorded. */
export function readSerial(c: Cursor, faults: FaultList): Serial {
  checkInteger(c, faults);
  if (c.remaining === 0) return NO_SERIAL;
  if (c.remaining > ALLOWED_SERIAL_OCTETS) faults.add('serial_too_long');
  if (c.remaining > MAX_SERIAL_OCTETS) return NO_SERIAL;
  const der = toHex(c.buf, c.pos, c.end);
  if (isNegative(c)) {
    faults.add('negative_serial');
    return { der, hex: der, decimal: BigInt.asIntN(8 * c.remaining, BigInt(`0x${der}`)).toString() };
  }
  skipZeros(c);
  if (c.remaining === 0) {
    faults.add('zero_serial');
    return { der, hex: '00', decimal: '0' };
  }
  const hex = toHex(c.buf, c.pos, c.end);
  return { der, hex, decimal: toDecimal(hex) };
}
