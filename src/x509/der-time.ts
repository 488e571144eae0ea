/**
 * UTCTime and GeneralizedTime.
 *
 *     UTCTime            YYMMDDhhmm[ss]              Z | +hhmm | -hhmm
 *     GeneralizedTime    YYYYMMDDhh[mm[ss[.f…]]]    [Z | +hhmm | -hhmm]
 *
 * X.680 46 and 47. RFC 5280 4.1.2.5 allows of these only the forms with seconds, without fraction, with Z; YY of 50 and above is
 * 19YY. The others are read as what they mean, and recorded. Without a zone the time is local to nobody knows whom: it is
 * taken as UTC. A fraction is dropped. Second 60 is refused, as everybody does.
 */
import { type Cursor, Fault } from '../bytes/cursor.ts';
import { toText } from '../bytes/text.ts';
import { contentOf, type Element, Tag } from './der.ts';
import type { FaultList } from './faults.ts';

export interface DerTime {
  /** Since 1970, negative before; NaN for what is no date. */
  readonly seconds: number;
  readonly text: string;
}

export const NO_TIME: DerTime = { seconds: Number.NaN, text: '' };

/** Two-digit years from here on are of the last century (RFC 5280 4.1.2.5.1). */
const CENTURY_PIVOT = 50;

/** The longest text that is a time, with room for a fraction. What is longer is cut in the text. */
const MAX_TIME_OCTETS = 40;

/** 2050-01-01T00:00:00Z, from where GeneralizedTime is the form to use. */
const GENERALIZED_FROM = 2_524_608_000;

/** From the first day of year 0 to 1970, in the count of `daysSince1970`. */
const DAYS_TO_1970 = 719_527;

/** The only forms that RFC 5280 4.1.2.5 allows. */
const UTC_FORM = /^\d{12}Z$/;
const GENERALIZED_FORM = /^\d{14}Z$/;

const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334] as const;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** Reads a Time; `c` is any cursor over the buffer that the element is in. */
export function readTime(c: Cursor, element: Element, faults: FaultList): DerTime {
  const content = contentOf(c, element);
  const text = toText(content.buf, content.pos, Math.min(content.end, content.pos + MAX_TIME_OCTETS));
  const isUtcTime = element.tag === Tag.UtcTime;
  const isTime = isUtcTime || element.tag === Tag.GeneralizedTime;
  const seconds = isTime ? readSeconds(content, isUtcTime) : Number.NaN;
  if (Number.isNaN(seconds)) {
    faults.add('bad_time');
    return { seconds, text };
  }
  if (!(isUtcTime ? UTC_FORM : GENERALIZED_FORM).test(text)) faults.add('time_form');
  if (!isUtcTime && seconds < GENERALIZED_FROM) faults.add('generalized_time_before_2050');
  return { seconds, text };
}

function readSeconds(c: Cursor, isUtcTime: boolean): number {
  const year = isUtcTime ? century(readPair(c)) : 100 * readPair(c) + readPair(c);
  const month = readPair(c);
  const day = readPair(c);
  const hour = readPair(c);
  const minute = isUtcTime || isDigitNext(c) ? readPair(c) : 0;
  const second = isDigitNext(c) ? readPair(c) : 0;
  if (!isUtcTime) skipFraction(c);
  const offset = readZone(c, isUtcTime);
  if (c.fault !== Fault.None || c.remaining > 0) return Number.NaN;
  if (!isDate(year, month, day) || hour > 23 || minute > 59 || second > 59) return Number.NaN;
  return 86_400 * daysSince1970(year, month, day) + 3600 * hour + 60 * minute + second - offset;
}

/** Two decimal digits; anything else is no time. */
function readPair(c: Cursor): number {
  const tens = c.u8() - 0x30;
  const units = c.u8() - 0x30;
  if (tens < 0 || tens > 9 || units < 0 || units > 9) return c.fail(Fault.BadValue);
  return 10 * tens + units;
}

function isDigitNext(c: Cursor): boolean {
  return c.remaining > 0 && c.buf[c.pos]! >= 0x30 && c.buf[c.pos]! <= 0x39;
}

function century(yy: number): number {
  return yy >= CENTURY_PIVOT ? 1900 + yy : 2000 + yy;
}

function skipFraction(c: Cursor): void {
  const next = c.remaining > 0 ? c.buf[c.pos] : 0;
  if (next !== 0x2e && next !== 0x2c) return;
  c.u8();
  if (!isDigitNext(c)) c.fail(Fault.BadValue);
  while (isDigitNext(c)) c.u8();
}

/** Seconds east of Greenwich. */
function readZone(c: Cursor, isUtcTime: boolean): number {
  if (c.remaining === 0) return isUtcTime ? c.fail(Fault.Truncated) : 0;
  const sign = c.u8();
  if (sign === 0x5a) return 0;
  if (sign !== 0x2b && sign !== 0x2d) return c.fail(Fault.BadValue);
  const hours = readPair(c);
  const minutes = readPair(c);
  if (hours > 23 || minutes > 59) return c.fail(Fault.BadValue);
  const offset = 3600 * hours + 60 * minutes;
  return sign === 0x2b ? offset : -offset;
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

function isDate(year: number, month: number, day: number): boolean {
  const days = DAYS_IN_MONTH[month - 1];
  return days !== undefined && day >= 1 && day <= (month === 2 && isLeap(year) ? 29 : days);
}

/** Days of the Gregorian calendar, carried back to year 0. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = year - 1;
  const leapDays = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  const inYear = DAYS_BEFORE_MONTH[month - 1]! + (month > 2 && isLeap(year) ? 1 : 0) + day - 1;
  return 365 * year + leapDays + inYear - DAYS_TO_1970;
}
