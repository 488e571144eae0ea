import { describe, expect, it } from 'vitest';
import { parseCertificateRequest } from '../../src/tls/certificate-request.ts';
import { MAX_AUTHORITIES, MAX_AUTHORITY_BYTES } from '../../src/tls/limits.ts';
import { cursorOf, expectRobust, extension, parseInWindow, prefixesOf, vec, wire } from '../support/parser-cases.ts';

const TYPES = vec(1, '01 40');
const SCHEMES = vec(2, '0403 0804');
const AUTHORITIES = vec(2, vec(2, '3000'), vec(2, '300b'));
const FORMS = [
  { version: 0x0301, text: TYPES + AUTHORITIES, types: [1, 0x40], schemes: [] },
  { version: 0x0303, text: TYPES + SCHEMES + AUTHORITIES, types: [1, 0x40], schemes: [0x0403, 0x0804] },
  { version: 0xfefd, text: TYPES + SCHEMES + AUTHORITIES, types: [1, 0x40], schemes: [0x0403, 0x0804] },
  {
    version: 0x0304,
    text: vec(1, 'c0') + vec(2, extension(13, SCHEMES), extension(47, AUTHORITIES), extension(0x1234, '00')),
    types: [],
    schemes: [0x0403, 0x0804],
  },
] as const;

describe('parseCertificateRequest', () => {
  it.each(FORMS)('reads the form of version $version', ({ version, text, types, schemes }) => {
    const request = parseCertificateRequest(cursorOf(text), version);
    expect(request).toMatchObject({ certificateTypes: types, signatureSchemes: schemes, authorityCount: 2, fault: '' });
    expect(request.authorities.map((name) => [...name])).toEqual([
      [0x30, 0x00],
      [0x30, 0x0b],
    ]);
  });

  it('copies the names', () => {
    const c = cursorOf(FORMS[1].text);
    const request = parseCertificateRequest(c, 0x0303);
    c.buf.fill(0xee);
    expect([...request.authorities[0]!]).toEqual([0x30, 0x00]);
  });

  it.each(FORMS)('calls every truncation one, version $version, and is robust', ({ version, text }) => {
    for (const prefix of prefixesOf(wire(text))) {
      const request = parseInWindow(prefix, (c) => parseCertificateRequest(c, version));
      expect(request.fault).toMatch(/^(truncated|vector_too_long)$/);
    }
    expectRobust(wire(text), (c) => parseCertificateRequest(c, version));
  });

  it.each([
    ['half a signature scheme', TYPES + vec(2, '0403 08') + AUTHORITIES, 'bad_length'],
    ['a name beyond its list', TYPES + SCHEMES + vec(2, '0009 30'), 'truncated'],
    ['bytes after the names', `${TYPES + SCHEMES + AUTHORITIES} 00`, 'trailing_bytes'],
  ])('refuses %s', (_, text, fault) => {
    expect(parseCertificateRequest(cursorOf(text), 0x0303).fault).toBe(fault);
  });

  it('counts names above the caps, and does not keep them', () => {
    const names = [
      vec(2, 'aa'.repeat(MAX_AUTHORITY_BYTES + 1)),
      ...Array.from({ length: MAX_AUTHORITIES + 5 }, () => vec(2, '3000')),
    ];
    const request = parseCertificateRequest(cursorOf(TYPES + vec(2, ...names)), 0x0302);
    expect(request).toMatchObject({ authorityCount: MAX_AUTHORITIES + 6, fault: '' });
    expect(request.authorities).toHaveLength(MAX_AUTHORITIES);
  });
});
