/**
 * The shunt's rules once more, in another language and another shape: a whole packet is read first, then judged. Compared with the
 * kernel's programs packet by packet.
 */

import type { Verdict } from './shunt-lab.ts';

interface Side {
  bytes: number;
  next: number | null;
  isn: number | null;
}

interface Flow {
  readonly sides: [Side, Side];
  packets: number;
}

interface Finish {
  readonly isns: readonly [number, number] | null;
  isVerified: boolean;
}

interface Read {
  readonly protocol: number;
  /** Where the transport header is. */
  readonly at: number;
  /** Bytes from there on, by the IP header. */
  readonly length: number;
  readonly source: Uint8Array;
  readonly target: Uint8Array;
}

const VLAN_TYPES = new Set([0x8100, 0x88a8, 0x9100, 0x9200]);
const TUNNEL_PORTS = new Set([2152, 3544, 4789, 6081, 37_008]);
const LATE_WINDOW = 0x100000;

export class ShuntModel {
  readonly #budgetBytes: number;
  readonly #youngPackets: number;
  /** Bytes at the packet's beginning that the kernel's length leaves out. */
  readonly #hidden: number;
  readonly #flows = new Map<string, Flow>();
  readonly #finished = new Map<string, Finish>();

  constructor(budgetBytes: number, youngPackets: number, hidden: number) {
    this.#budgetBytes = budgetBytes;
    this.#youngPackets = youngPackets;
    this.#hidden = hidden;
  }

  finish(source: Uint8Array, sourcePort: number, target: Uint8Array, targetPort: number, isns: Finish['isns']): void {
    this.#finished.set(keyOf(source, sourcePort, target, targetPort).key, { isns, isVerified: false });
  }

  judge(packet: Uint8Array): Verdict {
    const frameLen = packet.length - this.#hidden;
    const read = readIp(packet, frameLen);
    if (read?.protocol === 6) return this.#judgeTcp(packet, read, frameLen);
    if (read?.protocol === 17) return judgeUdp(packet, read);
    return 'passed';
  }

  #judgeTcp(packet: Uint8Array, read: Read, frameLen: number): Verdict {
    if (packet.length < read.at + 20) return 'passed';
    const view = new DataView(packet.buffer, packet.byteOffset + read.at, 20);
    const headerLen = (view.getUint8(12) >> 4) * 4;
    if (headerLen < 20 || headerLen > read.length) return 'passed';
    const { key, side } = keyOf(read.source, view.getUint16(0), read.target, view.getUint16(2));
    const flags = view.getUint8(13);
    const seq = view.getUint32(4);
    const hasAck = (flags & 0x10) !== 0;
    if ((flags & 0x02) !== 0) this.#begin(key, side, seq, hasAck ? view.getUint32(8) : null);
    if ((flags & 0x07) !== 0) return 'passed';
    if (this.#isFinished(key)) return 'finished';

    const flow = this.#flows.get(key);
    const claimed = read.length - headerLen;
    if (claimed === 0) {
      if (flow === undefined || !hasAck) return 'passed';
      if (flow.packets >= this.#youngPackets) return 'empty_ack';
      flow.packets += 1;
      return 'passed';
    }
    const length = Math.min(claimed, Math.max(frameLen - read.at - headerLen, 0));
    if (length === 0) return 'passed';
    const end = (seq + length) >>> 0;
    if (flow === undefined) {
      const fresh: Flow = { sides: [newSide(), newSide()], packets: 1 };
      fresh.sides[side] = { bytes: length, next: end, isn: null };
      this.#flows.set(key, fresh);
      return 'passed';
    }
    const own = flow.sides[side];
    const ahead = own.next === null ? length : (end - own.next) | 0;
    const isLate = ahead <= 0 && ahead > -LATE_WINDOW;
    if (!isLate) {
      if (own.bytes >= this.#budgetBytes) return 'budget';
      own.bytes += ahead > 0 ? Math.min(ahead, length) : length;
      own.next = end;
    }
    flow.packets += 1;
    return 'passed';
  }

  #begin(key: string, side: 0 | 1, seq: number, ack: number | null): void {
    this.#finished.delete(key);
    const flow = this.#flows.get(key);
    if (flow === undefined) return;
    const otherSide = side === 0 ? 1 : 0;
    const other = flow.sides[otherSide];
    const isAnswered = ack !== null && other.isn !== null && ack === (other.isn + 1) >>> 0;
    flow.sides[side] = { bytes: 0, next: null, isn: seq };
    flow.sides[otherSide] = { bytes: 0, next: null, isn: isAnswered ? other.isn : null };
    flow.packets = 0;
  }

  #isFinished(key: string): boolean {
    const finish = this.#finished.get(key);
    if (finish === undefined) return false;
    if (finish.isVerified) return true;
    const sides = this.#flows.get(key)?.sides ?? [];
    const isVoid = sides.some(({ isn }, i) => isn !== null && (finish.isns === null || finish.isns[i]! >>> 0 !== isn));
    if (isVoid) this.#finished.delete(key);
    else finish.isVerified = true;
    return !isVoid;
  }
}

function newSide(): Side {
  return { bytes: 0, next: null, isn: null };
}

function judgeUdp(packet: Uint8Array, { at, length }: Read): Verdict {
  if (packet.length < at + 8) return 'passed';
  const view = new DataView(packet.buffer, packet.byteOffset + at);
  const udpLen = view.getUint16(4);
  if (udpLen < 8 || udpLen > length) return 'passed';
  if (view.getUint16(0) >= 1024 && TUNNEL_PORTS.has(view.getUint16(2))) return 'passed';
  if (udpLen < 15) return 'udp';
  if (packet.length < at + 13) return 'passed';
  const first = view.getUint8(8);
  const version = view.getUint32(9);
  const isQuicVersion = [0, 1, 0x6b3343cf].includes(version) || version >>> 8 === 0xff0000;
  const isQuic = first >= 0xc0 || (first >= 0x80 && isQuicVersion);
  const isDtls = first >= 20 && first <= 26 && view.getUint8(9) === 0xfe;
  return isQuic || isDtls ? 'passed' : 'udp';
}

function readIp(packet: Uint8Array, frameLen: number): Read | null {
  if (packet.length < 14) return null;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  let at = 14;
  let type = view.getUint16(12);
  for (let tags = 0; tags < 3 && VLAN_TYPES.has(type); tags++) {
    if (packet.length < at + 4) return null;
    type = view.getUint16(at + 2);
    at += 4;
  }
  if (type === 0x0800) return readIpv4(packet, view, at, frameLen);
  return type === 0x86dd ? readIpv6(packet, view, at, frameLen) : null;
}

function readIpv4(packet: Uint8Array, view: DataView, at: number, frameLen: number): Read | null {
  if (packet.length < at + 20) return null;
  const headerLen = (packet[at]! & 15) * 4;
  if (packet[at]! >> 4 !== 4 || headerLen < 20 || (view.getUint16(at + 6) & 0x3fff) !== 0) return null;
  const totalLen = view.getUint16(at + 2) || (frameLen - at) >>> 0;
  if (totalLen < headerLen) return null;
  return {
    protocol: packet[at + 9]!,
    at: at + headerLen,
    length: totalLen - headerLen,
    source: packet.subarray(at + 12, at + 16),
    target: packet.subarray(at + 16, at + 20),
  };
}

function readIpv6(packet: Uint8Array, view: DataView, headerAt: number, frameLen: number): Read | null {
  if (packet.length < headerAt + 40 || packet[headerAt]! >> 4 !== 6) return null;
  let at = headerAt + 40;
  let length = view.getUint16(headerAt + 4) || (frameLen - at) >>> 0;
  let protocol = packet[headerAt + 6]!;
  for (let i = 0; i < 4 && [0, 43, 60].includes(protocol); i++) {
    if (packet.length < at + 2) return null;
    const extensionLen = (packet[at + 1]! + 1) * 8;
    if (extensionLen > length) return null;
    protocol = packet[at]!;
    at += extensionLen;
    length -= extensionLen;
  }
  const source = packet.subarray(headerAt + 8, headerAt + 24);
  return { protocol, at, length, source, target: packet.subarray(headerAt + 24, headerAt + 40) };
}

/** The lower endpoint first, by signed words as in the flow table. */
function keyOf(
  source: Uint8Array,
  sourcePort: number,
  target: Uint8Array,
  targetPort: number,
): { key: string; side: 0 | 1 } {
  const words = (address: Uint8Array): number[] => {
    const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
    return Array.from({ length: address.length / 4 }, (_, i) => view.getInt32(4 * i));
  };
  const own = words(source);
  const other = words(target);
  const first = own.findIndex((word, i) => word !== other[i]);
  const isLower = first < 0 ? sourcePort <= targetPort : own[first]! < other[first]!;
  const ends = [`${own.join('.')}:${sourcePort}`, `${other.join('.')}:${targetPort}`];
  return { key: (isLower ? ends : ends.toReversed()).join('-'), side: isLower ? 0 : 1 };
}
