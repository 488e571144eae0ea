/**
 * The way of a packet, wired: decode, flow, TLS, certificates, score, and out to a sink as the facts of one handshake.
 *
 *     block ─> Decoder ─> TcpTracker ─> TlsSession ─> ChainCache
 *                                           │             │
 *                                           └── Scorer <──┘ ─> HandshakeSink
 *
 * A flow costs a session only once its bytes look like TLS. Before that its first bytes are looked at segment by segment, up
 * to a cap, so that TLS that begins late (after STARTTLS, behind a proxy's answer) is found by content as well.
 */
import { randomInt } from 'node:crypto';
import type { FlowShunt } from '../capture/flow-shunt.ts';
import type { CaptureInterface, PacketBlock } from '../capture/packet-source.ts';
import { Decoder } from '../decode/decode-packet.ts';
import { Drop } from '../decode/drop.ts';
import { Frame, IpProtocol } from '../decode/frame.ts';
import type { ConnectionFacts, EventFacts } from '../event/event-facts.ts';
import { actionOf } from '../event/handshake-part.ts';
import { STRIDE, State, TIMES, Time, Word } from '../flow/flow-table.ts';
import { FlowEnd, GapReason, type Side, type StreamHandler, Want } from '../flow/stream-handler.ts';
import { TcpTracker, type TcpTrackerOptions } from '../flow/tcp-tracker.ts';
import { NO_FINDING, type ScoringMode } from '../score/score.ts';
import { Scorer } from '../score/score-handshake.ts';
import { Handshake } from '../tls/handshake.ts';
import { HelloShapeCache } from '../tls/hello-shape-cache.ts';
import { MessageBuffers } from '../tls/message-buffers.ts';
import { findHello, skipProxyHeader } from '../tls/probe.ts';
import type { SessionContext } from '../tls/session.ts';
import type { Chain } from '../x509/certificate.ts';
import { AddressTexts } from './address-text.ts';
import { CertificateReader } from './certificate-reader.ts';
import { countIn, HandshakeCounters } from './counters.ts';
import type { HandshakeSink } from './handshake-sink.ts';
import { MAX_ASSEMBLY_BYTES, MAX_PROBED_BYTES } from './limits.ts';
import { TrackedSession } from './tracked-session.ts';

const NO_MACS = ['', ''] as const;

/**
 * Told once of each connection that needs no further packet: its handshake is done, it carries no TLS, or it is over its budget. The key
 * is the flow table's: `addrA` and `addrB` are indexes into `words`, of four words each, an IPv4 address in the first; `ports` has that of
 * `a` in its upper half. The sequence numbers of the SYNs are there where both were seen. Borrowed for the call.
 */
export type FlowDone = FlowShunt['finish'];

/** Tells flows' time where packets come live. In a replay the time is the packets' own. */
export interface FlowClock {
  /** The second in flows' time of a packet of this second. Both are whole numbers modulo 2^32. */
  secondOf(packetSecond: number): number;
  /** The second at hand when no packet waits; null before the first packet. */
  idleSecond(): number | null;
}

export interface PipelineOptions extends Partial<TcpTrackerOptions> {
  readonly scoring: ScoringMode;
  readonly onFlowDone?: FlowDone;
  readonly clock?: FlowClock;
  /** Payload bytes of one direction after which a flow is done with, as the shunt's own budget; absent: none. */
  readonly flowBudgetBytes?: number;
}

export class Pipeline implements StreamHandler {
  readonly decoder: Decoder = new Decoder();
  readonly tracker: TcpTracker;
  readonly certificates: CertificateReader = new CertificateReader();
  readonly counters: HandshakeCounters = new HandshakeCounters();
  /** Decoded packets that are no TCP: nothing reads them yet. */
  udpPackets = 0;

  readonly #sink: HandshakeSink;
  #scorer: Scorer;
  readonly #onFlowDone: FlowDone | null;
  readonly #clock: FlowClock | null;
  readonly #flowBudgetBytes: number;
  readonly #frame = new Frame();
  readonly #context: SessionContext<Chain>;
  readonly #sessions: (TrackedSession | undefined)[] = [];
  /** Slots that have a session, in the order in which these began. */
  readonly #active = new Set<number>();
  readonly #facts: EventFacts;
  readonly #addresses = new AddressTexts();
  #interfaces: readonly CaptureInterface[] = [];
  /** Interface of the packet at hand. */
  #iface = 0;
  #seq = 0;

  constructor(sink: HandshakeSink, options: PipelineOptions) {
    this.#sink = sink;
    this.#scorer = new Scorer(options.scoring);
    this.#onFlowDone = options.onFlowDone ?? null;
    this.#clock = options.clock ?? null;
    this.#flowBudgetBytes = options.flowBudgetBytes ?? Number.POSITIVE_INFINITY;
    this.tracker = new TcpTracker(this, { seed: randomInt(2 ** 32), ...options });
    this.#context = {
      shapes: new HelloShapeCache(),
      buffers: new MessageBuffers(),
      readCertificates: (buf, at, end) => this.certificates.readList(buf, at, end),
      readBareCertificate: (buf, at, end) => this.certificates.readBare(buf, at, end),
    };
    this.#facts = {
      connection: emptyConnection(),
      handshake: new Handshake<Chain>(),
      score: NO_FINDING,
      captureFile: '',
      seq: 0,
    };
  }

  /** Bytes lent to handshake messages that are not whole yet. */
  get assemblyBytes(): number {
    return this.#context.buffers.lentBytes;
  }

  /** All packets of a block, in order. */
  read(block: PacketBlock, interfaces: readonly CaptureInterface[]): void {
    const { buf, count, at, capLen, wireLen, tsUs, iface } = block;
    const frame = this.#frame;
    const { decoder, tracker } = this;
    const clock = this.#clock;
    this.#interfaces = interfaces;
    let current = -1;
    let linkType = 0;
    let second = 0;
    // The second at hand, in microseconds: nearly every packet falls into the one of the packet before it.
    let secondUs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      if (iface[i] !== current) {
        current = iface[i]!;
        linkType = interfaces[current]!.linkType;
        this.#iface = current;
      }
      const nowUs = tsUs[i]!;
      if (!(nowUs >= secondUs && nowUs < secondUs + 1e6)) {
        secondUs = Math.floor(nowUs / 1e6) * 1e6;
        second = (secondUs / 1e6) | 0;
        if (clock !== null) second = clock.secondOf(second);
        tracker.tick(second);
      }
      const start = at[i]!;
      const drop = decoder.decode(linkType, buf, start, start + capLen[i]!, wireLen[i]!, second, frame);
      if (drop !== Drop.Decoded) continue;
      if (frame.protocol !== IpProtocol.Tcp) {
        this.udpPackets += 1;
        continue;
      }
      tracker.nowUs = nowUs;
      tracker.packet(frame);
    }
  }

  /** No packet waits: flows that were idle for too long end all the same. Only where there is a clock. */
  tick(): void {
    const second = this.#clock?.idleSecond() ?? null;
    if (second !== null) this.tracker.tick(second);
  }

  /** From the next handshake on. */
  setScoring(mode: ScoringMode): void {
    if (mode !== this.#scorer.mode) this.#scorer = new Scorer(mode);
  }

  /** Begins a capture: its events carry this name, and no flow of the one before goes on. */
  begin(captureFile: string): void {
    this.#facts.captureFile = captureFile;
  }

  /** Ends all flows; what they have becomes events. */
  finish(): void {
    this.tracker.finish(FlowEnd.CaptureEnd);
    this.tracker.rewind();
  }

  onBytes(slot: number, side: Side, buf: Uint8Array, at: number, end: number): Want {
    let tracked = this.#sessions[slot];
    let from = at;
    if (tracked === undefined) {
      const start = skipProxyHeader(buf, at, end);
      from = start < end ? findHello(buf, start, end) : -1;
      if (from < 0) return this.#notYet(slot, end - at);
      tracked = this.#track(slot, side, from > start);
    }
    tracked.tls.read(side, buf, from, end, this.tracker.nowUs);
    return tracked.isEmbedded ? this.#afterEmbedded(slot, side, tracked) : this.#afterRead(slot, side, tracked);
  }

  onGap(slot: number, side: Side, missing: number, reason: GapReason): Want {
    const tracked = this.#sessions[slot];
    if (tracked === undefined) return Want.More;
    tracked.tls.gap(side, missing, reason === GapReason.Snapped, this.tracker.nowUs);
    return this.#afterRead(slot, side, tracked);
  }

  onEnd(slot: number, why: FlowEnd): void {
    const tracked = this.#sessions[slot];
    if (tracked === undefined) return;
    this.#forget(slot);
    const handshake = tracked.tls.close();
    if (tracked.tls.hasHello) this.#emit(slot, tracked, handshake, why);
  }

  /** A session for bytes that begin a handshake, or may. */
  #track(slot: number, side: Side, isEmbedded: boolean): TrackedSession {
    const frame = this.#frame;
    const [receiverMac, senderMac] = frame.macAt >= 0 ? this.#addresses.macs(frame.packet, frame.macAt) : NO_MACS;
    const tracked = new TrackedSession(
      this.#context,
      this.tracker.table.words[slot * STRIDE + Word.Number]! >>> 0,
      frame.vlanId,
      senderMac,
      receiverMac,
      side,
      this.#interfaces[this.#iface]!.name,
      isEmbedded,
    );
    this.#sessions[slot] = tracked;
    this.#active.add(slot);
    return tracked;
  }

  /** Bytes that begin no handshake: some are allowed, since TLS may begin later. */
  #notYet(slot: number, sizeBytes: number): Want {
    const at = slot * STRIDE + Word.Scratch;
    const probed = this.tracker.table.words[at]! + sizeBytes;
    this.tracker.table.words[at] = probed;
    if (probed <= MAX_PROBED_BYTES) return Want.More;
    this.counters.notTls += 1;
    return this.#doneWith(slot);
  }

  /**
   * What frames TLS goes on framing it: the answer to a framed client hello is no record, and the certificate behind a framed
   * server hello would be torn. So the session ends there. A hello that can't be read was torn itself, and is no hello.
   */
  #afterEmbedded(slot: number, side: Side, tracked: TrackedSession): Want {
    const { clientHello, serverHello } = tracked.tls.handshake;
    if ((clientHello ?? serverHello)?.fault !== '') {
      tracked.tls.close();
      this.#forget(slot);
      return this.#notYet(slot, 1);
    }
    if (clientHello !== null && !tracked.tls.hasBadRecord) return this.#afterRead(slot, side, tracked);
    this.onEnd(slot, FlowEnd.Closed);
    return this.#doneWith(slot);
  }

  #afterRead(slot: number, side: Side, tracked: TrackedSession): Want {
    if (tracked.tls.isFinished) {
      this.onEnd(slot, FlowEnd.Closed);
      return this.#doneWith(slot);
    }
    if (tracked.tls.isMistaken) {
      // It looked like a handshake and is none. The flow may still become one.
      tracked.tls.close();
      this.#forget(slot);
      return this.#notYet(slot, 1);
    }
    if (this.#context.buffers.lentBytes > MAX_ASSEMBLY_BYTES) this.#makeRoom(slot);
    if (this.tracker.table.words[slot * STRIDE + Word.BytesA + side]! < this.#flowBudgetBytes) return Want.More;
    // The kernel hands on no more of this direction.
    this.onEnd(slot, FlowEnd.Closed);
    return this.#doneWith(slot);
  }

  #doneWith(slot: number): typeof Want.Nothing {
    if (this.#onFlowDone === null) return Want.Nothing;
    const { words, times } = this.tracker.table;
    const base = slot * STRIDE;
    const isV6 = (words[base + Word.State]! & State.IsV6) !== 0;
    const [addrA, addrB, ports] = [base + Word.AddrA, base + Word.AddrB, words[base + Word.Ports]!];
    // A direction whose SYN was not seen begins with its first data: that is no number of a SYN.
    if (times[slot * TIMES + Time.Syn]! >= 0 && times[slot * TIMES + Time.SynAck]! >= 0) {
      this.#onFlowDone(isV6, words, addrA, addrB, ports, words[base + Word.IsnA], words[base + Word.IsnA + 1]);
    } else this.#onFlowDone(isV6, words, addrA, addrB, ports);
    return Want.Nothing;
  }

  /** Half-finished messages add up to too much: the handshakes that began first are let go, but not the one at hand. */
  #makeRoom(current: number): void {
    for (const slot of this.#active) {
      if (this.#context.buffers.lentBytes <= MAX_ASSEMBLY_BYTES) return;
      if (slot !== current) this.tracker.evict(slot);
    }
  }

  #forget(slot: number): void {
    this.#sessions[slot] = undefined;
    this.#active.delete(slot);
  }

  #emit(slot: number, tracked: TrackedSession, handshake: Handshake<Chain>, why: FlowEnd): void {
    const facts = this.#facts;
    this.#fillConnection(facts.connection, slot, tracked, handshake, why);
    facts.handshake = handshake;
    const chain = handshake.serverCertificates;
    const leaf = chain?.certificates[0] ?? null;
    const serverName = handshake.clientHello?.serverName ?? '';
    const action = actionOf(handshake, facts.connection.isReset);
    facts.score = this.#scorer.score(leaf, serverName, facts.connection.destPort, action);
    facts.seq = this.#seq++;
    this.#count(handshake, facts.score.level);
    this.#sink.onHandshake(facts);
  }

  #count(handshake: Handshake<Chain>, level: string): void {
    const { counters } = this;
    counters.handshakes += 1;
    countIn(counters.byVersion, handshake.serverHello?.version ?? -1);
    countIn(counters.byVisibility, handshake.certVisibility);
    countIn(counters.byLevel, level);
    for (const chain of [handshake.serverCertificates, handshake.clientCertificates]) {
      if (chain === null) continue;
      counters.chains += 1;
      counters.certificates += chain.certificates.length;
    }
    for (const fault of handshake.faults) countIn(counters.faults, fault);
  }

  #fillConnection(
    connection: ConnectionFacts,
    slot: number,
    tracked: TrackedSession,
    handshake: Handshake<Chain>,
    why: FlowEnd,
  ): void {
    const { words, times } = this.tracker.table;
    const base = slot * STRIDE;
    const isV6 = (words[base + Word.State]! & State.IsV6) !== 0;
    const client: Side = tracked.tls.clientSide === 1 ? 1 : 0;
    const server: Side = client === 0 ? 1 : 0;
    const ports = words[base + Word.Ports]!;
    const clientAt = base + Word.AddrA + 4 * client;
    const serverAt = base + Word.AddrA + 4 * server;
    connection.srcIp = isV6 ? this.#addresses.ipv6(words, clientAt) : this.#addresses.ipv4(words[clientAt]!);
    connection.destIp = isV6 ? this.#addresses.ipv6(words, serverAt) : this.#addresses.ipv4(words[serverAt]!);
    connection.srcPort = client === 0 ? ports >>> 16 : ports & 0xffff;
    connection.destPort = client === 0 ? ports & 0xffff : ports >>> 16;
    const isClientSender = tracked.senderSide === client;
    connection.srcMac = isClientSender ? tracked.senderMac : tracked.receiverMac;
    connection.destMac = isClientSender ? tracked.receiverMac : tracked.senderMac;
    connection.vlanId = tracked.vlanId;
    connection.networkInterface = tracked.networkInterface;
    connection.flowId = tracked.flowId;
    connection.firstUs = times[slot * TIMES + Time.First]!;
    connection.lastUs = handshake.lastUs;
    connection.bytesIn = words[base + Word.BytesA + client]! >>> 0;
    connection.bytesOut = words[base + Word.BytesA + server]! >>> 0;
    connection.packetsIn = words[base + Word.PacketsA + client]!;
    connection.packetsOut = words[base + Word.PacketsA + server]!;
    connection.duplicatePacketsIn = words[base + Word.DuplicatesA + client]!;
    connection.duplicatePacketsOut = words[base + Word.DuplicatesA + server]!;
    connection.missingPacketsIn = words[base + Word.GapsA + client]!;
    connection.missingPacketsOut = words[base + Word.GapsA + server]!;
    connection.overlapConflicts = words[base + Word.Conflicts]!;
    const synUs = times[slot * TIMES + Time.Syn]!;
    const synAckUs = times[slot * TIMES + Time.SynAck]!;
    const ackUs = times[slot * TIMES + Time.Ack]!;
    connection.serverRttUs = synUs >= 0 && synAckUs >= synUs ? synAckUs - synUs : -1;
    connection.clientRttUs = synAckUs >= 0 && ackUs >= synAckUs ? ackUs - synAckUs : -1;
    connection.isReset = why === FlowEnd.Reset || (words[base + Word.State]! & State.Reset) !== 0;
  }
}

function emptyConnection(): ConnectionFacts {
  return {
    srcIp: '',
    srcPort: 0,
    destIp: '',
    destPort: 0,
    srcMac: '',
    destMac: '',
    vlanId: -1,
    transport: 'tcp',
    networkInterface: '',
    firstUs: 0,
    lastUs: 0,
    bytesIn: 0,
    bytesOut: 0,
    packetsIn: 0,
    packetsOut: 0,
    missingPacketsIn: 0,
    missingPacketsOut: 0,
    duplicatePacketsIn: 0,
    duplicatePacketsOut: 0,
    serverRttUs: -1,
    clientRttUs: -1,
    overlapConflicts: 0,
    flowId: -1,
    isReset: false,
  };
}
