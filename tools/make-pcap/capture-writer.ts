/**
 * Packets as a capture file: classic pcap in either precision and byte order, and pcapng with any number of interfaces.
 *
 *     pcap     magic 4 | 2.4 | zone 4 | sigfigs 4 | snaplen 4 | linktype 4, then per packet: s 4 | us or ns 4 | len 4 | wire 4
 *     pcapng   section header, one interface description each, then one enhanced packet block per packet
 *
 * https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html, draft-ietf-opsawg-pcapng-03. Times are nanoseconds since
 * 1970; a microsecond file drops what it can't hold.
 */

import { joinBytes, LinkType } from './packet-writer.ts';

export interface WirePacket {
  /** Nanoseconds since 1970. */
  readonly tsNs: bigint;
  readonly bytes: Uint8Array;
  /** Length on the wire where a snap length cut the packet; the length of `bytes` unless set. */
  readonly wireLen?: number;
  /** Index of the interface in a pcapng file; 0 unless set. */
  readonly iface?: number;
}

export interface PcapOptions {
  readonly linkType?: number;
  /** Nanoseconds (magic 0xa1b23c4d) instead of microseconds. */
  readonly isNano?: boolean;
  readonly isBigEndian?: boolean;
  readonly snapLen?: number;
}

export interface PcapngInterface {
  readonly name: string;
  readonly linkType?: number;
  /** Nanoseconds (if_tsresol 9) instead of microseconds. */
  readonly isNano?: boolean;
}

const SNAP_LEN = 262_144;

/** A classic capture file. */
export function buildPcap(packets: readonly WirePacket[], options: PcapOptions = {}): Uint8Array {
  const isNano = options.isNano === true;
  const little = options.isBigEndian !== true;
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, isNano ? 0xa1b23c4d : 0xa1b2c3d4, little);
  header.setUint16(4, 2, little);
  header.setUint16(6, 4, little);
  header.setUint32(16, options.snapLen ?? SNAP_LEN, little);
  header.setUint32(20, options.linkType ?? LinkType.Ethernet, little);
  const parts = [toBytes(header)];
  for (const packet of packets) {
    const record = new DataView(new ArrayBuffer(16));
    const rest = packet.tsNs % 1_000_000_000n;
    record.setUint32(0, Number(packet.tsNs / 1_000_000_000n), little);
    record.setUint32(4, Number(isNano ? rest : rest / 1000n), little);
    record.setUint32(8, packet.bytes.length, little);
    record.setUint32(12, packet.wireLen ?? packet.bytes.length, little);
    parts.push(toBytes(record), packet.bytes);
  }
  return joinBytes(...parts);
}

/** A pcapng file of one section, little-endian. */
export function buildPcapng(packets: readonly WirePacket[], interfaces: readonly PcapngInterface[]): Uint8Array {
  const section = new DataView(new ArrayBuffer(16));
  section.setUint32(0, 0x1a2b3c4d, true);
  section.setUint16(4, 1, true);
  // A section length of -1 is `not known`.
  section.setBigInt64(8, -1n, true);
  const blocks = [pcapngBlock(0x0a0d0d0a, toBytes(section))];
  for (const face of interfaces) {
    const body = new DataView(new ArrayBuffer(8));
    body.setUint16(0, face.linkType ?? LinkType.Ethernet, true);
    body.setUint32(4, SNAP_LEN, true);
    const name = pcapngOption(2, new TextEncoder().encode(face.name));
    const resolution = pcapngOption(9, Uint8Array.of(face.isNano === true ? 9 : 6));
    blocks.push(pcapngBlock(1, joinBytes(toBytes(body), name, resolution, pcapngOption(0, new Uint8Array(0)))));
  }
  for (const packet of packets) {
    const body = new DataView(new ArrayBuffer(20));
    const iface = packet.iface ?? 0;
    const ticks = interfaces[iface]?.isNano === true ? packet.tsNs : packet.tsNs / 1000n;
    body.setUint32(0, iface, true);
    body.setUint32(4, Number(ticks >> 32n), true);
    body.setUint32(8, Number(ticks & 0xffff_ffffn), true);
    body.setUint32(12, packet.bytes.length, true);
    body.setUint32(16, packet.wireLen ?? packet.bytes.length, true);
    blocks.push(pcapngBlock(6, joinBytes(toBytes(body), packet.bytes)));
  }
  return joinBytes(...blocks);
}

/** Type, length, body padded to four, length again. */
function pcapngBlock(type: number, body: Uint8Array): Uint8Array {
  const padded = (body.length + 3) & ~3;
  const out = new DataView(new ArrayBuffer(12 + padded));
  out.setUint32(0, type, true);
  out.setUint32(4, 12 + padded, true);
  out.setUint32(8 + padded, 12 + padded, true);
  const bytes = toBytes(out);
  bytes.set(body, 8);
  return bytes;
}

function pcapngOption(code: number, value: Uint8Array): Uint8Array {
  const out = new DataView(new ArrayBuffer(4 + ((value.length + 3) & ~3)));
  out.setUint16(0, code, true);
  out.setUint16(2, value.length, true);
  const bytes = toBytes(out);
  bytes.set(value, 4);
  return bytes;
}

/** Packets of a file that this module wrote: little-endian pcap, or pcapng with enhanced packet blocks only. */
export function countPackets(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const isPcapng = view.getUint32(0, true) === 0x0a0d0d0a;
  let count = 0;
  let at = isPcapng ? 0 : 24;
  while (at < file.length) {
    if (!isPcapng || view.getUint32(at, true) === 6) count += 1;
    at += isPcapng ? view.getUint32(at + 4, true) : 16 + view.getUint32(at + 8, true);
  }
  return count;
}

function toBytes(view: DataView<ArrayBuffer>): Uint8Array {
  return new Uint8Array(view.buffer);
}
