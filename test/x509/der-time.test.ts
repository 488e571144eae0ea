import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cursor } from '../../src/bytes/cursor.ts';
import { readElement } from '../../src/x509/der.ts';
import { readTime } from '../../src/x509/der-time.ts';
import { FaultList } from '../../src/x509/faults.ts';
import { generalizedTime, text, utcTime } from './der-writer.ts';

function read(der: Uint8Array): { seconds: number; text: string; faults: readonly string[] } {
  const c = new Cursor(der);
  const faults = new FaultList();
  return { ...readTime(c, readElement(c, new FaultList())!, faults), faults: faults.names };
}

const at = (iso: string): number => Date.parse(iso) / 1000;

describe('a time', () => {
  it.each([
    ['of the usual form', utcTime('130425091230Z'), '2013-04-25T09:12:30Z'],
    ['of year 50 is of the last century', utcTime('500101000000Z'), '1950-01-01T00:00:00Z'],
    ['of year 49 is of this century', utcTime('491231235959Z'), '2049-12-31T23:59:59Z'],
    ['before 1970 is negative', utcTime('691231000000Z'), '1969-12-31T00:00:00Z'],
    ['of a leap day', utcTime('000229120000Z'), '2000-02-29T12:00:00Z'],
    ['beyond 2050', generalizedTime('20500101000000Z'), '2050-01-01T00:00:00Z'],
    ['that means "never" (RFC 5280 4.1.2.5)', generalizedTime('99991231235959Z'), '9999-12-31T23:59:59Z'],
    ['of the leap year 2400', generalizedTime('24000229000000Z'), '2400-02-29T00:00:00Z'],
  ])('%s reads', (_, der, iso) => {
    expect(read(der)).toMatchObject({ seconds: at(iso), faults: [] });
  });

  it.each([
    ['without seconds', utcTime('1304250912Z'), '2013-04-25T09:12:00Z', ['time_form']],
    ['with an offset to the east', utcTime('130425091230+0200'), '2013-04-25T07:12:30Z', ['time_form']],
    ['with an offset to the west', utcTime('1304250912-0330'), '2013-04-25T12:42:00Z', ['time_form']],
    ['without seconds in a GeneralizedTime', generalizedTime('205001010102Z'), '2050-01-01T01:02:00Z', ['time_form']],
    ['without minutes', generalizedTime('2050010101Z'), '2050-01-01T01:00:00Z', ['time_form']],
    ['with a fraction', generalizedTime('20500101000000.25Z'), '2050-01-01T00:00:00Z', ['time_form']],
    ['with a fraction after a comma', generalizedTime('20500101000000,5Z'), '2050-01-01T00:00:00Z', ['time_form']],
    ['without a zone', generalizedTime('20500101000000'), '2050-01-01T00:00:00Z', ['time_form']],
    [
      'as GeneralizedTime before 2050',
      generalizedTime('20200101000000Z'),
      '2020-01-01T00:00:00Z',
      ['generalized_time_before_2050'],
    ],
    ['of year 0', generalizedTime('00000101000000Z'), '0000-01-01T00:00:00Z', ['generalized_time_before_2050']],
  ])('%s reads as what it means, and is recorded', (_, der, iso, faults) => {
    expect(read(der)).toMatchObject({ seconds: at(iso), faults });
  });

  it.each([
    ['no digits', utcTime('hello world!!')],
    ['a digit that is a letter', utcTime('13042509123OZ')],
    ['month 0', utcTime('130025091230Z')],
    ['month 13', utcTime('131325091230Z')],
    ['day 0', utcTime('130400091230Z')],
    ['30 February', utcTime('120230000000Z')],
    ['29 February 2100', generalizedTime('21000229000000Z')],
    ['hour 24', utcTime('130425240000Z')],
    ['minute 60', utcTime('130425096000Z')],
    ['second 60', utcTime('130425091260Z')],
    ['an offset of 24 hours', utcTime('130425091230+2400')],
    ['half an offset', utcTime('130425091230+02')],
    ['bytes after the zone', utcTime('130425091230ZZ')],
    ['a UTCTime without a zone', utcTime('130425091230')],
    ['a point without a fraction', generalizedTime('20500101000000.Z')],
    ['an empty value', utcTime('')],
    ['another type', text(0x0c, '130425091230Z')],
  ])('that is %s is none, and shows its text', (_, der) => {
    const { seconds, faults } = read(der);
    expect(seconds).toBeNaN();
    expect(faults).toEqual(['bad_time']);
  });

  it('keeps what was written, without control characters', () => {
    expect(read(utcTime('1304\u0000\n')).text).toBe('1304\\u{0}\\u{a}');
    expect(read(utcTime('9'.repeat(500))).text).toHaveLength(40);
  });

  it('agrees with the calendar of JavaScript for every date', () => {
    const dates = fc.date({
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(dates, (date) => {
        const written = `${date.toISOString().replaceAll(/[-T:]|\..*/g, '')}Z`;
        expect(read(generalizedTime(written)).seconds).toBe(Math.floor(date.getTime() / 1000));
      }),
      { numRuns: 1000 },
    );
  });
});
