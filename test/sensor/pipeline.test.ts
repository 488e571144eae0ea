import { describe, expect, it } from 'vitest';
import { MAX_PROBED_BYTES } from '../../src/sensor/limits.ts';
import * as damage from '../../tools/make-pcap/damage.ts';
import { joinBytes } from '../../tools/make-pcap/packet-writer.ts';
import { type ConversationOptions, type Segment, TcpConversation } from '../../tools/make-pcap/tcp-conversation.ts';
import { PipelineBench, type SeenHandshake } from '../support/pipeline-bench.ts';
import * as tls from '../support/tls-bytes.ts';

const ENDS = {
  client: { ip: '192.0.2.10', port: 50_123, mac: '02:00:5e:00:00:0a' },
  server: { ip: '198.51.100.7', port: 8443, mac: '02:00:5e:00:00:0b' },
};
const HELLO = tls.handshake(tls.clientHello({ serverName: 'server.example' }));
const CERTIFICATE = tls.certificateMessage(
  tls.certificate('server.example', 'issuer.example'),
  // Large enough for several segments.
  tls.certificate('i'.repeat(4000)),
);
const FLIGHT = tls.handshake(tls.serverHello(), CERTIFICATE, tls.serverKeyExchange, tls.serverHelloDone);
const ANSWER = joinBytes(tls.handshake(tls.clientKeyExchange), tls.changeCipherSpec, tls.encryptedFinished);
const END = joinBytes(tls.changeCipherSpec, tls.encryptedFinished);

function begin(options: Partial<ConversationOptions> = {}): TcpConversation {
  return new TcpConversation({ ...ENDS, clientIsn: 100, serverIsn: 500, ...options });
}

/** A whole handshake of TLS 1.2, some data and the end of the connection. */
function talk12(options: Partial<ConversationOptions> = {}): TcpConversation {
  const talk = begin(options).open().send('client', HELLO).send('server', FLIGHT);
  talk.send('client', ANSWER).send('server', END);
  return talk.send('client', tls.applicationData(500)).send('server', tls.applicationData(5000)).close('client');
}

function run(talk: TcpConversation, segments: readonly Segment[] = talk.segments): readonly SeenHandshake[] {
  return new PipelineBench().read(talk.toPackets(segments)).finish();
}

/** What must be the same whatever the network did. */
function essence({ handshake, connection }: SeenHandshake): unknown {
  return {
    client: `${connection.srcIp}:${connection.srcPort}`,
    server: `${connection.destIp}:${connection.destPort}`,
    name: handshake.clientHello?.serverName,
    ja3: handshake.clientHello?.shape.ja3,
    suite: handshake.serverHello?.cipherSuite,
    subjects: handshake.serverCertificates?.certificates.map((c) => c.sha256),
    visibility: handshake.certVisibility,
    isEstablished: handshake.isEstablished,
    faults: handshake.faults,
  };
}

const CLEAN = essence(run(talk12())[0]!);

describe('Pipeline: a handshake as it should be', () => {
  it('becomes one event, with the connection around it', () => {
    const talk = talk12();
    const bench = new PipelineBench();
    bench.pipeline.begin('a.pcap');
    const seen = bench.read(talk.toPackets(talk.segments, { vlans: [17] })).finish();
    expect(seen.length).toBe(1);
    const { connection, handshake, captureFile, seq } = seen[0]!;
    expect(connection).toMatchObject({
      srcIp: '192.0.2.10',
      srcPort: 50_123,
      srcMac: '02:00:5e:00:00:0a',
      destIp: '198.51.100.7',
      destPort: 8443,
      destMac: '02:00:5e:00:00:0b',
      vlanId: 17,
      transport: 'tcp',
      networkInterface: 'mirror0',
      flowId: 1,
      isReset: false,
      serverRttUs: 8000,
      clientRttUs: 45,
      bytesIn: HELLO.length + ANSWER.length,
      bytesOut: FLIGHT.length + END.length,
      missingPacketsIn: 0,
      missingPacketsOut: 0,
      overlapConflicts: 0,
    });
    expect(handshake).toMatchObject({
      history: 'CsxknGIFif',
      certVisibility: 'clear',
      isEstablished: true,
      faults: [],
    });
    expect(handshake.serverCertificates!.certificates.length).toBe(2);
    expect([captureFile, seq]).toEqual(['a.pcap', 0]);
    expect(bench.pipeline.counters).toMatchObject({ handshakes: 1, chains: 1, certificates: 2, notTls: 0 });
  });

  it('leaves as soon as it is over, and not before', () => {
    const bench = new PipelineBench();
    const talk = talk12();
    const last = talk.segments.findIndex((s) => Buffer.from(s.payload).equals(END));
    bench.read(talk.toPackets(talk.segments.slice(0, last)));
    expect(bench.seen.length).toBe(0);
    bench.read(talk.toPackets(talk.segments.slice(last, last + 1)));
    expect(bench.seen.length).toBe(1);
  });

  it('is the same whoever opened the connection and whoever has the lower address', () => {
    const swapped = talk12({ client: ENDS.server, server: ENDS.client });
    expect(run(swapped)[0]!.connection).toMatchObject({ srcIp: '198.51.100.7', destIp: '192.0.2.10' });
    // The TLS client is whoever sends the ClientHello, as on the data connection of FTP.
    const reversed = begin({ client: ENDS.server, server: ENDS.client })
      .open()
      .send('server', HELLO)
      .send('client', FLIGHT);
    expect(run(reversed)[0]!.connection).toMatchObject({ srcIp: '192.0.2.10', destIp: '198.51.100.7' });
  });

  it('has the number of its own flow', () => {
    const [one, two] = [talk12(), talk12({ client: { ...ENDS.client, port: 50_124 } })];
    const seen = new PipelineBench().read(damage.mergeByTime(one.toPackets(), two.toPackets())).finish();
    expect(seen.map((s) => s.connection.flowId).toSorted((a, b) => a - b)).toEqual([1, 2]);
    expect(seen.map((s) => s.seq)).toEqual([0, 1]);
  });

  it('is read over IPv6', () => {
    const talk = talk12({ client: { ip: '2001:db8::a', port: 1 }, server: { ip: '2001:db8::b', port: 2 } });
    expect(run(talk)[0]!.connection).toMatchObject({ srcIp: '2001:db8::a', destIp: '2001:db8::b' });
  });
});

describe('Pipeline: a handshake that the network hurt', () => {
  const talk = talk12();
  const { segments } = talk;
  const lastFour = segments.slice(-4);

  it.each<[string, readonly Segment[]]>([
    ['every packet twice', damage.duplicateAll(segments)],
    ['every packet twice, behind a router', damage.duplicateAll(segments, 1)],
    ['segments of the certificate in reverse order', damage.reverseData(segments, 'server', 0, 3)],
    ['a retransmission', damage.retransmitData(segments, 'server', 1)],
    ['an overlap', damage.overlapData(segments, 'server', 0, 100)],
    ['pieces of seven bytes', damage.splitData(damage.splitData(segments, 'server', 7), 'client', 7)],
    ['pieces of one byte', damage.splitData(damage.splitData(segments, 'server', 1), 'client', 1)],
    ['no opening', damage.withoutOpening(segments)],
    ['checksums of zero', damage.offloadChecksums(segments, 'server', 0)],
    ['no end', segments.slice(0, -lastFour.length)],
  ])('is the same with %s', (_, hurt) => {
    const seen = run(talk, hurt);
    expect(seen.map(essence)).toEqual([CLEAN]);
  });

  it('is the same where the sequence numbers wrap', () => {
    for (const isn of [0x7fff_fff0, 0xffff_fff0]) {
      const wrapping = talk12({ clientIsn: isn, serverIsn: isn });
      const hurt = damage.reverseData(damage.splitData(wrapping.segments, 'server', 5), 'server', 0, 20);
      expect(run(wrapping, hurt).map(essence)).toEqual([CLEAN]);
    }
  });

  it('shows the first bytes where an overlap differs, and counts it', () => {
    const swapped = damage.swapData(
      damage.overlapData(segments, 'server', 0, 50, (b) => b.map((x) => x ^ 1)),
      'server',
      0,
    );
    const [seen] = run(talk, swapped);
    expect(seen!.connection.overlapConflicts).toBe(50);
  });

  it('says that the certificate is lost when a segment of it is', () => {
    const [seen, ...more] = run(talk, damage.loseData(segments, 'server', 1));
    expect(more).toEqual([]);
    expect(seen!.handshake).toMatchObject({ certVisibility: 'lost', lostServerBytes: 1460, lostClientBytes: 0 });
    expect(seen!.connection).toMatchObject({ missingPacketsOut: 1, missingPacketsIn: 0 });
    expect(seen!.handshake.clientHello!.serverName).toBe('server.example');
  });

  it('says that the certificate is truncated when the snap length cut it', () => {
    const [seen, ...more] = new PipelineBench().read(damage.snapPackets(talk.toPackets(), 256)).finish();
    expect(more).toEqual([]);
    expect(seen!.handshake).toMatchObject({ certVisibility: 'truncated', isEstablished: true });
    expect(seen!.handshake.serverHello).not.toBeNull();
  });

  it('is told by one side alone', () => {
    const [client, ...rest] = run(talk, damage.onlyFrom(segments, 'client'));
    expect(rest).toEqual([]);
    expect(client!.handshake).toMatchObject({ serverHello: null, history: 'CGID' });
    const [server] = run(talk, damage.onlyFrom(segments, 'server'));
    expect(server!.connection).toMatchObject({ srcPort: 50_123, destPort: 8443 });
    expect(server!.handshake).toMatchObject({ clientHello: null, certVisibility: 'clear' });
  });

  it('is told apart from the next one on the same five-tuple', () => {
    const next = talk12({ clientIsn: 90_000, serverIsn: 80_000, startNs: talk.nowNs + 1_000_000n });
    const cut = segments.slice(0, -4);
    const seen = new PipelineBench().read([...talk.toPackets(cut), ...next.toPackets()]).finish();
    expect(seen.map(essence)).toEqual([CLEAN, CLEAN]);
    expect(seen.map((s) => s.connection.flowId)).toEqual([1, 2]);
  });

  it('is told when a reset ends it', () => {
    const [seen] = run(begin().open().send('client', HELLO).reset('server'));
    expect(seen!.connection.isReset).toBe(true);
    expect(seen!.handshake).toMatchObject({ history: 'C', isEstablished: false });
  });

  it('is told when its flow is evicted, and the counters add up', () => {
    const bench = new PipelineBench({ maxFlows: 1 });
    const other = talk12({ client: { ...ENDS.client, port: 60_000 } });
    bench.read(begin().open().send('client', HELLO).toPackets()).read(other.toPackets());
    expect(bench.finish().map((s) => s.handshake.history)).toEqual(['C', 'CsxknGIFif']);
    const { counters } = bench.pipeline.tracker;
    expect(counters.evicted + counters.closed + counters.reset + counters.idle).toBe(counters.flows);
  });
});

describe('Pipeline: TLS behind something else', () => {
  it('finds it after a dialogue in clear text', () => {
    const talk = begin()
      .open()
      .send('server', Buffer.from('220 ready\r\n'))
      .send('client', Buffer.from('STARTTLS\r\n'));
    talk.send('server', Buffer.from('220 go ahead\r\n')).send('client', HELLO).send('server', FLIGHT);
    talk.send('client', ANSWER).send('server', END);
    expect(run(talk).map(essence)).toEqual([CLEAN]);
  });

  it.each([
    ['text', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n')],
    ['binary', Buffer.from('0d0a0d0a000d0a515549540a2111000c000000000000000000000000', 'hex')],
  ])('finds it behind a PROXY header in %s form', (_, header) => {
    for (const first of [[joinBytes(header, HELLO)], [header, HELLO]]) {
      const talk = begin().open();
      for (const bytes of first) talk.send('client', bytes);
      talk.send('server', FLIGHT).send('client', ANSWER).send('server', END);
      expect(run(talk).map(essence)).toEqual([CLEAN]);
    }
  });

  it('tells the hello inside of frames, and nothing that their headers tear', () => {
    const frame = (bytes: Uint8Array) =>
      joinBytes(Uint8Array.of(0x82, 0x7e, bytes.length >> 8, bytes.length & 255), bytes);
    const talk = begin()
      .open()
      .send('client', frame(HELLO))
      .send('server', frame(FLIGHT.slice(0, 1000)));
    const seen = run(talk.send('server', frame(FLIGHT.slice(1000))));
    expect(seen.map(({ handshake }) => handshake.history)).toEqual(['C']);
    const serverOnly = run(
      begin()
        .open()
        .send('server', frame(tls.handshake(tls.serverHello({ isTls13: true })))),
    );
    expect(serverOnly[0]!.handshake).toMatchObject({ history: 's', certVisibility: 'encrypted_tls13' });
  });

  it('says nothing of a hello that frames tore', () => {
    const torn = joinBytes(Uint8Array.of(0x82, 0x7e, 0, 0), HELLO.slice(0, 30), Buffer.alloc(4, 0x7e), HELLO.slice(30));
    expect(run(begin().open().send('client', torn))).toEqual([]);
  });

  it('gives up what is not TLS after some bytes, and counts it', () => {
    const bench = new PipelineBench();
    const talk = begin().open();
    for (let sent = 0; sent <= MAX_PROBED_BYTES; sent += 1460) talk.send('server', Buffer.alloc(1460, 'x'));
    expect(bench.read(talk.send('client', HELLO).toPackets()).finish()).toEqual([]);
    expect(bench.pipeline.counters.notTls).toBe(1);
  });

  it('is not misled by what only begins like a handshake', () => {
    const talk = begin()
      .open()
      .send('client', Buffer.of(0x16))
      .send('client', Buffer.from('text'))
      .send('client', HELLO);
    talk.send('server', FLIGHT).send('client', ANSWER).send('server', END);
    expect(run(talk).map(essence)).toEqual([CLEAN]);
  });

  it('counts what is neither TCP nor broken', () => {
    const bench = new PipelineBench();
    expect(bench.read([{ tsNs: 0n, bytes: new Uint8Array(60) }]).finish()).toEqual([]);
    expect(bench.pipeline.tracker.counters.packets).toBe(0);
  });
});
