/**
 * The classic capture file of tcpdump: one header, then records until the file ends.
 *
 *     file header                           record
 *       magic           4                     seconds            4
 *       version         2 + 2                 micro/nanoseconds  4
 *       time zone       4   always 0          captured length    4   n
 *       accuracy        4   always 0          length on the wire 4
 *       snap length     4                     [ifindex, protocol, type: 8, "modified" files only]
 *       link type       4   low 16 bits       packet             n
 *
 * draft-ietf-opsawg-pcap. The magic tells the byte order and the unit of time: a1b2c3d4 is microseconds, a1b23c4d nanoseconds,
 * a1b2cd34 microseconds with the longer record header of Alexey Kuznetzov's tcpdump. The upper bits of the link type give
 * the length of a frame check sequence; decoding does not need it. A length on the wire below the captured length is
 * a quirk of the writer and is raised to it. Seconds are unsigned: the format ends in 2106.
 */

import type { ByteWindow } from './byte-window.ts';
import { MAX_PACKET_BYTES, MAX_SNAPLEN_BYTES } from './limits.ts';
import {
  BLOCK_PACKETS,
  type CaptureCounters,
  type CaptureFault,
  type CaptureInterface,
  type PacketBlock,
} from './packet-source.ts';
import { emptyCounters, type RecordWalker } from './record-walker.ts';

export const PCAP_HEADER_LEN = 24;
const RECORD_HEADER_LEN = 16;
const MODIFIED_RECORD_HEADER_LEN = 24;

const MAGIC_MICROS = 0xa1b2c3d4;
const MAGIC_NANOS = 0xa1b23c4d;
const MAGIC_MODIFIED = 0xa1b2cd34;

export interface PcapHeader {
  readonly isBigEndian: boolean;
  /** 1 where a record counts microseconds, 1000 where it counts nanoseconds. */
  readonly ticksPerUs: number;
  readonly recordHeaderLen: number;
  readonly snapLen: number;
  readonly linkType: number;
}

/** Whether bytes begin with one of the six magic numbers. Looks at four bytes. */
export function probePcap(buf: Uint8Array, at: number, end: number): boolean {
  return end - at >= 4 && (isMagic(be32(buf, at)) || isMagic(le32(buf, at)));
}

/** Reads the file header at `buf[at…]`; null where it is not one, or not whole. */
export function parsePcapHeader(buf: Uint8Array, at: number, end: number): PcapHeader | null {
  if (end - at < PCAP_HEADER_LEN || !probePcap(buf, at, end)) return null;
  const isBigEndian = isMagic(be32(buf, at));
  const u32 = isBigEndian ? be32 : le32;
  const magic = u32(buf, at);
  return {
    isBigEndian,
    ticksPerUs: magic === MAGIC_NANOS ? 1000 : 1,
    recordHeaderLen: magic === MAGIC_MODIFIED ? MODIFIED_RECORD_HEADER_LEN : RECORD_HEADER_LEN,
    snapLen: u32(buf, at + 16),
    linkType: u32(buf, at + 20) & 0xffff,
  };
}

/** Walks the records that follow the file header. */
export class PcapWalker implements RecordWalker {
  readonly interfaces: readonly CaptureInterface[];
  readonly counters: CaptureCounters;
  fault: CaptureFault | null = null;
  need: number;
  readonly #header: PcapHeader;
  readonly #maxPacketBytes: number;

  constructor(header: PcapHeader, counters: CaptureCounters = emptyCounters()) {
    this.counters = counters;
    this.interfaces = [{ name: '', linkType: header.linkType }];
    this.need = header.recordHeaderLen;
    this.#header = header;
    this.#maxPacketBytes = Math.max(MAX_PACKET_BYTES, header.snapLen <= MAX_SNAPLEN_BYTES ? header.snapLen : 0);
  }

  walk(window: ByteWindow, block: PacketBlock): void {
    const { buf, end } = window;
    const { at, capLen, wireLen, tsUs } = block;
    const { recordHeaderLen, ticksPerUs } = this.#header;
    const maxPacketBytes = this.#maxPacketBytes;
    // Byte `i` of a little-endian number is byte `i ^ 3` of a big-endian one: one loop serves both orders.
    const b0 = this.#header.isBigEndian ? 3 : 0;
    const b1 = b0 ^ 1;
    const b2 = b0 ^ 2;
    const b3 = b0 ^ 3;

    const first = block.count;
    let n = first;
    let pos = window.pos;
    let bytes = 0;
    let truncated = 0;
    let need = recordHeaderLen;
    while (n < BLOCK_PACKETS) {
      const dataAt = pos + recordHeaderLen;
      if (dataAt > end) break;
      const sec = buf[pos + b0]! | (buf[pos + b1]! << 8) | (buf[pos + b2]! << 16) | (buf[pos + b3]! << 24);
      const part =
        buf[pos + 4 + b0]! | (buf[pos + 4 + b1]! << 8) | (buf[pos + 4 + b2]! << 16) | (buf[pos + 4 + b3]! << 24);
      const cap =
        buf[pos + 8 + b0]! | (buf[pos + 8 + b1]! << 8) | (buf[pos + 8 + b2]! << 16) | (buf[pos + 8 + b3]! << 24);
      const wire =
        buf[pos + 12 + b0]! | (buf[pos + 12 + b1]! << 8) | (buf[pos + 12 + b2]! << 16) | (buf[pos + 12 + b3]! << 24);
      if (cap >>> 0 > maxPacketBytes) {
        this.#failLength(window.origin + pos, cap >>> 0);
        break;
      }
      const next = dataAt + cap;
      if (next > end) {
        need = recordHeaderLen + cap;
        break;
      }
      at[n] = dataAt;
      capLen[n] = cap;
      if (wire > cap) {
        wireLen[n] = wire;
        truncated++;
      } else {
        wireLen[n] = cap;
      }
      tsUs[n] = (sec >>> 0) * 1_000_000 + (ticksPerUs === 1 ? part >>> 0 : Math.floor((part >>> 0) / ticksPerUs));
      bytes += cap;
      n++;
      pos = next;
    }
    window.pos = pos;
    this.need = need;
    block.buf = buf;
    block.iface.fill(0, first, n);
    block.count = n;
    this.counters.packets += n - first;
    this.counters.bytes += bytes;
    this.counters.truncated += truncated;
  }

  finish(window: ByteWindow, block: PacketBlock): void {
    const left = window.end - window.pos;
    if (left === 0 || this.fault !== null) return;
    const offset = window.origin + window.pos;
    const { recordHeaderLen, isBigEndian, ticksPerUs } = this.#header;
    if (left < recordHeaderLen) {
      const message = `ends inside a record header, ${left} of ${recordHeaderLen} bytes, at offset ${offset}; it was cut, or is still being written`;
      this.fault = { code: 'cut', offset, message };
      return;
    }
    const u32 = isBigEndian ? be32 : le32;
    const { buf, pos } = window;
    const there = left - recordHeaderLen;
    const whole = u32(buf, pos + 8);
    const n = block.count;
    const isKept = there > 0 && n < BLOCK_PACKETS;
    if (isKept) {
      block.buf = buf;
      block.at[n] = pos + recordHeaderLen;
      block.capLen[n] = there;
      block.wireLen[n] = Math.max(whole, u32(buf, pos + 12) | 0);
      block.tsUs[n] = u32(buf, pos) * 1_000_000 + Math.floor(u32(buf, pos + 4) / ticksPerUs);
      block.iface[n] = 0;
      block.count = n + 1;
      this.counters.packets++;
      this.counters.bytes += there;
      this.counters.truncated++;
    }
    window.pos = window.end;
    const message = `ends inside a packet, ${there} of ${whole} bytes, at offset ${offset}; it was cut, or is still being written${isKept ? '; what is there of the packet was read' : ''}`;
    this.fault = { code: 'cut', offset, message };
  }

  #failLength(offset: number, length: number): void {
    const message = `the record at offset ${offset} claims a packet of ${length} bytes, more than ${this.#maxPacketBytes}; the file is damaged there, and what follows can't be found`;
    this.fault = { code: 'corrupt', offset, message };
  }
}

function isMagic(n: number): boolean {
  return n === MAGIC_MICROS || n === MAGIC_NANOS || n === MAGIC_MODIFIED;
}

function be32(buf: Uint8Array, at: number): number {
  return ((buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!) >>> 0;
}

function le32(buf: Uint8Array, at: number): number {
  return (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)) >>> 0;
}
