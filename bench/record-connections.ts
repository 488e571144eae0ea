/**
 * Real TLS connections on the loopback address, told again as packets of a network of their own.
 *
 *     client ── recorder ── server        one process: Node's `tls` on both ends, a certificate by server name
 *        └── bytes and times ──> TcpConversation ──> packets
 *
 * Segments carry the timestamps option, as nearly all TCP does today (RFC 7323), so a full one has 1448 bytes over IPv4. Keys
 * are new on every run; addresses, ports and the order of connections are the same.
 */
import { once } from 'node:events';
import tls from 'node:tls';
import type { WirePacket } from '../tools/make-pcap/capture-writer.ts';
import { joinBytes, Tcp } from '../tools/make-pcap/packet-writer.ts';
import { LOOPBACK, listen, type RunClient, type StartServer } from '../tools/make-pcap/peer.ts';
import { recordMeeting, retell } from '../tools/make-pcap/recorder.ts';
import { seededRandom } from '../tools/make-pcap/seeded-random.ts';
import { DEFAULT_START_NS, type Segment, type TcpConversation } from '../tools/make-pcap/tcp-conversation.ts';
import { type PacketList, toPacketList } from './packet-list.ts';
import type { ServerCertificate } from './server-certificates.ts';

export interface RecordingOptions {
  readonly connections: number;
  /** Size of the answer to every request. */
  readonly answerBytes: number;
  /** Between the beginnings of two connections. */
  readonly gapNs: bigint;
  /** `plain` is TLS 1.2 with a certificate only; `mixed` has TLS 1.3, resumption, connections without a name, and IPv6. */
  readonly mix: 'plain' | 'mixed';
}

export interface Recording {
  readonly packets: PacketList;
  readonly handshakes: number;
  /** Handshakes that show a certificate. */
  readonly chains: number;
}

/** Of a thousand connections: TLS 1.3, pairs of which the second resumes, and no server name. */
const TLS13 = 80;
const RESUMED = 80;
const UNNAMED = 20;
const IPV6_OF_TEN = 1;

const CLIENT_HOSTS = 32;
const SERVER_HOSTS = 8;
/** First of the ephemeral ports (RFC 6335 6). */
const FIRST_PORT = 49_152;
const PORTS = 16_000;

/** An answer is made of this many bytes at most per write, as a server reads them from a file. */
const WRITE_BYTES = 64 * 1024;

/** What one client saw of its handshake. */
interface Outcome {
  isIpv6: boolean;
  showsCertificate: boolean;
}

export async function recordConnections(
  certificates: readonly ServerCertificate[],
  options: RecordingOptions,
): Promise<Recording> {
  const random = seededRandom('bench');
  const outcomes: Outcome[] = [];
  const clients: RunClient[] = [];
  while (clients.length < options.connections) {
    const { serverName } = certificates[random() % certificates.length]!;
    const isIpv6 = options.mix === 'mixed' && random() % 10 < IPV6_OF_TEN;
    const draw = options.mix === 'mixed' ? random() % 1000 : 999;
    const add = (request: tls.ConnectionOptions, prepare?: () => tls.ConnectionOptions, keep?: KeepSession) =>
      clients.push(async (port) => {
        const outcome = await visit(port, { ...request, ...prepare?.() }, keep);
        outcomes.push({ isIpv6, showsCertificate: outcome });
      });
    const tls12 = { servername: serverName, maxVersion: 'TLSv1.2' } as const;
    if (draw < TLS13) add({ servername: serverName, minVersion: 'TLSv1.3' });
    else if (draw < TLS13 + RESUMED && clients.length + 2 <= options.connections) {
      let session: Buffer | undefined;
      add(tls12, undefined, (kept) => {
        session = kept;
      });
      add(tls12, () => (session === undefined ? {} : { session }));
    } else if (draw < TLS13 + RESUMED + UNNAMED) add({ maxVersion: 'TLSv1.2' });
    else add(tls12);
  }
  const connections = await recordMeeting(startServer(certificates, options.answerBytes), clients);
  if (connections.length !== outcomes.length) {
    throw new Error(`${outcomes.length} clients left ${connections.length} connections`);
  }
  const packets: WirePacket[] = [];
  for (const [i, connection] of connections.entries()) {
    const { isIpv6 } = outcomes[i]!;
    const client = `::${(1 + (i % CLIENT_HOSTS)).toString(16)}`;
    const talk = retell(connection, {
      client: {
        ip: isIpv6 ? `2001:2:0:0:1${client}` : `198.18.0.${1 + (i % CLIENT_HOSTS)}`,
        port: FIRST_PORT + (Math.floor(i / CLIENT_HOSTS) % PORTS),
      },
      server: { ip: isIpv6 ? `2001:2::${1 + (i % SERVER_HOSTS)}` : `198.19.0.${1 + (i % SERVER_HOSTS)}`, port: 443 },
      startNs: DEFAULT_START_NS + BigInt(i) * options.gapNs - connection.openedNs,
      rttNs: BigInt(2_000_000 + (random() % 10_000_000)),
      mss: isIpv6 ? 1428 : 1448,
    });
    packets.push(...talk.toPackets(withTimestamps(talk)));
  }
  const chains = outcomes.filter(({ showsCertificate }) => showsCertificate).length;
  return { packets: toPacketList(packets), handshakes: connections.length, chains };
}

type KeepSession = (session: Buffer) => void;

/** Connects, asks, reads the answer to its end. True where the handshake showed a certificate. */
async function visit(port: number, options: tls.ConnectionOptions, keep?: KeepSession): Promise<boolean> {
  const socket = tls.connect({
    host: LOOPBACK,
    port,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    ...options,
  });
  if (keep) socket.on('session', keep);
  let showsCertificate = false;
  socket.on('secureConnect', () => {
    showsCertificate = socket.getProtocol() === 'TLSv1.2' && !socket.isSessionReused();
    const host = options.servername ?? 'localhost';
    socket.write(
      `GET / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
    );
  });
  socket.resume();
  // A failure ends the making of the input: a workload with fewer handshakes than it says would measure something else.
  await once(socket, 'close');
  return showsCertificate;
}

/** One server for all names. */
function startServer(certificates: readonly ServerCertificate[], answerBytes: number): StartServer {
  const contexts = new Map(
    certificates.map((c) => [c.serverName, tls.createSecureContext({ cert: c.cert, key: c.key })]),
  );
  const { cert, key } = certificates[0]!;
  const head = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${answerBytes}\r\nConnection: close\r\n\r\n`);
  const body = Buffer.alloc(answerBytes, 'spanglass ');
  return () => {
    const server = tls.createServer(
      {
        cert,
        key,
        ALPNProtocols: ['http/1.1'],
        SNICallback: (name, found) => found(null, contexts.get(name)),
      },
      (socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => {
          socket.write(head);
          for (let at = 0; at < body.length; at += WRITE_BYTES) socket.write(body.subarray(at, at + WRITE_BYTES));
          socket.end();
        });
      },
    );
    return listen(server);
  };
}

/** The conversation's segments with a timestamps option each: 12 bytes, milliseconds, and the other side's last one. */
function withTimestamps(talk: TcpConversation): Segment[] {
  const last = { client: 0, server: 0 };
  // What both sides announce is the size without options (RFC 6691 2).
  const announced = talk.mss + 12;
  const opening = Uint8Array.of(2, 4, announced >> 8, announced & 0xff, 4, 2);
  const scale = Uint8Array.of(1, 3, 3, 7);
  return talk.segments.map((segment) => {
    const isSyn = (segment.flags & Tcp.Syn) !== 0;
    const now = Number((segment.tsNs / 1_000_000n) & 0xffff_ffffn);
    last[segment.from] = now;
    const echo = (segment.flags & Tcp.Ack) === 0 ? 0 : last[segment.from === 'client' ? 'server' : 'client'];
    const option = new DataView(new ArrayBuffer(10));
    option.setUint16(0, 0x080a);
    option.setUint32(2, now);
    option.setUint32(6, echo);
    const timestamps = new Uint8Array(option.buffer);
    const options = isSyn ? joinBytes(opening, timestamps, scale) : joinBytes(Uint8Array.of(1, 1), timestamps);
    return { ...segment, options };
  });
}
