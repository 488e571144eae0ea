import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.ts';
import { CertVisibility, type Handshake } from '../../src/tls/handshake.ts';
import { HelloShapeCache } from '../../src/tls/hello-shape-cache.ts';
import { MAX_ENCRYPTED_BYTES, MAX_HISTORY, MAX_SESSION_BYTES } from '../../src/tls/limits.ts';
import { MessageBuffers } from '../../src/tls/message-buffers.ts';
import { type SessionContext, TlsSession } from '../../src/tls/session.ts';
import { joinBytes } from '../../tools/make-pcap/packet-writer.ts';
import * as tls from '../support/tls-bytes.ts';

/** What stands for a chain here: the message's bytes as text, to see that they were handed over whole. */
class Bench {
  readonly buffers = new MessageBuffers();
  readonly session: TlsSession<string>;
  #nowUs = 1000;

  constructor(shapes = new HelloShapeCache()) {
    const context: SessionContext<string> = {
      shapes,
      buffers: this.buffers,
      readCertificates: (buf, at, end) => (end - at > 3 ? toHex(buf, at, end) : null),
      readBareCertificate: (buf, at, end) => toHex(buf, at, end),
    };
    this.session = new TlsSession(context);
  }

  read(side: 0 | 1, ...parts: Uint8Array[]): this {
    const buf = joinBytes(...parts);
    this.session.read(side, buf, 0, buf.length, ++this.#nowUs);
    // The bytes were borrowed: what the session kept must be its own.
    buf.fill(0xee);
    return this;
  }

  gap(side: 0 | 1, missing: number, isSnapped = false): this {
    this.session.gap(side, missing, isSnapped, ++this.#nowUs);
    return this;
  }

  close(): Handshake<string> {
    const seen = this.session.close();
    assert.equal(this.buffers.lentBytes, 0);
    return seen;
  }
}

const CERTIFICATE = tls.certificateMessage(tls.certificate('server.example'));
const CHAIN = toHex(CERTIFICATE, 4);
const HELLO = tls.handshake(tls.clientHello({ serverName: 'server.example' }));
const FLIGHT = tls.handshake(tls.serverHello(), CERTIFICATE, tls.serverKeyExchange, tls.serverHelloDone);
const ID = new Uint8Array(32).fill(0x1d);

/** A whole handshake of TLS 1.2 up to its last message. */
function full12(bench: Bench): Bench {
  bench.read(0, HELLO).read(1, FLIGHT);
  bench.read(0, tls.handshake(tls.clientKeyExchange), tls.changeCipherSpec, tls.encryptedFinished);
  expect(bench.session.isFinished).toBe(false);
  return bench.read(1, tls.handshake(tls.newSessionTicket), tls.changeCipherSpec, tls.encryptedFinished);
}

describe('TlsSession up to TLS 1.2', () => {
  it('reads a whole handshake and knows when it is over', () => {
    const bench = full12(new Bench());
    expect(bench.session.isFinished).toBe(true);
    const seen = bench.close();
    expect(seen).toMatchObject({
      serverCertificates: CHAIN,
      certVisibility: CertVisibility.Clear,
      isEstablished: true,
      history: 'CsxknGIFtif',
      keyExchangeGroup: 29,
      sessionTicket: { lifetimeHint: 7200, sizeBytes: 16 },
      resumption: 'none',
      alert: null,
      firstUs: 1001,
      clientHelloUs: 1001,
      serverHelloUs: 1002,
      lastUs: 1004,
      faults: [],
    });
    expect(seen.clientHello!.serverName).toBe('server.example');
    expect(toHex(seen.clientHello!.random)).toBe('c1'.repeat(32));
    expect(toHex(seen.serverHello!.random)).toBe('5e'.repeat(32));
  });

  it('takes the client for whoever sends the ClientHello', () => {
    const bench = new Bench().read(1, HELLO).read(0, FLIGHT);
    expect(bench.session.clientSide).toBe(1);
    expect(bench.close()).toMatchObject({ history: 'Csxkn', serverCertificates: CHAIN });
  });

  it('takes the server for whoever sends a ServerHello', () => {
    const bench = new Bench().read(1, FLIGHT);
    expect(bench.session.clientSide).toBe(0);
    expect(bench.close()).toMatchObject({ history: 'sxkn', serverCertificates: CHAIN, clientHello: null });
  });

  it('tells a session resumed by its id from one resumed by a ticket', () => {
    const answer = [tls.handshake(tls.serverHello({ sessionId: ID })), tls.changeCipherSpec, tls.encryptedFinished];
    const byId = new Bench().read(0, tls.handshake(tls.clientHello({ sessionId: ID }))).read(1, ...answer);
    byId.read(0, tls.changeCipherSpec, tls.encryptedFinished);
    expect(byId.session.isFinished).toBe(true);
    expect(byId.close()).toMatchObject({ resumption: 'session_id', certVisibility: 'resumed', isEstablished: true });

    const hello = tls.handshake(tls.clientHello({ sessionId: ID, ticket: new Uint8Array(100) }));
    expect(
      new Bench()
        .read(0, hello)
        .read(1, ...answer)
        .close(),
    ).toMatchObject({ resumption: 'ticket' });
    // An empty ticket only asks for one.
    const asking = tls.handshake(tls.clientHello({ sessionId: ID, ticket: new Uint8Array(0) }));
    expect(
      new Bench()
        .read(0, asking)
        .read(1, ...answer)
        .close(),
    ).toMatchObject({ resumption: 'session_id' });
  });

  it('does not take a handshake without a certificate for a resumed one', () => {
    const flight = tls.handshake(tls.serverHello(), tls.serverKeyExchange, tls.serverHelloDone);
    const bench = new Bench().read(0, HELLO).read(1, flight);
    bench.read(0, tls.handshake(tls.clientKeyExchange), tls.changeCipherSpec, tls.encryptedFinished);
    bench.read(1, tls.changeCipherSpec, tls.encryptedFinished);
    expect(bench.close()).toMatchObject({ resumption: 'none', certVisibility: 'none', isEstablished: true });
  });

  it('keeps the certificate of a client apart', () => {
    const bench = new Bench().read(0, HELLO).read(1, FLIGHT);
    bench.read(0, tls.handshake(tls.certificateMessage(tls.certificate('client'))));
    const seen = bench.close();
    expect(seen.serverCertificates).toBe(CHAIN);
    expect(seen.clientCertificates).not.toBeNull();
  });

  it('ends with a fatal alert, and not with a warning', () => {
    const bench = new Bench().read(0, HELLO).read(1, tls.alert(1, 112));
    expect(bench.session.isFinished).toBe(false);
    bench.read(1, tls.alert(2, 40));
    expect(bench.session.isFinished).toBe(true);
    expect(bench.close().alert).toEqual({ fromClient: false, level: 2, description: 40 });
  });

  it('keeps the first warning, but not a close_notify', () => {
    const bench = new Bench().read(0, HELLO, tls.alert(1, 0)).read(1, tls.alert(1, 112), tls.alert(1, 90));
    expect(bench.close().alert).toEqual({ fromClient: false, level: 1, description: 112 });
  });

  it('reads the server first where the capture shows it first', () => {
    const bench = new Bench().read(1, FLIGHT).read(0, HELLO);
    const seen = bench.close();
    expect(seen.clientHello!.serverName).toBe('server.example');
    expect(seen.faults).toEqual([]);
  });

  it('reads what one side says alone', () => {
    const rest = [tls.handshake(tls.clientKeyExchange), tls.changeCipherSpec, tls.encryptedFinished];
    const client = new Bench().read(0, HELLO).read(0, ...rest, tls.applicationData(50));
    expect(client.close()).toMatchObject({ history: 'CGID', faults: [], certVisibility: 'none' });
    const certificateOnly = new Bench().read(
      1,
      tls.handshake(CERTIFICATE),
      tls.changeCipherSpec,
      tls.encryptedFinished,
    );
    expect(certificateOnly.session.hasHello).toBe(true);
    expect(certificateOnly.close()).toMatchObject({ certVisibility: 'clear', faults: [], history: 'xi' });
  });
});

describe('TlsSession of TLS 1.3', () => {
  const hello13 = tls.handshake(tls.serverHello({ isTls13: true }));

  it('ends with the first encrypted record of the client after the flight of the server', () => {
    const bench = new Bench().read(0, HELLO).read(1, hello13, tls.changeCipherSpec, tls.applicationData(1200));
    bench.read(1, tls.applicationData(300));
    expect(bench.session.isFinished).toBe(false);
    bench.read(0, tls.changeCipherSpec, tls.applicationData(53));
    expect(bench.session.isFinished).toBe(true);
    expect(bench.close()).toMatchObject({
      certVisibility: 'encrypted_tls13',
      encryptedServerFlightBytes: 1500,
      isEstablished: true,
      history: 'CsidID',
    });
  });

  it('takes a short record of the client for an alert, and one of middle size for an empty certificate', () => {
    const refused = new Bench()
      .read(0, HELLO)
      .read(1, hello13, tls.applicationData(1200))
      .read(0, tls.applicationData(19));
    expect(refused.session.isFinished).toBe(true);
    expect(refused.close().isEstablished).toBe(false);
    const empty = new Bench()
      .read(0, HELLO)
      .read(1, hello13, tls.applicationData(1200))
      .read(0, tls.applicationData(25));
    expect(empty.session.isFinished).toBe(false);
    empty.read(0, tls.applicationData(53));
    expect(empty.close().isEstablished).toBe(true);
  });

  it('reads both hellos around a HelloRetryRequest', () => {
    const bench = new Bench().read(0, HELLO);
    bench.read(1, tls.handshake(tls.serverHello({ isTls13: true, isRetry: true })), tls.changeCipherSpec);
    bench.read(0, tls.changeCipherSpec, tls.handshake(tls.clientHello({ serverName: 'second.example' })));
    bench.read(1, hello13, tls.applicationData(900)).read(0, tls.applicationData(53));
    const seen = bench.close();
    expect(seen.history).toBe('CjiICsdD');
    expect(seen.helloRetryRequest).not.toBeNull();
    expect(seen.clientHello!.serverName).toBe('server.example');
    expect(seen.secondClientHello!.serverName).toBe('second.example');
    expect(seen.isEstablished).toBe(true);
  });

  it('reads the second hello where the server is not in the capture', () => {
    const bench = new Bench().read(0, HELLO, tls.changeCipherSpec, tls.handshake(tls.clientHello()));
    expect(bench.close()).toMatchObject({ history: 'CIC', faults: [] });
  });

  it('reads a client that the capture shows after the server', () => {
    const bench = new Bench().read(1, hello13, tls.applicationData(900)).read(0, HELLO);
    expect(bench.session.isFinished).toBe(false);
    expect(bench.close().clientHello!.serverName).toBe('server.example');
  });

  it('tells a resumed session by its PSK', () => {
    const bench = new Bench().read(0, HELLO).read(1, tls.handshake(tls.serverHello({ isTls13: true, isPsk: true })));
    expect(bench.close()).toMatchObject({ resumption: 'psk', certVisibility: 'resumed' });
  });

  it('does not take early data for the end', () => {
    const bench = new Bench().read(0, HELLO, tls.changeCipherSpec, tls.applicationData(200));
    expect(bench.session.isFinished).toBe(false);
    bench.read(1, hello13, tls.applicationData(200)).read(0, tls.applicationData(53));
    expect(bench.close().isEstablished).toBe(true);
  });

  it('reads an alert that the client sends in clear', () => {
    const bench = new Bench().read(0, HELLO).read(1, hello13).read(0, tls.alert(2, 70));
    expect(bench.session.isFinished).toBe(true);
    expect(bench.close().alert).toEqual({ fromClient: true, level: 2, description: 70 });
  });

  it('does not wait for ever for a side that is not in the capture', () => {
    for (const before of [HELLO, hello13]) {
      const bench = new Bench().read(0, before);
      for (let n = 0; n <= MAX_ENCRYPTED_BYTES; n += 16_000) bench.read(0, tls.applicationData(16_000));
      expect(bench.session.isFinished).toBe(true);
    }
  });
});

describe('TlsSession with gaps', () => {
  const certificateAt = 5 + tls.serverHello().length;

  it('says that a certificate was lost, or cut by the snap length', () => {
    for (const [isSnapped, visibility] of [
      [false, 'lost'],
      [true, 'truncated'],
    ] as const) {
      const bench = new Bench().read(0, HELLO).read(1, FLIGHT.subarray(0, certificateAt + 30));
      bench.gap(1, 50, isSnapped).read(1, FLIGHT.subarray(certificateAt + 80));
      const seen = bench.close();
      expect(seen).toMatchObject({ certVisibility: visibility, lostServerBytes: 50, lostClientBytes: 0, faults: [] });
      expect(seen.history).toBe('Cskn');
    }
  });

  it('says that the certificate was lost where the whole flight was', () => {
    const bench = new Bench().read(0, HELLO).gap(1, 4000).read(1, tls.changeCipherSpec);
    expect(bench.close()).toMatchObject({ certVisibility: 'lost', resumption: 'none' });
  });

  it('says that the certificate was lost where the connection ended in it', () => {
    const bench = new Bench().read(0, HELLO).read(1, FLIGHT.subarray(0, certificateAt + 30));
    expect(bench.close().certVisibility).toBe('lost');
  });

  it('does not take a lost flight for a resumed session', () => {
    const bench = new Bench()
      .read(0, HELLO)
      .read(1, FLIGHT.subarray(0, certificateAt))
      .gap(1, FLIGHT.length - certificateAt);
    bench.read(1, tls.changeCipherSpec, tls.encryptedFinished);
    expect(bench.close()).toMatchObject({ certVisibility: 'lost', resumption: 'none' });
  });

  it('does not blame the certificate for what the client lost', () => {
    const bench = new Bench().read(1, FLIGHT).gap(0, 300);
    expect(bench.close()).toMatchObject({ certVisibility: 'clear', lostClientBytes: 300, lostServerBytes: 0 });
  });

  it('says that a certificate over its cap is truncated', () => {
    const over = Uint8Array.of(11, 0x20, 0, 0);
    const bench = new Bench().read(0, HELLO).read(1, tls.handshake(tls.serverHello(), over, new Uint8Array(100)));
    expect(bench.close()).toMatchObject({ certVisibility: 'truncated', faults: ['message_over_cap'] });
  });

  it('does not speak of a cap where a message was broken', () => {
    const broken = tls.record(22, joinBytes(tls.serverHello(), CERTIFICATE.subarray(0, 40)));
    const bench = new Bench().read(0, HELLO).read(1, broken, Buffer.from('no record'));
    expect(bench.close()).toMatchObject({ certVisibility: 'lost', faults: ['bad_record'] });
  });
});

describe('TlsSession of SSL 2', () => {
  const certificate = tls.certificate('old.example');

  it('reads a handshake up to the answer to the key', () => {
    const bench = new Bench().read(0, tls.sslv2ClientHello(0x0002)).read(1, tls.sslv2ServerHello(certificate));
    bench.read(0, tls.sslv2ClientMasterKey);
    expect(bench.session.isFinished).toBe(false);
    // A padded record has a header of three bytes, its top bit clear.
    bench.read(1, Uint8Array.of(0x00, 0x20, 0x07, 0xe5));
    expect(bench.session.isFinished).toBe(true);
    expect(bench.close()).toMatchObject({
      protocol: 'sslv2',
      serverCertificates: toHex(certificate),
      certVisibility: 'clear',
      isEstablished: true,
      history: 'CsG',
      faults: [],
    });
  });

  it('reads a hello in SSL 2 format that a later version answers', () => {
    const hello = tls.sslv2ClientHello(0x0301);
    const bench = new Bench();
    for (let i = 0; i < hello.length; i++) bench.read(0, hello.slice(i, i + 1));
    bench.read(1, FLIGHT).read(0, tls.handshake(tls.clientKeyExchange));
    expect(bench.close()).toMatchObject({ protocol: 'tls', history: 'CsxknG', serverCertificates: CHAIN, faults: [] });
  });
});

describe('TlsSession with hostile bytes', () => {
  it('is mistaken where no hello follows, and forgets it where one came', () => {
    const text = new Bench().read(0, Uint8Array.of(0x16), Buffer.from('no handshake'));
    expect(text.session.isMistaken).toBe(true);
    expect(text.session.hasHello).toBe(false);
    const refused = new Bench().read(0, HELLO).read(1, Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(refused.session.isMistaken).toBe(false);
    expect(refused.close()).toMatchObject({ faults: ['bad_record'], history: 'C' });
  });

  it('believes neither a server that answers itself nor two clients', () => {
    const self = new Bench().read(0, HELLO, tls.handshake(tls.serverHello({ isTls13: true })));
    expect(self.close()).toMatchObject({ serverHello: null, faults: ['server_hello_from_client'] });
    const twins = new Bench().read(0, HELLO).read(1, HELLO);
    expect(twins.session.clientSide).toBe(0);
    expect(twins.close().faults).toEqual(['hello_from_both_sides']);
    const late = new Bench().read(0, FLIGHT).read(0, HELLO);
    expect(late.session.clientSide).toBe(1);
    expect(late.close()).toMatchObject({ clientHello: null, faults: ['hello_from_both_sides'] });
    const two = new Bench().read(0, HELLO).read(1, tls.handshake(tls.serverHello()), hello13());
    expect(two.close().faults).toEqual(['second_server_hello']);
    function hello13(): Uint8Array {
      return tls.handshake(tls.serverHello({ isTls13: true }));
    }
  });

  it('reports a hello whose lists are broken', () => {
    const bytes = tls.clientHello();
    bytes.set([0, 0], 4 + 2 + 32 + 1);
    expect(new Bench().read(0, tls.handshake(bytes)).close().faults[0]).toMatch(/^client_hello_/);
  });

  it('ends when one side talks without end', () => {
    const flood = new Bench().read(0, HELLO);
    const requests = tls.record(22, new Uint8Array(4 * MAX_HISTORY));
    flood.read(1, requests);
    expect(flood.session.isFinished).toBe(true);
    expect(flood.close().history.length).toBe(MAX_HISTORY);
    const empty = new Bench().read(0, HELLO);
    const many = joinBytes(...Array.from({ length: 1000 }, () => tls.record(22, new Uint8Array(0))));
    for (let n = 0; n <= MAX_SESSION_BYTES; n += many.length) empty.read(1, many);
    expect(empty.session.isFinished).toBe(true);
  });

  it('neither throws nor keeps a buffer, and gives clean facts', () => {
    const shapes = new HelloShapeCache();
    const known = fc.constantFrom(
      HELLO,
      FLIGHT,
      tls.changeCipherSpec,
      tls.encryptedFinished,
      tls.applicationData(60),
      tls.alert(1, 112),
      tls.handshake(tls.serverHello({ isTls13: true })),
      tls.sslv2ClientHello(0x0002),
      tls.sslv2ServerHello(tls.certificate('x')),
      tls.sslv2ClientMasterKey,
    );
    const changed = fc
      .tuple(known, fc.nat(400), fc.nat(255))
      .map(([bytes, at, value]) => bytes.with(at % bytes.length, value));
    const framed = fc
      .tuple(fc.nat(25), fc.uint8Array({ maxLength: 60 }))
      .map(([type, body]) => tls.handshake(tls.message(type, body)));
    const piece = fc.oneof(known, changed, framed, fc.uint8Array({ maxLength: 40 }));
    const step = fc.record({ side: fc.constantFrom<0 | 1>(0, 1), piece, cut: fc.nat(12), gap: fc.nat(12) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const bench = new Bench(shapes);
        for (const { side, piece: bytes, cut, gap } of steps) {
          bench.read(side, bytes.slice(0, bytes.length - Math.min(cut, bytes.length)));
          if (gap > 9) bench.gap(side, gap, gap === 11);
        }
        const seen = bench.close();
        expect(seen.history.length).toBeLessThanOrEqual(MAX_HISTORY);
        expect(new Set(seen.faults).size).toBe(seen.faults.length);
        expect(seen.certVisibility === 'clear').toBe(seen.serverCertificates !== null);
      }),
      { numRuns: 1000 },
    );
  });
});
