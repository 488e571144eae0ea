import { describe, expect, it } from 'vitest';
import { checkDifferences } from '../../tools/check-corpus/check-differences.ts';
import { HANDSHAKE, parseReport, shareRight } from '../../tools/check-corpus/compare-report.ts';
import type { KnownDifference } from '../../tools/check-corpus/known-differences.ts';

const REPORT = `pcaps 3, handshakes expected 9, found 7, reversed direction 0, extra events 1, events with no known pcap 4, unparsable lines 0
field                       match  missing    wrong disputed    extra   match%
(handshake)                     7        2        0        0        0     77.8
sni                             4        0        2        1        0     66.7
cert.subject                    9        0        0        0        0    100.0
(extra event)                   0        0        0        0        1        -

failing pcaps by field
(handshake):
   derived/vxlan: tcp 192.168.4.149:49422 > 23.92.19.75:443 tls  [both]
sni:
   zeek/a: got "a: b" want "c" on tcp 10.0.0.1:1 > 10.0.0.2:443
(extra event):
   mercury/emix: 1 event(s) with no expected handshake

pcaps with no handshake found at all: 1: derived/vxlan
pcaps with every expected handshake and field right: 0/3
`;

const KNOWN: readonly KnownDifference[] = [
  { capture: 'derived/vxlan', counts: { [HANDSHAKE]: 2 }, reason: 'a tunnel' },
  { capture: 'zeek/a', counts: { sni: 2 }, reason: 'they are wrong' },
  { capture: 'mercury/emix', counts: { '(extra event)': 1 }, reason: 'it is real' },
];

describe('the report of a comparison', () => {
  it('is read back into numbers', () => {
    const report = parseReport(REPORT);
    expect(report).toMatchObject({
      captures: 3,
      expected: 9,
      found: 7,
      extraEvents: 1,
      otherEvents: 4,
      unparsableLines: 0,
    });
    expect([...report.fields]).toEqual([
      ['sni', { match: 4, differing: 2 }],
      ['cert.subject', { match: 9, differing: 0 }],
    ]);
    expect(report.differences.map(({ field, capture }) => [field, capture])).toEqual([
      ['(handshake)', 'derived/vxlan'],
      ['sni', 'zeek/a'],
      ['(extra event)', 'mercury/emix'],
    ]);
    expect(report.differences[1]!.detail).toBe('got "a: b" want "c" on tcp 10.0.0.1:1 > 10.0.0.2:443');
  });

  it('has a share of right values over all fields, and none where nothing was compared', () => {
    const report = parseReport(REPORT);
    expect(shareRight(report)).toBeCloseTo((100 * 13) / 15);
    expect(shareRight({ ...report, fields: new Map() })).toBeNaN();
  });

  it.each([
    ['nothing', ''],
    ['another first line', REPORT.replace('pcaps 3', 'captures 3')],
    ['a row of another form', REPORT.replace('100.0', 'all')],
    ['a list cut off before its title', REPORT.slice(0, REPORT.indexOf('failing'))],
  ])('is refused: %s', (_, text) => {
    expect(() => parseReport(text)).toThrow(/^this is no (?:report|row)/);
  });
});

describe('the table of known differences', () => {
  it('passes where it explains all and nothing else', () => {
    expect(checkDifferences(parseReport(REPORT), KNOWN)).toEqual([]);
  });

  it('fails at a difference that it does not explain', () => {
    expect(checkDifferences(parseReport(REPORT), KNOWN.slice(1))).toEqual([
      'not explained: derived/vxlan, (handshake): tcp 192.168.4.149:49422 > 23.92.19.75:443 tls  [both]',
      '(handshake): 2 differences, but the table explains 0',
    ]);
  });

  it('fails at a row that occurs no longer', () => {
    const row = { capture: 'zeek/b', counts: { ja3: 1 }, reason: 'it was fixed' };
    expect(checkDifferences(parseReport(REPORT), [...KNOWN, row])).toEqual([
      'explained, but occurs no longer: zeek/b, ja3',
      'ja3: 0 differences, but the table explains 1',
    ]);
  });

  it('fails at one difference more behind the one that is listed', () => {
    const known = KNOWN.map((row) => (row.capture === 'zeek/a' ? { ...row, counts: { sni: 1 } } : row));
    expect(checkDifferences(parseReport(REPORT), known)).toEqual(['sni: 2 differences, but the table explains 1']);
  });
});
