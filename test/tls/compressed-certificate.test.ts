import { describe, expect, it } from 'vitest';
import { parseCompressedCertificate } from '../../src/tls/compressed-certificate.ts';
import { cursorOf, expectRobust, parseInWindow, prefixesOf, vec, wire } from '../support/parser-cases.ts';

const BROTLI = `0002 000a00 ${vec(3, 'a1a2a3a4')}`;

describe('parseCompressedCertificate', () => {
  it('reads the header and leaves the rest', () => {
    expect(parseCompressedCertificate(cursorOf(BROTLI))).toEqual({
      algorithm: 2,
      uncompressedBytes: 2560,
      compressedBytes: 4,
      fault: '',
    });
  });

  it('calls every truncation one, and is robust', () => {
    for (const prefix of prefixesOf(wire(BROTLI))) {
      expect(parseInWindow(prefix, parseCompressedCertificate).fault).toMatch(/^(truncated|vector_too_long)$/);
    }
    expectRobust(wire(BROTLI), parseCompressedCertificate);
  });

  it('refuses a message longer or shorter than it says', () => {
    expect(parseCompressedCertificate(cursorOf('0002 000a00 000004 a1')).fault).toBe('vector_too_long');
    expect(parseCompressedCertificate(cursorOf(`${BROTLI} 00`)).fault).toBe('trailing_bytes');
  });
});
