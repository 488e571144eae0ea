import { describe, expect, it } from 'vitest';
import type { Cursor } from '../../src/bytes/cursor.ts';
import { parseSslv2ClientHello } from '../../src/tls/sslv2-client-hello.ts';
import { parseSslv2ClientMasterKey } from '../../src/tls/sslv2-client-master-key.ts';
import { parseSslv2ServerHello } from '../../src/tls/sslv2-server-hello.ts';
import { cursorOf, expectRobust, parseInWindow, prefixesOf, wire } from '../support/parser-cases.ts';

const CHALLENGE = '404142434445464748494a4b4c4d4e4f';

/** The hello of a client that speaks TLS 1.0 and can do with less. */
const CLIENT_HELLO = `
  01 0301                             # client hello, TLS 1.0
  0009 0004 0010                      # lengths of suites, session id, challenge
  000039 0700c0 0000ff
  a1a2a3a4
  ${CHALLENGE}`;

const SERVER_HELLO = `
  04 01 01 0002                       # server hello, session id hit, X.509, SSL 2
  0003 0006 0002                      # lengths of certificate, suites, connection id
  c1c2c3
  0700c0 010080
  d1d2`;

const CLIENT_MASTER_KEY = '02 0700c0 0001 0002 0003 e1 f1f2 9091 92';

describe('parseSslv2ClientHello', () => {
  it('reads a whole hello, with suites of 24 bits', () => {
    const hello = parseSslv2ClientHello(cursorOf(CLIENT_HELLO));
    expect(hello).toMatchObject({ serverName: '', ticketLen: -1, sizeBytes: 2 + wire(CLIENT_HELLO).length, fault: '' });
    expect([...hello.sessionId]).toEqual([0xa1, 0xa2, 0xa3, 0xa4]);
    expect(hello.random).toHaveLength(16);
    expect(hello.shape).toMatchObject({
      legacyVersion: 0x0301,
      isSslv2Format: true,
      cipherSuites: [0x000039, 0x0700c0, 0x0000ff],
      extensions: null,
    });
  });

  it('has no JA3, and a JA4 that counts nothing', () => {
    const { shape } = parseSslv2ClientHello(cursorOf(CLIENT_HELLO));
    expect(shape).toMatchObject({ ja3: '', ja3Text: '', ja4: 't10i000000_000000000000_000000000000' });
  });

  it('has no fingerprint at all where the client speaks SSL 2 only', () => {
    const { shape } = parseSslv2ClientHello(cursorOf(`01 0002 0003 0000 0010 0700c0 ${CHALLENGE}`));
    expect(shape).toMatchObject({ legacyVersion: 0x0002, ja3: '', ja4: '' });
  });

  it.each([
    ['another message', CLIENT_HELLO.replace('01 0301', '09 0301'), 'bad_value'],
    ['suites that are not a multiple of three', `01 0301 0004 0000 0010 000039 00 ${CHALLENGE}`, 'bad_length'],
    ['suites beyond the message', '01 0301 0009 0000 0010 000039', 'vector_too_long'],
    ['bytes after the challenge', `${CLIENT_HELLO} 00`, 'trailing_bytes'],
  ])('refuses %s', (_, text, fault) => {
    expect(parseSslv2ClientHello(cursorOf(text)).fault).toBe(fault);
  });
});

describe('parseSslv2ServerHello', () => {
  it('reads a whole hello, and finds the certificate', () => {
    expect(parseSslv2ServerHello(cursorOf(SERVER_HELLO))).toEqual({
      version: 0x0002,
      isSessionIdHit: true,
      certificateType: 1,
      certificateAt: 11,
      certificateEnd: 14,
      isCertificateCut: false,
      cipherSuites: [0x0700c0, 0x010080],
      connectionIdLen: 2,
      fault: '',
    });
  });

  it('gives a certificate that was cut short as far as it goes', () => {
    const cut = parseSslv2ServerHello(cursorOf('04 00 01 0002 0003 0000 0000 c1c2'));
    expect(cut).toMatchObject({
      certificateAt: 11,
      certificateEnd: 13,
      isCertificateCut: true,
      fault: 'vector_too_long',
    });
  });

  it('refuses another message, and bytes after the last', () => {
    expect(parseSslv2ServerHello(cursorOf('05')).fault).toBe('bad_value');
    expect(parseSslv2ServerHello(cursorOf(`${SERVER_HELLO} 00`)).fault).toBe('trailing_bytes');
  });
});

describe('parseSslv2ClientMasterKey', () => {
  it('reads the suite that the client chose', () => {
    expect(parseSslv2ClientMasterKey(cursorOf(CLIENT_MASTER_KEY))).toEqual({
      cipherSuite: 0x0700c0,
      clearKeyLen: 1,
      encryptedKeyLen: 2,
      fault: '',
    });
  });

  it('refuses another message, and bytes after the last', () => {
    expect(parseSslv2ClientMasterKey(cursorOf('01')).fault).toBe('bad_value');
    expect(parseSslv2ClientMasterKey(cursorOf(`${CLIENT_MASTER_KEY} 00`)).fault).toBe('trailing_bytes');
  });
});

interface Case {
  readonly name: string;
  readonly text: string;
  readonly parse: (c: Cursor) => { readonly fault: string };
}

const CASES: readonly Case[] = [
  { name: 'parseSslv2ClientHello', text: CLIENT_HELLO, parse: parseSslv2ClientHello },
  { name: 'parseSslv2ServerHello', text: SERVER_HELLO, parse: parseSslv2ServerHello },
  { name: 'parseSslv2ClientMasterKey', text: CLIENT_MASTER_KEY, parse: parseSslv2ClientMasterKey },
];

describe.each(CASES)('$name', ({ text, parse }) => {
  it('calls every truncation one', () => {
    for (const prefix of prefixesOf(wire(text))) {
      expect(parseInWindow(prefix, parse).fault).toMatch(/^(truncated|vector_too_long|bad_value)$/);
    }
  });

  it('never throws, nor reads outside its window', () => {
    expectRobust(wire(text), parse);
  });
});
