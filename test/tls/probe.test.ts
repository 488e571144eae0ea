import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_HELLO_OFFSET } from '../../src/tls/limits.ts';
import { findHello, looksLikeRecord, Probe, probeTls, skipProxyHeader } from '../../src/tls/probe.ts';
import { joinBytes } from '../../tools/make-pcap/packet-writer.ts';
import { hostileForms, prefixesOf, wire } from '../support/parser-cases.ts';
import * as tls from '../support/tls-bytes.ts';

const CLIENT_HELLO = tls.handshake(tls.clientHello());

function probe(bytes: Uint8Array): Probe {
  return probeTls(bytes, 0, bytes.length);
}

describe('probeTls', () => {
  it('knows the beginnings of a handshake', () => {
    for (const bytes of [
      CLIENT_HELLO,
      tls.handshake(tls.serverHello()),
      tls.handshake(tls.certificateMessage(tls.certificate('a'))),
      tls.sslv2ClientHello(0x0002),
      tls.sslv2ClientHello(0x0301),
      // A record of three bytes: the message's header goes on in the next one.
      wire('16 0301 0003 01 00 00'),
      // A draft's ServerHello.
      wire('16 0301 0030 02 00002c 7f12'),
    ]) {
      expect(probe(bytes)).toBe(Probe.Certain);
    }
  });

  it('is never sure of less than it needs, nor against it', () => {
    for (const bytes of [CLIENT_HELLO, tls.sslv2ClientHello(0x0301)]) {
      for (const prefix of prefixesOf(bytes))
        expect(probe(prefix)).toBe(prefix.length < 11 ? Probe.Unsure : Probe.Certain);
    }
  });

  it.each([
    ['another content type', '17 0303 0030 01 00002c 0303'],
    ['another major version', '16 0203 0030 01 00002c 0303'],
    ['another minor version', '16 0305 0030 01 00002c 0303'],
    ['an empty record', '16 0303 0000 01 00002c 0303'],
    ['a record too long', '16 0303 4801 01 00002c 0303'],
    ['another message', '16 0303 0030 10 00002c 0303'],
    ['a hello too short', '16 0303 0030 01 000023 0303'],
    ['a hello of another version', '16 0303 0030 01 00002c 0203'],
    ['a draft version in a ClientHello', '16 0303 0030 01 00002c 7f12'],
    ['a certificate list whose length is not that of the message', '16 0303 0030 0b 00002c 0102'],
    ['an SSL 2 hello without suites', '801c 01 0301 0000 0000 0010'],
    ['an SSL 2 hello with half a suite', '801d 01 0301 0004 0000 0010'],
    ['an SSL 2 hello with a short challenge', '8018 01 0301 0006 0000 0009'],
    ['an SSL 2 hello whose parts do not add up', '8020 01 0301 0006 0000 0010'],
    ['an SSL 2 hello of another version', '801f 01 0305 0006 0000 0010'],
    ['text', '47 45 54 20'],
  ])('refuses %s', (_, text) => {
    expect(probe(wire(text))).toBe(Probe.NotForUs);
  });

  it('reads nothing outside its window, whatever is there', () => {
    fc.assert(
      fc.property(hostileForms(CLIENT_HELLO), fc.uint8Array({ minLength: 40, maxLength: 40 }), (form, foreign) => {
        const at = foreign.length;
        const buf = joinBytes(foreign, form, foreign);
        expect(probeTls(buf, at, at + form.length)).toBe(probe(form));
        const found = findHello(form, 0, form.length);
        expect(findHello(buf, at, at + form.length)).toBe(found < 0 ? -1 : found + at);
        expect(looksLikeRecord(buf, at, at + form.length)).toBe(looksLikeRecord(form, 0, form.length));
        expect(skipProxyHeader(buf, at, at + form.length) - at).toBe(skipProxyHeader(form, 0, form.length));
      }),
    );
  });
});

describe('findHello', () => {
  const behind = (n: number, bytes: Uint8Array) => joinBytes(new Uint8Array(n).fill(0x82), bytes);
  const find = (bytes: Uint8Array) => findHello(bytes, 0, bytes.length);

  it('finds a hello behind other bytes, up to a cap', () => {
    expect(find(CLIENT_HELLO)).toBe(0);
    expect(find(behind(4, CLIENT_HELLO))).toBe(4);
    expect(find(behind(MAX_HELLO_OFFSET, CLIENT_HELLO))).toBe(MAX_HELLO_OFFSET);
    expect(find(behind(MAX_HELLO_OFFSET + 1, CLIENT_HELLO))).toBe(-1);
    expect(find(behind(4, tls.handshake(tls.serverHello(), tls.serverHelloDone)))).toBe(4);
  });

  it('does not find one that is cut, nor a certificate', () => {
    expect(find(behind(4, CLIENT_HELLO.subarray(0, -1)))).toBe(-1);
    expect(find(behind(4, tls.handshake(tls.certificateMessage(tls.certificate('a')))))).toBe(-1);
  });
});

describe('skipProxyHeader', () => {
  const skip = (bytes: Uint8Array) => skipProxyHeader(bytes, 0, bytes.length);

  it('steps over both forms of a PROXY header', () => {
    expect(skip(Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nrest'))).toBe(36);
    expect(skip(wire('0d0a0d0a000d0a515549540a 21 11 000c 0000000000000000 00000000 16'))).toBe(28);
  });

  it('stays where there is none, or only a part of one', () => {
    for (const text of ['', 'PROX', 'PROXY TCP4 192.0.2.1', `PROXY ${'x'.repeat(120)}\r\n`, 'GET / HTTP/1.1\r\n']) {
      expect(skip(Buffer.from(text))).toBe(0);
    }
    expect(skip(wire('0d0a0d0a000d0a515549540a 21 11 000c 00000000'))).toBe(0);
  });
});

describe('looksLikeRecord', () => {
  const looks = (...parts: Uint8Array[]) => looksLikeRecord(joinBytes(...parts), 0, joinBytes(...parts).length);

  it('believes records of a handshake', () => {
    for (const record of [
      CLIENT_HELLO,
      tls.handshake(tls.serverHelloDone),
      tls.handshake(tls.clientKeyExchange),
      tls.changeCipherSpec,
      tls.alert(2, 40),
      tls.applicationData(16),
    ]) {
      expect(looks(record)).toBe(true);
      expect(looks(record, tls.changeCipherSpec)).toBe(true);
      expect(looks(record, Uint8Array.of(0x99, 3, 3))).toBe(false);
    }
  });

  it.each([
    ['too few bytes', '16 0303 0004 0e'],
    ['another version', '17 0403 0020 00'],
    ['a ChangeCipherSpec of two bytes', '14 0303 0002 01 01'],
    ['an alert of level 3', '15 0303 0002 03 00'],
    ['application data without room for a tag', '17 0303 000f 00'],
    ['an unknown message', '16 0303 0020 63 000000'],
    ['a ServerHelloDone with a body', '16 0303 0020 0e 000001'],
    ['a ClientHello of another version', '16 0303 0030 01 00002c 0203'],
    ['heartbeat', '18 0303 0020 01 000010'],
  ])('does not believe %s', (_, text) => {
    expect(looks(wire(text))).toBe(false);
  });
});
