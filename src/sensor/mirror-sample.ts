/**
 * A look at the traffic of an interface for some seconds: what comes, of whom, in which directions, and what is missing. Counts only;
 * mirror-check.ts judges them.
 *
 *     block ─> Decoder ─> TcpTracker ─> directions, gaps, share of TLS
 *                   └──> RepeatDetector
 *
 * Streams are followed to their end and not, as by a pipeline, until their handshake is done: so gaps are those of all bytes.
 */
import { randomInt } from 'node:crypto';
import type { CaptureInterface, PacketBlock } from '../capture/packet-source.ts';
import { Decoder } from '../decode/decode-packet.ts';
import { Drop } from '../decode/drop.ts';
import { Frame, IpProtocol } from '../decode/frame.ts';
import { STRIDE, Word } from '../flow/flow-table.ts';
import { FlowEnd, type GapReason, type Side, type StreamHandler, Want } from '../flow/stream-handler.ts';
import { TcpTracker } from '../flow/tcp-tracker.ts';
import { looksLikeRecord, Probe, probeTls } from '../tls/probe.ts';
import { RepeatDetector } from './repeat-detector.ts';

/** LINKTYPE_ETHERNET. */
const ETHERNET = 1;
const ETHERNET_HEADER = 14;
/** Two VLAN tags, which are not part of the MTU. */
const TAGS = 8;
/** 12-bit numbers; one more for packets without. */
const VLANS = 4096;
/** A flow of fewer packets says nothing about its other direction. */
const TELLING_PACKETS = 3;
/** EtherTypes of ERSPAN in GRE: type I and II, and III (draft-foschiano-erspan-03). */
const ERSPAN_TYPES: readonly number[] = [0x88be, 0x22eb];
const QUIC_PORT = 443;
/** Bit of `Word.Scratch`: a TLS record was seen. */
const IS_TLS = 1;

/** What is known of the interface when the sample is taken. */
export interface SampledInterface {
  readonly mtu: number;
  /** Twelve lower-case digits. */
  readonly mac: string;
}

export interface MirrorSample {
  readonly seconds: number;
  readonly packets: number;
  readonly bytes: number;
  /** By destination address: to all or many; to or from this interface itself. The others are of somebody else: mirrored. */
  readonly groupPackets: number;
  readonly ownPackets: number;
  /** Bytes of the largest frame, link header included. */
  readonly largestFrame: number;
  /** Frames longer than the MTU allows: several packets merged. */
  readonly mergedFrames: number;
  /** Frames that are shorter than their IP header says. */
  readonly cutFrames: number;
  /** By number; those without a tag are not among them. */
  readonly vlans: ReadonlyMap<number, number>;
  /** Packets by how decoding ended, indexed by `Drop`. */
  readonly decoded: readonly number[];
  /** Of those in GRE. */
  readonly erspanPackets: number;
  /** Payload bytes. */
  readonly tlsBytes: number;
  readonly tcpBytes: number;
  readonly quicBytes: number;
  readonly udpBytes: number;
  readonly tlsFlows: number;
  /** TCP flows with data, and packets enough to tell; and those of them of which one side only was seen. */
  readonly tellingFlows: number;
  readonly oneWayFlows: number;
  readonly gapBytes: number;
  readonly streamBytes: number;
  readonly comparedPackets: number;
  readonly repeatedPackets: number;
}

export class MirrorSampler implements StreamHandler {
  readonly #decoder = new Decoder();
  readonly #tracker = new TcpTracker(this, { seed: randomInt(2 ** 32) });
  readonly #repeats = new RepeatDetector();
  readonly #frame = new Frame();
  readonly #mac: Uint8Array;
  readonly #longest: number;
  readonly #vlans = new Float64Array(VLANS + 1);
  #packets = 0;
  #bytes = 0;
  #groupPackets = 0;
  #ownPackets = 0;
  #largestFrame = 0;
  #mergedFrames = 0;
  #cutFrames = 0;
  #erspanPackets = 0;
  #tcpBytes = 0;
  #tlsBytes = 0;
  #udpBytes = 0;
  #quicBytes = 0;
  #tlsFlows = 0;
  #tellingFlows = 0;
  #oneWayFlows = 0;

  constructor({ mtu, mac }: SampledInterface) {
    this.#mac = Uint8Array.from(Buffer.from(mac, 'hex'));
    this.#longest = mtu + ETHERNET_HEADER + TAGS;
  }

  read(block: PacketBlock, interfaces: readonly CaptureInterface[]): void {
    for (let i = 0; i < block.count; i++) {
      const at = block.at[i]!;
      const wireLen = block.wireLen[i]!;
      this.#packet(
        interfaces[block.iface[i]!]!.linkType,
        block.buf,
        at,
        at + block.capLen[i]!,
        wireLen,
        block.tsUs[i]!,
      );
    }
  }

  /** Ends all flows and gives what was counted. `seconds`: how long it took. */
  finish(seconds: number): MirrorSample {
    this.#tracker.finish(FlowEnd.CaptureEnd);
    const { gapBytes, streamBytes } = this.#tracker.counters;
    const vlans = new Map<number, number>();
    for (let id = 0; id < VLANS; id++) if (this.#vlans[id]! > 0) vlans.set(id, this.#vlans[id]!);
    return {
      seconds,
      packets: this.#packets,
      bytes: this.#bytes,
      groupPackets: this.#groupPackets,
      ownPackets: this.#ownPackets,
      largestFrame: this.#largestFrame,
      mergedFrames: this.#mergedFrames,
      cutFrames: this.#cutFrames,
      vlans,
      decoded: [...this.#decoder.counters],
      erspanPackets: this.#erspanPackets,
      tlsBytes: this.#tlsBytes,
      tcpBytes: this.#tcpBytes,
      quicBytes: this.#quicBytes,
      udpBytes: this.#udpBytes,
      tlsFlows: this.#tlsFlows,
      tellingFlows: this.#tellingFlows,
      oneWayFlows: this.#oneWayFlows,
      gapBytes,
      streamBytes,
      comparedPackets: this.#repeats.compared,
      repeatedPackets: this.#repeats.repeats,
    };
  }

  onBytes(slot: number, _side: Side, buf: Uint8Array, at: number, end: number): Want {
    const { words } = this.#tracker.table;
    const scratch = slot * STRIDE + Word.Scratch;
    if (words[scratch] !== IS_TLS && (probeTls(buf, at, end) === Probe.Certain || looksLikeRecord(buf, at, end))) {
      words[scratch] = IS_TLS;
    }
    return Want.More;
  }

  onGap(_slot: number, _side: Side, _missing: number, _reason: GapReason): Want {
    return Want.More;
  }

  onEnd(slot: number, _why: FlowEnd): void {
    const { words } = this.#tracker.table;
    const base = slot * STRIDE;
    const bytes = (words[base + Word.BytesA]! >>> 0) + (words[base + Word.BytesA + 1]! >>> 0);
    if (bytes === 0) return;
    if (words[base + Word.Scratch] === IS_TLS) {
      this.#tlsFlows += 1;
      this.#tlsBytes += bytes;
    }
    const packetsA = words[base + Word.PacketsA]!;
    const packetsB = words[base + Word.PacketsA + 1]!;
    if (packetsA + packetsB < TELLING_PACKETS) return;
    this.#tellingFlows += 1;
    if (packetsA === 0 || packetsB === 0) this.#oneWayFlows += 1;
  }

  #packet(linkType: number, buf: Uint8Array, at: number, end: number, wireLen: number, tsUs: number): void {
    this.#packets += 1;
    this.#bytes += wireLen;
    if (wireLen > this.#largestFrame) this.#largestFrame = wireLen;
    if (wireLen > this.#longest) this.#mergedFrames += 1;
    if (linkType === ETHERNET) this.#countAddress(buf, at, end);
    const frame = this.#frame;
    const drop = this.#decoder.decode(linkType, buf, at, end, wireLen, (tsUs / 1e6) | 0, frame);
    if (drop === Drop.TunnelGre && linkType === ETHERNET && isErspan(buf, at, end)) this.#erspanPackets += 1;
    if (drop !== Drop.Decoded) return;
    this.#vlans[frame.vlanId < 0 ? VLANS : frame.vlanId]! += 1;
    if (frame.payloadLen > frame.payloadEnd - frame.payloadAt) this.#cutFrames += 1;
    this.#repeats.read(frame, tsUs);
    if (frame.protocol === IpProtocol.Tcp) {
      this.#tcpBytes += frame.payloadLen;
      this.#tracker.advance(tsUs);
      this.#tracker.packet(frame);
    } else {
      this.#udpBytes += frame.payloadLen;
      if (isQuic(frame)) this.#quicBytes += frame.payloadLen;
    }
  }

  #countAddress(buf: Uint8Array, at: number, end: number): void {
    if (end - at < ETHERNET_HEADER) return;
    if ((buf[at]! & 1) === 1) this.#groupPackets += 1;
    else if (isSame(buf, at, this.#mac) || isSame(buf, at + 6, this.#mac)) this.#ownPackets += 1;
  }
}

function isSame(buf: Uint8Array, at: number, mac: Uint8Array): boolean {
  for (let i = 0; i < mac.length; i++) if (buf[at + i] !== mac[i]) return false;
  return mac.length > 0;
}

/** On its usual port, by the bit that each of its packets has (RFC 9000 17.2, 17.3). */
function isQuic({ buf, payloadAt, payloadEnd, srcPort, dstPort }: Frame): boolean {
  if (srcPort !== QUIC_PORT && dstPort !== QUIC_PORT) return false;
  return payloadAt < payloadEnd && (buf[payloadAt]! & 0x40) !== 0;
}

/** GRE in plain IPv4, which the decoder does not open: the type behind its flags (RFC 2784 2). */
function isErspan(buf: Uint8Array, at: number, end: number): boolean {
  let header = at + ETHERNET_HEADER;
  while (header + 4 <= end && buf[header - 2] === 0x81 && buf[header - 1] === 0) header += 4;
  const gre = header + 4 * ((buf[header] ?? 0) & 0x0f);
  if (gre + 4 > end) return false;
  return ERSPAN_TYPES.includes((buf[gre + 2]! << 8) | buf[gre + 3]!);
}
