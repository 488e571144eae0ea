import { describe, expect, it } from 'vitest';
import { MAX_EXTENSIONS } from '../../src/tls/limits.ts';
import { parseDraftHelloRetryRequest, parseServerHello } from '../../src/tls/server-hello.ts';
import { cursorOf, expectRobust, extension, parseInWindow, prefixesOf, vec, wire } from '../support/parser-cases.ts';

const RANDOM = '202122232425262728292a2b2c2d2e2f 303132333435363738393a3b3c3d3e3f';
const FIXED = `0303 ${RANDOM} 00 c02f 00`;

const TLS12 = `
  0303 ${RANDOM}
  03 a1a2a3                                                     # session_id
  c02f 01                                                       # suite, compression
  ${vec(
    2,
    extension(0xff01, '00'),
    extension(0x0023),
    extension(0x0005),
    extension(0x0010, vec(2, vec(1, '6832'))),
    extension(0x0012, vec(2, vec(2, 'd1d2d3'))),
  )}`;

describe('parseServerHello', () => {
  it('reads a whole hello of TLS 1.2', () => {
    const hello = parseServerHello(cursorOf(TLS12));
    expect(hello).toMatchObject({
      legacyVersion: 0x0303,
      version: 0x0303,
      cipherSuite: 0xc02f,
      compressionMethod: 1,
      isHelloRetryRequest: false,
      extensions: [0xff01, 35, 5, 16, 18],
      keyShareGroup: -1,
      pskIndex: -1,
      alpn: 'h2',
      hasSessionTicket: true,
      hasStatusRequest: true,
      sctListBytes: 5,
      ja3sText: '771,49199,65281-35-5-16-18',
      fault: '',
    });
    expect(hello.random).toHaveLength(32);
    expect([...hello.sessionId]).toEqual([0xa1, 0xa2, 0xa3]);
  });

  it('takes the version from supported_versions, of drafts too, and the identity chosen', () => {
    const hello = parseServerHello(cursorOf(`${FIXED} ${vec(2, extension(43, '7f17'), extension(41, '0001'))}`));
    expect(hello).toMatchObject({ legacyVersion: 0x0303, version: 0x7f17, pskIndex: 1, fault: '' });
  });

  it.each(['7f12', '7f15', '0304'])('reads the shorter form of early drafts, version %s', (version) => {
    const hello = parseServerHello(
      cursorOf(`${version} ${RANDOM} 1301 ${vec(2, extension(40, '001d', vec(2, 'aa')))}`),
    );
    expect(hello).toMatchObject({ cipherSuite: 0x1301, extensions: [40], keyShareGroup: 0x1d, fault: '' });
    expect(hello.version).toBe(Number.parseInt(version, 16));
    expect(hello.sessionId).toHaveLength(0);
  });

  it('tells a hello without an extension block from one with an empty block', () => {
    expect(parseServerHello(cursorOf(FIXED))).toMatchObject({ extensions: null, fault: '' });
    expect(parseServerHello(cursorOf(`${FIXED} 0000`))).toMatchObject({ extensions: [], fault: '' });
  });

  it('keeps nothing of the buffer it read', () => {
    const c = cursorOf(TLS12);
    const hello = parseServerHello(c);
    c.buf.fill(0xee);
    expect(hello).toEqual(parseServerHello(cursorOf(TLS12)));
  });

  it('calls every truncation one, and keeps what came before', () => {
    const suiteEnd = 2 + 32 + 4 + 2;
    const noBlockAt = suiteEnd + 1;
    for (const prefix of prefixesOf(wire(TLS12))) {
      const { fault, cipherSuite } = parseInWindow(prefix, parseServerHello);
      // Without its extension block a hello is a whole one of before TLS 1.3.
      expect(fault).toMatch(prefix.length === noBlockAt ? /^$/ : /^(truncated|vector_too_long)$/);
      expect(cipherSuite).toBe(prefix.length >= suiteEnd ? 0xc02f : 0);
    }
  });

  it('never throws, nor reads outside its window', () => {
    expectRobust(wire(TLS12), parseServerHello);
    expectRobust(wire(`7f12 ${RANDOM} 1301 ${vec(2, extension(40, '001d'))}`), parseServerHello);
  });

  it.each([
    ['bytes after the block', `${FIXED} 0000 00`, 'trailing_bytes'],
    ['a block beyond the message', `${FIXED} 0009 0023 0000`, 'vector_too_long'],
    ['an extension beyond its block', `${FIXED} ${vec(2, '0023 0001')}`, 'vector_too_long'],
    ['half an extension header', `${FIXED} ${vec(2, '0023')}`, 'truncated'],
    ['an empty supported_versions', `${FIXED} ${vec(2, extension(43))}`, 'truncated'],
    ['an empty key_share', `${FIXED} ${vec(2, extension(51, '00'))}`, 'truncated'],
    ['a protocol name cut short', `${FIXED} ${vec(2, extension(16, vec(2, '03 68')))}`, 'vector_too_long'],
    ['an SCT list cut short', `${FIXED} ${vec(2, extension(18, '0004 aa'))}`, 'truncated'],
    ['a session id of more than 32 bytes', `0303 ${RANDOM} ${vec(1, '00'.repeat(33))} c02f 00`, 'bad_length'],
  ])('refuses %s', (_, text, fault) => {
    expect(parseServerHello(cursorOf(text)).fault).toBe(fault);
  });

  it('leaves out extensions above the cap', () => {
    const many = Array.from({ length: MAX_EXTENSIONS + 1 }, (_, i) => extension(0x8000 + i));
    const hello = parseServerHello(cursorOf(`${FIXED} ${vec(2, ...many)}`));
    expect(hello.fault).toBe('too_many');
    expect(hello.extensions).toHaveLength(MAX_EXTENSIONS);
  });
});

describe('parseDraftHelloRetryRequest', () => {
  it('reads drafts with a suite and drafts without', () => {
    const extensions = vec(2, extension(40, '0017'));
    expect(parseDraftHelloRetryRequest(cursorOf(`7f13 1301 ${extensions}`))).toMatchObject({
      version: 0x7f13,
      cipherSuite: 0x1301,
      isHelloRetryRequest: true,
      keyShareGroup: 0x17,
      fault: '',
    });
    expect(parseDraftHelloRetryRequest(cursorOf(`7f12 ${extensions}`))).toMatchObject({
      cipherSuite: 0,
      keyShareGroup: 0x17,
      fault: '',
    });
  });

  it('never throws, nor reads outside its window', () => {
    expectRobust(wire(`7f13 1301 ${vec(2, extension(40, '0017'))}`), parseDraftHelloRetryRequest);
  });
});
