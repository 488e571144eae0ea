import { describe, expect, it } from 'vitest';
import { parseCertificateStatus } from '../../src/tls/certificate-status.ts';
import { cursorOf, expectRobust, parseInWindow, prefixesOf, vec, wire } from '../support/parser-cases.ts';

const OCSP = `01 ${vec(3, 'a1a2a3')}`;
const OCSP_MULTI = `02 ${vec(3, vec(3, 'a1a2'), vec(3), vec(3, 'b1'))}`;

describe('parseCertificateStatus', () => {
  it('measures one response', () => {
    expect(parseCertificateStatus(cursorOf(OCSP))).toEqual({
      statusType: 1,
      responses: 1,
      responseBytes: 3,
      fault: '',
    });
  });

  it('measures a list of responses, of which some are empty', () => {
    expect(parseCertificateStatus(cursorOf(OCSP_MULTI))).toEqual({
      statusType: 2,
      responses: 2,
      responseBytes: 3,
      fault: '',
    });
  });

  it.each([OCSP, OCSP_MULTI])('calls every truncation one, and is robust (%#)', (text) => {
    for (const prefix of prefixesOf(wire(text))) {
      expect(parseInWindow(prefix, parseCertificateStatus).fault).toMatch(/^(truncated|vector_too_long|bad_value)$/);
    }
    expectRobust(wire(text), parseCertificateStatus);
  });

  it.each([
    ['an unknown type', '03 000000', 'bad_value'],
    ['a response beyond the message', '01 000004 a1', 'truncated'],
    ['a response beyond its list', `02 ${vec(3, '000009 a1')}`, 'truncated'],
    ['bytes after the response', `${OCSP} 00`, 'trailing_bytes'],
  ])('refuses %s', (_, text, fault) => {
    expect(parseCertificateStatus(cursorOf(text))).toMatchObject({ fault });
  });
});
