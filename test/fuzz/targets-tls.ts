/** Handshake messages, records, sessions: nothing read beside the message, nothing kept after the end, no matter how the bytes come. */
import { isDeepStrictEqual } from 'node:util';

import { Cursor } from '../../src/bytes/cursor.ts';
import { parseAlert } from '../../src/tls/alert.ts';
import { decodeCertificateList } from '../../src/tls/certificate-list.ts';
import { parseCertificateRequest } from '../../src/tls/certificate-request.ts';
import { parseCertificateStatus } from '../../src/tls/certificate-status.ts';
import { parseClientHello } from '../../src/tls/client-hello.ts';
import { parseCompressedCertificate } from '../../src/tls/compressed-certificate.ts';
import type { Handshake } from '../../src/tls/handshake.ts';
import { HelloShapeCache } from '../../src/tls/hello-shape-cache.ts';
import { MessageBuffers } from '../../src/tls/message-buffers.ts';
import { looksLikeRecord, probeTls } from '../../src/tls/probe.ts';
import { parseDraftHelloRetryRequest, parseServerHello } from '../../src/tls/server-hello.ts';
import { parseServerKeyExchange } from '../../src/tls/server-key-exchange.ts';
import { type SessionContext, TlsSession } from '../../src/tls/session.ts';
import { parseSessionTicket } from '../../src/tls/session-ticket.ts';
import { parseSslv2ClientHello } from '../../src/tls/sslv2-client-hello.ts';
import { parseSslv2ClientMasterKey } from '../../src/tls/sslv2-client-master-key.ts';
import { parseSslv2ServerHello } from '../../src/tls/sslv2-server-hello.ts';
import { joinBytes } from '../../tools/make-pcap/packet-writer.ts';
import { type FuzzTarget, promise } from './fuzz-target.ts';
import type { Samples, StreamPiece } from './samples.ts';
import { checkText } from './targets-bytes.ts';
import { readInWindow } from './window.ts';

/** One for all inputs, as in the sensor. */
const shapes = new HelloShapeCache();

const ECDHE_RSA = 0xc02f;
const DHE_RSA = 0x009e;

/** A parser of message bodies, and the handshake types whose bodies are its seeds. */
function messageTarget(
  name: string,
  weight: number,
  types: readonly number[],
  parse: (c: Cursor) => unknown,
  literals: readonly Uint8Array[] = [],
): FuzzTarget {
  return {
    name: `tls.${name}`,
    weight,
    maxBytes: 8192,
    seeds: ({ messages }) => [...types.flatMap((type) => messages.get(type) ?? []).slice(0, 400), ...literals],
    run(bytes) {
      readInWindow(bytes, (buf, at, end) => {
        const c = new Cursor(buf, at, end);
        const result = parse(c);
        promise(c.pos >= at && c.pos <= end, 'the cursor left its window');
        return result;
      });
    },
  };
}

/** SSL 2, which no capture here speaks: hellos of one cipher, and a server's with four bytes of certificate. */
const SSLV2_MESSAGES = [
  [0x01, 0x00, 0x02, 0x00, 0x03, 0x00, 0x00, 0x00, 0x10, 0x01, 0x00, 0x80, ...Array.from({ length: 16 }, (_, i) => i)],
  [
    0x01,
    0x03,
    0x01,
    0x00,
    0x06,
    0x00,
    0x00,
    0x00,
    0x10,
    0x00,
    0x00,
    0x2f,
    0x07,
    0x00,
    0xc0,
    ...Array.from({ length: 16 }, (_, i) => i),
  ],
  [
    0x04,
    0x00,
    0x01,
    0x00,
    0x02,
    0x00,
    0x04,
    0x00,
    0x03,
    0x00,
    0x10,
    0x30,
    0x02,
    0x05,
    0x00,
    0x01,
    0x00,
    0x80,
    ...Array.from({ length: 16 }, (_, i) => i),
  ],
  [0x02, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x10, 0x00, 0x08, ...Array.from({ length: 24 }, (_, i) => i)],
].map((list) => Uint8Array.from(list));

const clientHello = messageTarget('client-hello', 500, [1], (c) => {
  const hello = parseClientHello(c, 't', shapes);
  checkText(hello.serverName);
  for (const name of hello.shape.alpn) checkText(name);
  checkText(hello.shape.ja4);
  return hello;
});

const MESSAGE_TARGETS: readonly FuzzTarget[] = [
  clientHello,
  messageTarget('dtls-client-hello', 100, [1], (c) => parseClientHello(c, 'd', shapes)),
  messageTarget('server-hello', 400, [2], (c) => {
    const hello = parseServerHello(c);
    checkText(hello.alpn);
    return hello;
  }),
  messageTarget('draft-hello-retry', 100, [2, 6], (c) => parseDraftHelloRetryRequest(c)),
  messageTarget('certificate-list', 200, [11], (c) => readRanges(c, false)),
  messageTarget('certificate-list-13', 200, [11], (c) => readRanges(c, true)),
  messageTarget('certificate-request', 200, [13], (c) => [
    parseCertificateRequest(new Cursor(c.buf, c.pos, c.end), 0x0304),
    parseCertificateRequest(c, 0x0303),
  ]),
  messageTarget('certificate-status', 200, [22], (c) => parseCertificateStatus(c)),
  messageTarget('compressed-certificate', 200, [25, 11], (c) => parseCompressedCertificate(c)),
  messageTarget('server-key-exchange', 300, [12], (c) => [
    parseServerKeyExchange(new Cursor(c.buf, c.pos, c.end), DHE_RSA),
    parseServerKeyExchange(c, ECDHE_RSA),
  ]),
  messageTarget('session-ticket', 200, [4], (c) => [
    parseSessionTicket(new Cursor(c.buf, c.pos, c.end), true),
    parseSessionTicket(c, false),
  ]),
  messageTarget('alert', 100, [], (c) => parseAlert(c, true), [Uint8Array.of(2, 40), Uint8Array.of(1, 0)]),
  messageTarget('sslv2-client-hello', 200, [], (c) => parseSslv2ClientHello(c), SSLV2_MESSAGES),
  messageTarget('sslv2-server-hello', 200, [], (c) => parseSslv2ServerHello(c), SSLV2_MESSAGES),
  messageTarget('sslv2-master-key', 100, [], (c) => parseSslv2ClientMasterKey(c), SSLV2_MESSAGES),
];

const probe: FuzzTarget = {
  name: 'tls.probe',
  weight: 300,
  maxBytes: 64,
  seeds: ({ connections }) =>
    connections.flatMap((pieces) => pieces.slice(0, 4).map((piece) => piece.bytes.slice(0, 24))),
  run(bytes) {
    readInWindow(bytes, (buf, at, end) => [probeTls(buf, at, end), looksLikeRecord(buf, at, end)]);
  },
};

/**
 * A connection as pieces, each with one byte that says what it is (bit 0 the side, bit 1 a gap, bit 2 that the snap length cut it) and
 * two of length. A gap has no bytes, only a length.
 */
const session: FuzzTarget = {
  name: 'tls.session',
  weight: 250,
  maxBytes: 32_768,
  seeds: sessionSeeds,
  run(bytes) {
    readInWindow(bytes, (buf, at, end) => outcomeOf(runSession(buf, at, end, false)));
  },
};

/** How a stream was cut into segments must not show, unless a record boundary was lost: it is then looked for in the bytes at hand. */
const chunks: FuzzTarget = {
  name: 'tls.chunks',
  weight: 80,
  maxBytes: 16_384,
  seeds: (samples) => sessionSeeds(samples).filter((script) => script.length < 16_384),
  run(bytes) {
    const whole = runSession(bytes, 0, bytes.length, false);
    if (whole.faults.includes('bad_record') || whole.lostClientBytes + whole.lostServerBytes > 0) return;
    const dripped = runSession(bytes, 0, bytes.length, true);
    promise(isDeepStrictEqual(outcomeOf(whole), outcomeOf(dripped)), 'a handshake reads differently byte by byte');
  },
};

export const TLS_TARGETS: readonly FuzzTarget[] = [...MESSAGE_TARGETS, probe, session, chunks];

function readRanges(c: Cursor, isTls13: boolean): unknown {
  const ranges: number[] = [];
  const from = c.pos;
  const { end } = c;
  const list = decodeCertificateList(c, isTls13, ranges);
  for (let i = 0; i < ranges.length; i += 2) {
    promise(
      ranges[i]! >= from && ranges[i]! <= ranges[i + 1]! && ranges[i + 1]! <= end,
      'a certificate outside its list',
    );
  }
  return [list, ranges];
}

function sessionSeeds({ connections }: Samples): Uint8Array[] {
  return connections.map(toScript).filter((script) => script.length <= 32_768);
}

function toScript(pieces: readonly StreamPiece[]): Uint8Array {
  return joinBytes(
    ...pieces.flatMap(({ side, bytes }) => [Uint8Array.of(side, bytes.length >> 8, bytes.length & 255), bytes]),
  );
}

/** Plays a script; byte by byte where it says so. */
function runSession(buf: Uint8Array, from: number, end: number, isDripped: boolean): Handshake<string> {
  const buffers = new MessageBuffers();
  const context: SessionContext<string> = {
    shapes,
    buffers,
    readCertificates: (list, at, stop) => describe(list, at, stop),
    readBareCertificate: (list, at, stop) => describe(list, at, stop),
  };
  const tls = new TlsSession<string>(context);
  let at = from;
  while (at + 3 <= end && !tls.isFinished) {
    const op = buf[at]!;
    const side = op & 1 ? 1 : 0;
    const length = (buf[at + 1]! << 8) | buf[at + 2]!;
    at += 3;
    if ((op & 2) !== 0) {
      if (length > 0) tls.gap(side, length, (op & 4) !== 0, 1000);
      continue;
    }
    const stop = Math.min(end, at + length);
    const step = isDripped ? 1 : Math.max(1, stop - at);
    for (let i = at; i < stop && !tls.isFinished; i += step) tls.read(side, buf, i, i + step, 1000);
    at = stop;
    promise(
      buffers.lentBytes >= 0 && buffers.lentBytes < 8 * (end - from) + 32_768,
      'buffers much larger than what came',
    );
  }
  const handshake = tls.close();
  promise(buffers.lentBytes === 0, 'a buffer was not given back');
  promise(handshake.history.length <= 65, 'a history beyond its cap');
  return handshake;
}

function describe(buf: Uint8Array, at: number, end: number): string {
  promise(at <= end && end <= buf.length, 'a certificate list outside its buffer');
  return `${end - at}:${Buffer.from(buf.subarray(at, end)).toString('latin1')}`;
}

function outcomeOf(handshake: Handshake<string>): unknown {
  return Object.entries(handshake);
}
