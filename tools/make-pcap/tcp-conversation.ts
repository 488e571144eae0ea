/**
 * One TCP connection between a client and a server, built step by step, as a well-behaved capture shows it.
 *
 *     const talk = new TcpConversation({ client: { ip: '192.0.2.10', port: 50123 }, server: { ip: '198.51.100.7', port: 443 } });
 *     talk.open();                          // SYN, SYN-ACK, ACK
 *     talk.send('client', clientHello);     // segments of at most one MSS, each second one acknowledged
 *     talk.send('server', flight);
 *     talk.close('client');                 // FIN, FIN, ACK
 *     writeFileSync('x.pcap', buildPcap(talk.toPackets()));
 *
 * A `Segment` has absolute sequence numbers and stands for itself, so a list of them may be reordered, cut and repeated: see
 * `damage.ts`, and hand the result to `toPackets`. Nothing is random: numbers come from the `seed`, times from the clock of
 * the conversation, which only `advance`, `at` and the steps themselves move.
 *
 * Deliberately not simulated: congestion, window scaling arithmetic, SACK blocks, timestamps options. The sensor looks at
 * none of them.
 */

import type { WirePacket } from './capture-writer.ts';
import { buildIp, buildLink, buildTcp, joinBytes, LinkType, Tcp } from './packet-writer.ts';
import { seededRandom } from './seeded-random.ts';

export type Side = 'client' | 'server';

interface Endpoint {
  readonly ip: string;
  readonly port: number;
  /** A locally administered address by side unless set. */
  readonly mac?: string;
}

export interface ConversationOptions {
  readonly client: Endpoint;
  readonly server: Endpoint;
  /** Nanoseconds since 1970 of the first packet; 2026-11-03 09:00 UTC unless set. */
  readonly startNs?: bigint;
  /** Round trip between the two, as the handshake shows it; 8 ms unless set. */
  readonly rttNs?: bigint;
  /** Initial sequence numbers, taken from `seed` unless set; 0xffff_fff0 makes the numbers wrap. */
  readonly clientIsn?: number;
  readonly serverIsn?: number;
  readonly seed?: string;
  /** Payload bytes of a full segment; 1460 over IPv4 and 1440 over IPv6 unless set. */
  readonly mss?: number;
}

export interface Segment {
  readonly from: Side;
  readonly tsNs: bigint;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly ipId: number;
  readonly window?: number;
  readonly options?: Uint8Array;
  /** Hops already behind it: a mirror of a routed link shows a packet twice with different TTLs. */
  readonly hops?: number;
  /** Written instead of the right TCP checksum, as checksum offload does on the sender's own capture. */
  readonly checksum?: number;
}

export interface PacketOptions {
  readonly linkType?: LinkType;
  /** VLAN ids, outermost first. */
  readonly vlans?: readonly number[];
  readonly iface?: number;
  readonly pad?: boolean;
}

/** 2026-11-03 09:00:00 UTC. */
export const DEFAULT_START_NS = 1_793_696_400_000_000_000n;

/** 1500 bytes of a full segment at 1 Gbit/s, about. */
const SEGMENT_GAP_NS = 12_000n;
/** How long a receiver on a local network takes to acknowledge. */
const ACK_GAP_NS = 45_000n;

const CLIENT_MAC = '02:00:5e:10:00:01';
const SERVER_MAC = '02:00:5e:20:00:01';

/** Receive window of about 64 KiB: as a SYN says it, and divided by the scale of 2^7 afterwards (RFC 7323 2.3). */
const SYN_WINDOW = 64_240;
const SCALED_WINDOW = 502;

/** SACK permitted, no-operation, window scale 7: what Linux sends beside its MSS. */
const SYN_EXTRAS = Uint8Array.of(4, 2, 1, 3, 3, 7);

export class TcpConversation {
  readonly options: ConversationOptions;
  readonly segments: Segment[] = [];
  readonly mss: number;
  #nowNs: bigint;
  /** The next sequence number of either side. */
  readonly #next: Record<Side, number>;
  readonly #ipId: Record<Side, number>;

  constructor(options: ConversationOptions) {
    this.options = options;
    const random = seededRandom(options.seed ?? `${options.client.ip}:${options.client.port}`);
    this.#next = { client: options.clientIsn ?? random(), server: options.serverIsn ?? random() };
    this.#ipId = { client: random() & 0xffff, server: random() & 0xffff };
    this.#nowNs = options.startNs ?? DEFAULT_START_NS;
    this.mss = options.mss ?? (options.client.ip.includes(':') ? 1440 : 1460);
  }

  get nowNs(): bigint {
    return this.#nowNs;
  }

  /** Sequence number that `side` sends next. */
  nextSeq(side: Side): number {
    return this.#next[side];
  }

  advance(ns: bigint): this {
    this.#nowNs += ns;
    return this;
  }

  /** Moves the clock to `tsNs`, never backwards. */
  at(tsNs: bigint): this {
    if (tsNs > this.#nowNs) this.#nowNs = tsNs;
    return this;
  }

  /** SYN, SYN-ACK, ACK. The observer stands near the client: the first gap is the round trip. */
  open(): this {
    const options = joinBytes(Uint8Array.of(2, 4, this.mss >> 8, this.mss & 0xff), SYN_EXTRAS);
    this.emit('client', Tcp.Syn, { options });
    this.advance(this.options.rttNs ?? 8_000_000n);
    this.emit('server', Tcp.Syn | Tcp.Ack, { options });
    this.advance(ACK_GAP_NS);
    this.emit('client', Tcp.Ack);
    return this.advance(ACK_GAP_NS);
  }

  /** `bytes` in segments of one MSS; the last one has PSH. The other side acknowledges each second one, and the last. */
  send(from: Side, bytes: Uint8Array): this {
    for (let at = 0, n = 1; at < bytes.length; at += this.mss, n++) {
      const isLast = at + this.mss >= bytes.length;
      this.emit(from, isLast ? Tcp.Psh | Tcp.Ack : Tcp.Ack, { payload: bytes.slice(at, at + this.mss) });
      this.advance(SEGMENT_GAP_NS);
      if (isLast || n % 2 === 0) this.acknowledge(otherSide(from));
    }
    return this;
  }

  /** A segment without payload from `from`. */
  acknowledge(from: Side): this {
    this.advance(ACK_GAP_NS).emit(from, Tcp.Ack);
    return this.advance(SEGMENT_GAP_NS);
  }

  /** One side's FIN and the answer to it; with both sides' calls the connection is closed in order. */
  halfClose(from: Side): this {
    this.emit(from, Tcp.Fin | Tcp.Ack);
    return this.acknowledge(otherSide(from));
  }

  /** FIN by `from`, FIN by the other, and the last ACK. */
  close(from: Side): this {
    this.emit(from, Tcp.Fin | Tcp.Ack);
    this.advance(ACK_GAP_NS).emit(otherSide(from), Tcp.Fin | Tcp.Ack);
    return this.acknowledge(from);
  }

  reset(from: Side): this {
    this.emit(from, Tcp.Rst | Tcp.Ack, { window: 0 });
    return this;
  }

  /** One segment at the clock's time with the right numbers, any part of it overridden. Moves the sender's numbers on. */
  emit(from: Side, flags: number, changes: Partial<Segment> = {}): Segment {
    const peer = otherSide(from);
    const segment: Segment = {
      from,
      tsNs: this.#nowNs,
      seq: this.#next[from],
      ack: (flags & Tcp.Ack) === 0 ? 0 : this.#next[peer],
      flags,
      payload: new Uint8Array(0),
      ipId: this.#ipId[from],
      ...changes,
    };
    this.segments.push(segment);
    this.#ipId[from] = (this.#ipId[from] + 1) & 0xffff;
    this.#next[from] = (segment.seq + sequenceLen(segment)) >>> 0;
    return segment;
  }

  /** The segments (or a damaged list of them) as packets, in the list's order. */
  toPackets(segments: readonly Segment[] = this.segments, options: PacketOptions = {}): WirePacket[] {
    return segments.map((segment) => this.#toPacket(segment, options));
  }

  #toPacket(segment: Segment, options: PacketOptions): WirePacket {
    const isClient = segment.from === 'client';
    const { client, server } = this.options;
    const [src, dst] = isClient ? [client, server] : [server, client];
    const clientMac = client.mac ?? CLIENT_MAC;
    const serverMac = server.mac ?? SERVER_MAC;
    const window = segment.flags & Tcp.Syn ? SYN_WINDOW : SCALED_WINDOW;
    const fields = { srcPort: src.port, dstPort: dst.port, window, ...segment };
    const tcp = buildTcp(src.ip, dst.ip, fields, segment.payload);
    const ttl = 64 - (segment.hops ?? 0);
    const ip = buildIp({ src: src.ip, dst: dst.ip, protocol: 6, id: segment.ipId, ttl }, tcp);
    const [srcMac, dstMac] = isClient ? [clientMac, serverMac] : [serverMac, clientMac];
    const bytes = buildLink(options.linkType ?? LinkType.Ethernet, { srcMac, dstMac, ...options }, ip);
    return { tsNs: segment.tsNs, bytes, iface: options.iface ?? 0 };
  }
}

export function otherSide(side: Side): Side {
  return side === 'client' ? 'server' : 'client';
}

/** How far a segment moves the sequence number: SYN and FIN count one each (RFC 9293 3.4). */
export function sequenceLen(segment: Segment): number {
  return segment.payload.length + (segment.flags & Tcp.Syn ? 1 : 0) + (segment.flags & Tcp.Fin ? 1 : 0);
}
