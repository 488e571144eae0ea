/**
 * New captures from good ones: one packet damaged among whole ones, TCP and IP header fields that lie, packets lost, doubled, late,
 * cut by a snap length, fragmented, and two captures in one. The file itself stays well-formed most of the time, so that the damage gets
 * past the capture room.
 */
import { type CapturedPacket, writeCapture } from './captured-packets.ts';
import type { Mutator } from './fuzz-target.ts';
import { mutateBytes } from './mutate.ts';
import type { Random } from './random.ts';

const MAX_STEPS = 4;
const MAX_PACKETS = 96;
const ETHERNET = 1;

/** A mutator over these captures. The seeds it is given are files; it takes one in eight inputs from them as they are. */
export function captureMutator(captures: readonly (readonly CapturedPacket[])[]): Mutator {
  return (random, seeds, maxBytes) => {
    if (random.oneIn(8)) return mutateBytes(random, seeds, maxBytes);
    const packets = random.pick(captures).slice();
    for (let steps = 1 + random.below(MAX_STEPS); steps > 0; steps--) random.pick(STEPS)(random, packets, captures);
    const file = writeCapture(packets.slice(0, MAX_PACKETS), random);
    return file.length > maxBytes ? file.subarray(0, maxBytes) : file;
  };
}

type Step = (random: Random, packets: CapturedPacket[], captures: readonly (readonly CapturedPacket[])[]) => void;

const STEPS: readonly Step[] = [
  damagePacket,
  damagePacket,
  changeTcp,
  changeTcp,
  changeTcp,
  changeIp,
  losePacket,
  losePacket,
  doublePacket,
  delayPacket,
  reverse,
  cutPacket,
  fragment,
  splitSegment,
  changeTime,
  merge,
];

function damagePacket(random: Random, packets: CapturedPacket[]): void {
  change(random, packets, (packet) => ({ ...packet, bytes: mutateBytes(random, [packet.bytes], 16_384) }));
}

/** Sequence and acknowledgement numbers, flags, ports, header length. */
function changeTcp(random: Random, packets: CapturedPacket[]): void {
  change(random, packets, (packet) => {
    const tcpAt = tcpHeaderOf(packet);
    if (tcpAt < 0) return packet;
    const bytes = packet.bytes.slice();
    const view = new DataView(bytes.buffer);
    const numberAt = tcpAt + (random.oneIn(2) ? 4 : 8);
    switch (random.below(5)) {
      case 0:
        view.setUint32(
          numberAt,
          view.getUint32(numberAt) + random.pick([1, -1, 2, -2, 100, -100, 1460, -1460, 65_536]),
        );
        break;
      case 1:
        view.setUint32(numberAt, random.pick([0, 0xffff_ffff, 0x7fff_ffff, 0x8000_0000, random.u32()]));
        break;
      case 2:
        bytes[tcpAt + 13] = random.oneIn(2) ? random.below(64) : bytes[tcpAt + 13]! ^ (1 << random.below(5));
        break;
      case 3:
        view.setUint16(tcpAt + 2 * random.below(2), random.pick([0, 443, 49_152, random.below(65_536)]));
        break;
      default:
        bytes[tcpAt + 12] = random.below(16) << 4;
    }
    return { ...packet, bytes };
  });
}

/** Version, lengths, fragment fields, protocol. */
function changeIp(random: Random, packets: CapturedPacket[]): void {
  change(random, packets, (packet) => {
    const ipAt = ipHeaderOf(packet);
    if (ipAt < 0) return packet;
    const bytes = packet.bytes.slice();
    const at = ipAt + random.pick([0, 2, 3, 4, 5, 6, 7, 9]);
    if (at < bytes.length) bytes[at] = random.oneIn(2) ? random.below(256) : bytes[at]! + random.pick([1, 255, 8, 248]);
    return { ...packet, bytes };
  });
}

function losePacket(random: Random, packets: CapturedPacket[]): void {
  packets.splice(random.below(packets.length), 1 + random.below(random.oneIn(4) ? 8 : 1));
}

function doublePacket(random: Random, packets: CapturedPacket[]): void {
  if (packets.length === 0) return;
  const packet = random.pick(packets);
  packets.splice(random.below(packets.length + 1), 0, packet);
}

function delayPacket(random: Random, packets: CapturedPacket[]): void {
  const [packet] = packets.splice(random.below(packets.length), 1);
  if (packet !== undefined) packets.splice(random.below(packets.length + 1), 0, packet);
}

function reverse(random: Random, packets: CapturedPacket[]): void {
  const at = random.below(packets.length);
  const part = packets.slice(at, at + 2 + random.below(8)).toReversed();
  packets.splice(at, part.length, ...part);
}

/** As a snap length would: the length on the wire stays. */
function cutPacket(random: Random, packets: CapturedPacket[]): void {
  change(random, packets, (packet) => {
    const bytes = packet.bytes.subarray(0, random.below(packet.bytes.length + 1));
    return { ...packet, bytes, wireLen: random.oneIn(8) ? random.u32() : packet.wireLen };
  });
}

/** An IPv4 packet in pieces, in any order, one of them twice now and then. */
function fragment(random: Random, packets: CapturedPacket[]): void {
  if (packets.length === 0) return;
  const index = random.below(packets.length);
  const packet = packets[index]!;
  const ipAt = ipHeaderOf(packet);
  if (ipAt < 0 || packet.bytes[ipAt]! >> 4 !== 4) return;
  const dataAt = ipAt + (packet.bytes[ipAt]! & 15) * 4;
  const dataLen = packet.bytes.length - dataAt;
  if (dataLen < 16) return;
  const step = 8 * (1 + random.below(Math.ceil(dataLen / 16)));
  const pieces: CapturedPacket[] = [];
  for (let from = 0; from < dataLen; from += step) {
    const to = Math.min(dataLen, from + step + (random.oneIn(8) ? 8 : 0));
    const bytes = new Uint8Array(dataAt + to - from);
    bytes.set(packet.bytes.subarray(0, dataAt));
    bytes.set(packet.bytes.subarray(dataAt + from, dataAt + to), dataAt);
    const view = new DataView(bytes.buffer);
    view.setUint16(ipAt + 2, bytes.length - ipAt);
    view.setUint16(ipAt + 6, (from >> 3) | (to < dataLen ? 0x2000 : 0));
    pieces.push({ ...packet, bytes, wireLen: bytes.length });
    if (random.oneIn(8)) pieces.push(pieces.at(-1)!);
    if (pieces.length >= 16) break;
  }
  if (random.oneIn(2)) reverse(random, pieces);
  packets.splice(index, 1, ...pieces);
}

/** One TCP segment as two, which meet, overlap or leave a hole. */
function splitSegment(random: Random, packets: CapturedPacket[]): void {
  if (packets.length === 0) return;
  const index = random.below(packets.length);
  const packet = packets[index]!;
  const ipAt = ipHeaderOf(packet);
  const tcpAt = tcpHeaderOf(packet);
  if (tcpAt < 0 || packet.bytes[ipAt]! >> 4 !== 4) return;
  const dataAt = tcpAt + Math.max(5, packet.bytes[tcpAt + 12]! >> 4) * 4;
  const dataLen = packet.bytes.length - dataAt;
  if (dataLen < 2) return;
  const cut = 1 + random.below(dataLen - 1);
  const from = Math.max(0, Math.min(dataLen - 1, cut + random.pick([0, 0, 0, -1, 1, -8, 8])));
  const parts = [segment(packet, ipAt, tcpAt, dataAt, 0, cut), segment(packet, ipAt, tcpAt, dataAt, from, dataLen)];
  if (random.oneIn(4)) parts[1]!.bytes[dataAt] = random.below(256);
  packets.splice(index, 1, ...(random.oneIn(3) ? parts.toReversed() : parts));
}

function segment(
  packet: CapturedPacket,
  ipAt: number,
  tcpAt: number,
  dataAt: number,
  from: number,
  to: number,
): CapturedPacket {
  const bytes = new Uint8Array(dataAt + to - from);
  bytes.set(packet.bytes.subarray(0, dataAt));
  bytes.set(packet.bytes.subarray(dataAt + from, dataAt + to), dataAt);
  const view = new DataView(bytes.buffer);
  view.setUint16(ipAt + 2, bytes.length - ipAt);
  view.setUint32(tcpAt + 4, view.getUint32(tcpAt + 4) + from);
  return { ...packet, bytes, wireLen: bytes.length };
}

/** From one packet on: a moment, past the timeouts, back, or another century. */
function changeTime(random: Random, packets: CapturedPacket[]): void {
  const jump = random.pick([200_000, 31e6, 70e6, -1e6, -1e9, 2e15]);
  for (let i = random.below(packets.length); i < packets.length; i++) {
    const packet = packets[i]!;
    packets[i] = { ...packet, tsUs: Math.min(4_294_967_295e6, Math.max(0, packet.tsUs + jump)) };
  }
}

/** Packets of another capture in between. */
function merge(random: Random, packets: CapturedPacket[], captures: readonly (readonly CapturedPacket[])[]): void {
  for (const packet of random.pick(captures).slice(0, 32)) packets.splice(random.below(packets.length + 1), 0, packet);
}

function change(random: Random, packets: CapturedPacket[], edit: (packet: CapturedPacket) => CapturedPacket): void {
  if (packets.length === 0) return;
  const index = random.below(packets.length);
  const edited = edit(packets[index]!);
  // A packet that was not cut before is as long on the wire as it is here.
  const wasWhole = packets[index]!.wireLen === packets[index]!.bytes.length;
  const isCut = edited.bytes.length < packets[index]!.bytes.length && edited.wireLen >= packets[index]!.bytes.length;
  packets[index] = wasWhole && !isCut ? { ...edited, wireLen: Math.max(edited.wireLen, edited.bytes.length) } : edited;
}

/** Offset of the IP header of an Ethernet packet behind any VLAN tags; -1 where there is none, or not whole. */
function ipHeaderOf({ linkType, bytes }: CapturedPacket): number {
  if (linkType !== ETHERNET) return -1;
  let at = 12;
  while (at + 4 < bytes.length && bytes[at] === 0x81 && bytes[at + 1] === 0) at += 4;
  return at + 22 <= bytes.length &&
    ((bytes[at] === 8 && bytes[at + 1] === 0) || (bytes[at] === 0x86 && bytes[at + 1] === 0xdd))
    ? at + 2
    : -1;
}

/** Offset of a whole TCP header, or -1. */
function tcpHeaderOf(packet: CapturedPacket): number {
  const ipAt = ipHeaderOf(packet);
  if (ipAt < 0) return -1;
  const isV4 = packet.bytes[ipAt]! >> 4 === 4;
  if ((isV4 ? packet.bytes[ipAt + 9] : packet.bytes[ipAt + 6]) !== 6) return -1;
  const at = ipAt + (isV4 ? (packet.bytes[ipAt]! & 15) * 4 : 40);
  return at + 20 <= packet.bytes.length ? at : -1;
}
