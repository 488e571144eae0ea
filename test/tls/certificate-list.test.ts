import { describe, expect, it } from 'vitest';
import { type CertificateList, decodeCertificateList } from '../../src/tls/certificate-list.ts';
import { MAX_CERTIFICATES } from '../../src/tls/limits.ts';
import { cursorOf, expectRobust, extension, prefixesOf, vec, wire } from '../support/parser-cases.ts';

const TLS12 = vec(3, vec(3, 'a1a2a3a4'), vec(3, 'b1b2'));
const TLS13 = `
  ${vec(1, 'c0c1')}                                             # certificate_request_context
  ${vec(
    3,
    vec(3, 'a1a2a3a4'),
    vec(2, extension(5, '01', vec(3, 'd1d2d3')), extension(18, vec(2, vec(2, 'e1')))),
    vec(3, 'b1b2'),
    vec(2),
  )}`;

function decode(text: string, isTls13 = false): CertificateList & { readonly certificates: readonly string[] } {
  const c = cursorOf(text);
  const { buf } = c;
  const ranges: number[] = [99, 99, 99];
  const list = decodeCertificateList(c, isTls13, ranges);
  expect(ranges).toHaveLength(2 * list.count);
  const certificates = Array.from({ length: list.count }, (_, i) =>
    Buffer.from(buf.subarray(ranges[2 * i], ranges[2 * i + 1])).toString('hex'),
  );
  return { ...list, certificates };
}

describe('decodeCertificateList', () => {
  it('finds the certificates of TLS 1.2', () => {
    expect(decode(TLS12)).toEqual({
      certificates: ['a1a2a3a4', 'b1b2'],
      count: 2,
      isLastCut: false,
      emptyEntries: 0,
      ocspBytes: 0,
      sctListBytes: 0,
      fault: '',
    });
  });

  it('finds those of TLS 1.3, and measures what is stapled to them', () => {
    expect(decode(TLS13, true)).toMatchObject({
      certificates: ['a1a2a3a4', 'b1b2'],
      ocspBytes: 3,
      sctListBytes: 3,
      fault: '',
    });
  });

  it('finds none in an empty list', () => {
    expect(decode('000000')).toMatchObject({ count: 0, fault: '' });
  });

  it('gives each truncation the certificates that began, and says that the last is cut', () => {
    const whole = wire(TLS12);
    for (const prefix of prefixesOf(whole)) {
      const list = decode(Buffer.from(prefix).toString('hex'));
      expect(list.fault).toMatch(/^(truncated|vector_too_long)$/);
      expect(list.count).toBe(prefix.length > 13 ? 2 : prefix.length > 6 ? 1 : 0);
      expect(list.isLastCut).toBe((prefix.length > 6 && prefix.length < 10) || prefix.length === 14);
    }
  });

  it('never throws, nor reads outside its window', () => {
    for (const isTls13 of [false, true]) {
      expectRobust(wire(isTls13 ? TLS13 : TLS12), (c) => {
        const ranges: number[] = [];
        const { pos, end } = c;
        const list = decodeCertificateList(c, isTls13, ranges);
        for (const at of ranges) {
          expect(at).toBeGreaterThanOrEqual(pos);
          expect(at).toBeLessThanOrEqual(end);
        }
        return list;
      });
    }
  });

  it.each([
    [
      'a certificate longer than the list',
      vec(3, vec(3, 'a1'), '000009 b1b2'),
      'vector_too_long',
      ['a1', 'b1b2'],
      true,
    ],
    ['a list longer than the message', `000020 ${vec(3, 'a1')}`, 'vector_too_long', ['a1'], false],
    ['half a length', vec(3, vec(3, 'a1'), '0000'), 'truncated', ['a1'], false],
    ['bytes after the list', `${TLS12} 00`, 'trailing_bytes', ['a1a2a3a4', 'b1b2'], false],
    ['an empty entry', vec(3, vec(3, 'a1'), vec(3)), 'bad_length', ['a1'], false],
  ])('refuses %s, and gives what was framed', (_, text, fault, certificates, isLastCut) => {
    expect(decode(text)).toMatchObject({ fault, certificates, isLastCut });
  });

  it('counts empty entries', () => {
    expect(decode(vec(3, vec(3), vec(3), vec(3, 'a1'))).emptyEntries).toBe(2);
  });

  it('refuses extensions of an entry that run past the list', () => {
    expect(decode(`00 ${vec(3, vec(3, 'a1'), '0009 0005')}`, true)).toMatchObject({
      fault: 'vector_too_long',
      count: 1,
    });
  });

  it('leaves out certificates above the cap', () => {
    const many = decode(vec(3, ...Array.from({ length: MAX_CERTIFICATES + 1 }, () => vec(3, 'a1'))));
    expect(many).toMatchObject({ count: MAX_CERTIFICATES, fault: 'too_many' });
  });
});
