import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cursor } from '../../src/bytes/cursor.ts';
import { type ClientHello, parseClientHello } from '../../src/tls/client-hello.ts';
import type { HelloTransport } from '../../src/tls/hello-shape.ts';
import { HelloShapeCache } from '../../src/tls/hello-shape-cache.ts';
import { MAX_CIPHER_SUITES, MAX_CLIENT_HELLO, MAX_EXTENSIONS, MAX_SERVER_NAME } from '../../src/tls/limits.ts';
import { cursorOf, expectRobust, extension, parseInWindow, prefixesOf, vec, wire } from '../support/parser-cases.ts';

const RANDOM = '000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f';

/** A browser-like hello: GREASE in every place that takes it. */
const GREASE_HELLO = `
  0303 ${RANDOM}
  04 a1a2a3a4                                                   # session_id
  000a 2a2a 1301 1302 c02b 00ff                                 # cipher_suites
  01 00                                                         # compression
  ${vec(
    2,
    extension(0x1a1a),
    extension(0x0000, vec(2, '00', vec(2, '4558616d706c652e6f72672e'))), // "EXample.org."
    extension(0x0010, vec(2, vec(1, '6832'), vec(1, '687474702f312e31'))), // h2, http/1.1
    extension(0x000a, vec(2, '3a3a 11ec 001d')),
    extension(0x000b, vec(1, '00')),
    extension(0x000d, vec(2, '4a4a 0403 0804')),
    extension(0x0023, 'b1b2b3b4b5'),
    extension(0x002b, vec(1, '5a5a 0304 0303')),
    extension(0x002d, vec(1, '01')),
    extension(0x0033, vec(2, '3a3a', vec(2, '00'), '001d', vec(2, 'c1c2c3'))),
    extension(0x002c, vec(2, 'd1d2d3')),
    extension(0xfe0d, '00 0001 0001 e1', vec(2, 'f1'), vec(2, 'f2f3')),
    extension(0xabcd, '01'),
  )}`;

function parse(text: string, transport: HelloTransport = 't'): ClientHello {
  return parseClientHello(cursorOf(text), transport, new HelloShapeCache());
}

/** A hello that is right but for its extension block. */
function parseExtensions(...extensions: readonly string[]): ClientHello {
  return parse(`0303 ${RANDOM} 00 0002 1301 01 00 ${vec(2, ...extensions)}`);
}

describe('parseClientHello', () => {
  it('reads a whole hello, and keeps GREASE and unknown values', () => {
    const hello = parse(GREASE_HELLO);
    expect(hello).toMatchObject({
      serverName: 'example.org.',
      ticketLen: 5,
      pskIdentities: 0,
      hasEarlyData: false,
      cookieLen: 3,
      sizeBytes: wire(GREASE_HELLO).length + 4,
      fault: '',
    });
    expect([...hello.random]).toEqual(Array.from({ length: 32 }, (_, i) => i));
    expect([...hello.sessionId]).toEqual([0xa1, 0xa2, 0xa3, 0xa4]);
    expect(hello.shape).toMatchObject({
      legacyVersion: 0x0303,
      cipherSuites: [0x2a2a, 0x1301, 0x1302, 0xc02b, 0x00ff],
      compressionMethods: [0],
      extensions: [0x1a1a, 0, 16, 10, 11, 13, 35, 43, 45, 51, 44, 0xfe0d, 0xabcd],
      supportedVersions: [0x5a5a, 0x0304, 0x0303],
      groups: [0x3a3a, 0x11ec, 0x001d],
      pointFormats: [0],
      signatureSchemes: [0x4a4a, 0x0403, 0x0804],
      keyShareGroups: [0x3a3a, 0x001d],
      pskModes: [1],
      alpn: ['h2', 'http/1.1'],
      ech: 'grease_or_outer',
      ja3Text: '771,4865-4866-49195-255,0-16-10-11-13-35-43-45-51-44-65037-43981,4588-29,0',
    });
    expect(hello.shape.ja4).toMatch(/^t13d0412h2_/);
  });

  it('keeps nothing of the buffer it read', () => {
    const c = cursorOf(GREASE_HELLO);
    const hello = parseClientHello(c, 't', new HelloShapeCache());
    c.buf.fill(0xee);
    expect(hello).toEqual(parse(GREASE_HELLO));
  });

  it('reads the cookie of DTLS between session id and suites', () => {
    const hello = parse(`fefd ${RANDOM} 00 03 c0c1c2 0002 c02b 01 00`, 'd');
    expect(hello).toMatchObject({ cookieLen: 3, fault: '' });
    expect(hello.shape).toMatchObject({
      cipherSuites: [0xc02b],
      extensions: null,
      ja4: 'dd2i010000_648b5c445417_000000000000',
    });
  });

  it('gives the letter of the transport to JA4 only', () => {
    const tcp = parse(GREASE_HELLO, 't').shape;
    const quic = parse(GREASE_HELLO, 'q').shape;
    expect(quic.ja4).toBe(tcp.ja4.replace(/^t/, 'q'));
    expect(quic.ja3).toBe(tcp.ja3);
  });

  it('tells a hello without an extension block from one with an empty block', () => {
    expect(parse(`0301 ${RANDOM} 00 0002 0035 01 00`).shape).toMatchObject({ extensions: null, ja3Text: '769,53,,,' });
    expect(parse(`0301 ${RANDOM} 00 0002 0035 01 00 0000`).shape).toMatchObject({ extensions: [] });
  });

  it('escapes what is not printable in a name, and takes the first host_name', () => {
    const name = (hex: string): string => extension(0, vec(2, '00', vec(2, hex)));
    expect(parseExtensions(name('61006280')).serverName).toBe('a\\u{0}b\\x80');
    const list = vec(2, '07', vec(2, '7a'), '00', vec(2, '41'), '00', vec(2, '42'));
    expect(parseExtensions(extension(0, list))).toMatchObject({ serverName: 'a', fault: '' });
  });

  it('counts identities of pre_shared_key and notices early data', () => {
    const identities = vec(2, vec(2, '0102'), '00000000', vec(2, '03'), '00000000');
    const hello = parseExtensions(extension(42), extension(41, identities, vec(2, vec(1, '0a'))));
    expect(hello).toMatchObject({ pskIdentities: 2, hasEarlyData: true, fault: '' });
  });

  it('knows ECH, its drafts and ESNI', () => {
    expect(parseExtensions(extension(0xfe0d, '01')).shape.ech).toBe('inner');
    expect(parseExtensions(extension(0xfe0d, '00')).shape.ech).toBe('grease_or_outer');
    expect(parseExtensions(extension(0xfe09, '0011')).shape.ech).toBe('ech');
    expect(parseExtensions(extension(0xff02)).shape.ech).toBe('ech');
    expect(parseExtensions(extension(0xffce, '0011')).shape.ech).toBe('esni');
    expect(parseExtensions(extension(0xfe0e)).shape.ech).toBe('none');
  });

  it('reads the key_share of early drafts under its old number', () => {
    expect(parseExtensions(extension(40, vec(2, '001d', vec(2, '01')))).shape.keyShareGroups).toEqual([0x1d]);
  });

  it('takes the first of two extensions of one type, and lists both', () => {
    const { shape } = parseExtensions(extension(10, vec(2, '0017')), extension(10, vec(2, '0018')));
    expect(shape).toMatchObject({ extensions: [10, 10], groups: [0x17] });
  });
});

describe('parseClientHello, given a damaged hello,', () => {
  it('calls every truncation one, and keeps what came before', () => {
    const whole = wire(GREASE_HELLO);
    const suitesAt = 2 + 32 + 5 + 2;
    const noBlockAt = suitesAt + 10 + 2;
    for (const prefix of prefixesOf(whole)) {
      const hello = parseInWindow(prefix, (c) => parseClientHello(c, 't', new HelloShapeCache()));
      // Without its extension block a hello is a whole one of before TLS 1.3.
      expect(hello.fault).toMatch(prefix.length === noBlockAt ? /^$/ : /^(truncated|vector_too_long)$/);
      expect(hello.random).toHaveLength(prefix.length >= 34 ? 32 : 0);
      expect(hello.shape.cipherSuites).toHaveLength(
        Math.max(0, Math.min(5, Math.floor((prefix.length - suitesAt) / 2))),
      );
    }
  });

  it('never throws, nor reads outside its window', () => {
    const shapes = new HelloShapeCache();
    const parseAny = (c: Cursor): ClientHello => parseClientHello(c, 't', shapes);
    expectRobust(wire(GREASE_HELLO), parseAny);
    expectRobust(wire(`fefd ${RANDOM} 00 03 c0c1c2 0002 c02b 01 00`), (c) => parseClientHello(c, 'd', shapes));
  });

  it('gives the same for a hello met before as for a new one', () => {
    const shapes = new HelloShapeCache();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (tail) => {
        const text = `0303 ${RANDOM} 00 0002 1301 01 00 ${Buffer.from(tail).toString('hex')}`;
        const fresh = parse(text);
        for (let i = 0; i < 2; i++) expect(parseClientHello(cursorOf(text), 't', shapes)).toEqual(fresh);
      }),
    );
  });

  it('refuses an odd number of suite bytes, and reads the pairs', () => {
    const hello = parse(`0303 ${RANDOM} 00 0003 1301ff 01 00`);
    expect(hello).toMatchObject({ fault: 'bad_length', shape: { cipherSuites: [0x1301], compressionMethods: [0] } });
  });

  it('refuses suites beyond the message, and reads those that are there', () => {
    const hello = parse(`0303 ${RANDOM} 00 0006 1301 1302 01`);
    expect(hello).toMatchObject({
      fault: 'vector_too_long',
      shape: { cipherSuites: [0x1301, 0x1302], extensions: null },
    });
  });

  it('refuses a hello without suites', () => {
    expect(parse(`0303 ${RANDOM} 00 0000 01 00`).fault).toBe('bad_length');
  });

  it('refuses a hello without compression methods', () => {
    expect(parse(`0303 ${RANDOM} 00 0002 1301 00`).fault).toBe('bad_length');
  });

  it('refuses a session id of more than 32 bytes, and keeps it', () => {
    const hello = parse(`0303 ${RANDOM} ${vec(1, '5a'.repeat(33))} 0002 1301 01 00`);
    expect(hello.fault).toBe('bad_length');
    expect(hello.sessionId).toHaveLength(33);
  });

  it('refuses a session id beyond the message', () => {
    expect(parse(`0303 ${RANDOM} 20 0102`)).toMatchObject({ fault: 'truncated', shape: { cipherSuites: [] } });
  });

  it('refuses bytes after the extension block', () => {
    expect(parse(`0303 ${RANDOM} 00 0002 1301 01 00 0000 ff`).fault).toBe('trailing_bytes');
  });

  it('refuses an extension beyond its block, and lists it', () => {
    const hello = parse(`0303 ${RANDOM} 00 0002 1301 01 00 ${vec(2, '000a 0020 0002 0017')}`);
    expect(hello).toMatchObject({ fault: 'vector_too_long', shape: { extensions: [10], groups: [0x17] } });
  });

  it.each([
    ['a list longer than its extension', extension(10, '0004 0017'), 'vector_too_long', { groups: [0x17] }],
    ['half a group', extension(10, vec(2, '0017 00')), 'bad_length', { groups: [0x17] }],
    ['bytes after a list', extension(10, vec(2, '0017'), '00'), 'trailing_bytes', { groups: [0x17] }],
    ['an empty supported_versions', extension(43), 'truncated', { supportedVersions: [] }],
    ['point formats cut short', extension(11, '02 00'), 'vector_too_long', { pointFormats: [0] }],
    ['a protocol name cut short', extension(16, vec(2, '05 6832')), 'vector_too_long', { alpn: ['h2'] }],
    ['an ALPN list cut short', extension(16, '0009', vec(1, '6832')), 'vector_too_long', { alpn: ['h2'] }],
    ['a key_share cut short', extension(51, '0008 001d 0020 aa'), 'vector_too_long', { keyShareGroups: [0x1d] }],
    ['an unknown form of ECH', extension(0xfe0d, '07'), 'bad_value', { ech: 'ech' }],
    ['an empty ECH', extension(0xfe0d), 'truncated', { ech: 'ech' }],
  ])('refuses %s, and reads what is there', (_, text, fault, shape) => {
    const hello = parseExtensions(text, extension(0x1234));
    expect(hello.fault).toBe(fault);
    expect(hello.shape).toMatchObject(shape);
    expect(hello.shape.extensions?.at(-1)).toBe(0x1234);
  });

  it('refuses a server_name that is empty or cut short', () => {
    expect(parseExtensions(extension(0))).toMatchObject({ fault: 'truncated', serverName: '' });
    const cut = parseExtensions(extension(0, '000e 00 000b 61622e'));
    expect(cut).toMatchObject({ fault: 'vector_too_long', serverName: 'ab.' });
    expect(cut.shape.ja4).toMatch(/^t12d/);
  });

  it('leaves out what is above a cap', () => {
    const suites = vec(2, '1301'.repeat(MAX_CIPHER_SUITES + 1));
    const many = parse(`0303 ${RANDOM} 00 ${suites} 01 00`);
    expect(many.fault).toBe('too_many');
    expect(many.shape.cipherSuites).toHaveLength(MAX_CIPHER_SUITES);
    const extensions = parseExtensions(...Array.from({ length: MAX_EXTENSIONS + 1 }, (_, i) => extension(0x8000 + i)));
    expect(extensions.fault).toBe('too_many');
    expect(extensions.shape.extensions).toHaveLength(MAX_EXTENSIONS);
    const name = parseExtensions(extension(0, vec(2, '00', vec(2, '61'.repeat(MAX_SERVER_NAME + 1)))));
    expect(name).toMatchObject({ fault: 'too_many', serverName: 'a'.repeat(MAX_SERVER_NAME) });
    expect(parse(`0303 ${RANDOM} ${'00'.repeat(MAX_CLIENT_HELLO)}`).fault).toBe('too_many');
  });
});
