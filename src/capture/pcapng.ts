/**
 * pcapng, the capture file of Wireshark: sections of blocks.
 *
 *     block     type 4, total length 4 (a multiple of 4), body, total length again 4
 *
 *     section header     0x0a0d0d0a   byte-order magic 4, version 2 + 2, section length 8, options
 *     interface          1            link type 2, reserved 2, snap length 4, options
 *     obsolete packet    2            interface 2, drops 2, ticks 4 + 4, captured 4, on the wire 4, packet, options
 *     simple packet      3            on the wire 4, packet
 *     enhanced packet    6            interface 4, ticks 4 + 4, captured 4, on the wire 4, packet, options
 *     option                          code 2, length 2, value, padding to 4
 *
 * draft-ietf-opsawg-pcapng 3 and 4. A section header starts afresh: byte order and interfaces of the section before are
 * void. Interface numbers of a block are those of the whole capture, counted on over sections. A simple packet has no
 * time, so it gets that of the packet before it. Other blocks are stepped over and counted; the section's length is not
 * needed. A length that the grammar forbids ends the capture: what follows could not be found.
 */

import { toText } from '../bytes/text.ts';
import type { ByteWindow } from './byte-window.ts';
import { MAX_BLOCK_BYTES, MAX_INTERFACE_NAME_BYTES, MAX_INTERFACES } from './limits.ts';
import {
  BLOCK_PACKETS,
  type CaptureCounters,
  type CaptureFault,
  type CaptureInterface,
  type PacketBlock,
} from './packet-source.ts';
import { type TickUnit, ticksToUs, toTickUnit } from './pcapng-time.ts';
import { emptyCounters, type RecordWalker } from './record-walker.ts';

const BlockType = {
  SectionHeader: 0x0a0d0d0a,
  Interface: 1,
  ObsoletePacket: 2,
  SimplePacket: 3,
  EnhancedPacket: 6,
} as const;

const Option = { End: 0, InterfaceName: 2, TickResolution: 9, TickOffset: 14 } as const;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** The header and the total length at the end. */
const MIN_BLOCK_LEN = 12;
/** A section header up to and with its byte-order magic: what has to be seen before its length can be read. */
const SECTION_PROBE_LEN = 12;
const MIN_SECTION_LEN = 28;
const MIN_INTERFACE_LEN = 20;
/** Offset of the packet in an enhanced or obsolete packet block, and the least length of one. */
const PACKET_AT = 28;
const MIN_PACKET_LEN = 32;
/** The same of a simple packet block. */
const SIMPLE_PACKET_AT = 12;
const MIN_SIMPLE_LEN = 16;
const DEFAULT_RESOLUTION = 6;

/** What a packet block needs to know of its interface. */
interface SectionInterface {
  readonly unit: TickUnit;
  readonly snapLen: number;
}

/** Whether bytes begin with a section header. Looks at twelve bytes. */
export function probePcapng(buf: Uint8Array, at: number, end: number): boolean {
  return end - at >= SECTION_PROBE_LEN && beU32(buf, at) === BlockType.SectionHeader && isByteOrderMagic(buf, at + 8);
}

/** Walks the blocks, from the first section header on. */
export class PcapngWalker implements RecordWalker {
  readonly interfaces: CaptureInterface[] = [];
  readonly counters: CaptureCounters;
  fault: CaptureFault | null = null;
  need: number = SECTION_PROBE_LEN;
  #isBigEndian = false;
  #isInSection = false;
  /** Interfaces of this section; the first has the number `#sectionBase` in `interfaces`. */
  #section: SectionInterface[] = [];
  #sectionBase = 0;
  #lastTsUs = 0;

  constructor(counters: CaptureCounters = emptyCounters()) {
    this.counters = counters;
  }

  walk(window: ByteWindow, block: PacketBlock): void {
    const { buf, end } = window;
    const { at, capLen, wireLen, tsUs, iface } = block;
    block.buf = buf;
    let pos = window.pos;
    while (this.fault === null && block.count < BLOCK_PACKETS) {
      if (end - pos < SECTION_PROBE_LEN) {
        this.need = SECTION_PROBE_LEN;
        break;
      }
      const type = this.#u32(buf, pos);
      if (type === BlockType.SectionHeader && !this.#startSection(window, pos)) break;
      const length = this.#u32(buf, pos + 4);
      if (!this.#isBelievable(window.origin + pos, type, length)) break;
      if (length > end - pos) {
        this.need = length;
        break;
      }
      const next = pos + length;
      if (this.#u32(buf, next - 4) !== length) {
        this.#fail(
          window.origin + pos,
          `has a different length at its end (${this.#u32(buf, next - 4)}, not ${length})`,
        );
        break;
      }
      if (type === BlockType.EnhancedPacket) {
        // The one block that counts: nearly all packets of nearly all files.
        const id = this.#u32(buf, pos + 8);
        const cap = this.#u32(buf, pos + 20);
        const wire = this.#u32(buf, pos + 24) | 0;
        const source = this.#section[id];
        if (source === undefined || cap > length - MIN_PACKET_LEN) {
          this.#failPacket(window.origin + pos, id, cap);
          break;
        }
        const n = block.count;
        const us = ticksToUs(source.unit, this.#u32(buf, pos + 12), this.#u32(buf, pos + 16));
        at[n] = pos + PACKET_AT;
        capLen[n] = cap;
        wireLen[n] = Math.max(wire, cap);
        tsUs[n] = us;
        iface[n] = this.#sectionBase + id;
        block.count = n + 1;
        this.#lastTsUs = us;
        this.counters.packets++;
        this.counters.bytes += cap;
        if (wire > cap) this.counters.truncated++;
      } else if (!this.#readOther(window, block, pos, type, length)) {
        break;
      }
      pos = next;
    }
    window.pos = pos;
  }

  finish(window: ByteWindow, block: PacketBlock): void {
    const { buf, pos, end } = window;
    const left = end - pos;
    if (left === 0 || this.fault !== null) return;
    const offset = window.origin + pos;
    const cut = 'it was cut, or is still being written';
    if (left < SECTION_PROBE_LEN) {
      const message = `ends inside a block header, ${left} bytes into it, at offset ${offset}; ${cut}`;
      this.fault = { code: 'cut', offset, message };
      return;
    }
    const before = block.count;
    this.#keepCutPacket(window, block);
    const kept = block.count > before ? '; what is there of the packet was read' : '';
    const length = this.#u32(buf, pos + 4);
    const message = `ends inside a block, ${left} of ${length} bytes, at offset ${offset}; ${cut}${kept}`;
    window.pos = end;
    this.fault = { code: 'cut', offset, message };
  }

  /** Reads the byte order of a section and forgets the section before; false and a fault where there is none. */
  #startSection(window: ByteWindow, pos: number): boolean {
    if (!isByteOrderMagic(window.buf, pos + 8)) {
      this.#fail(window.origin + pos, 'is a section header without a byte-order magic');
      return false;
    }
    this.#isBigEndian = beU32(window.buf, pos + 8) === BYTE_ORDER_MAGIC;
    this.#isInSection = true;
    this.#section = [];
    this.#sectionBase = this.interfaces.length;
    return true;
  }

  #isBelievable(offset: number, type: number, length: number): boolean {
    if (!this.#isInSection) this.#fail(offset, 'comes before any section header');
    else if (length < minLength(type)) this.#fail(offset, `claims ${length} bytes, less than its fields take`);
    else if (length > MAX_BLOCK_BYTES) this.#fail(offset, `claims ${length} bytes, more than ${MAX_BLOCK_BYTES}`);
    else if (length % 4 !== 0) this.#fail(offset, `claims ${length} bytes, which is no multiple of 4`);
    return this.fault === null;
  }

  /** Every whole block but the enhanced packet; false and a fault where it can't be understood. */
  #readOther(window: ByteWindow, block: PacketBlock, pos: number, type: number, length: number): boolean {
    const { buf } = window;
    const offset = window.origin + pos;
    switch (type) {
      case BlockType.SectionHeader:
        if (this.#u16(buf, pos + 12) !== 1)
          this.#fail(offset, `has version ${this.#u16(buf, pos + 12)}; only 1 is known`);
        break;
      case BlockType.Interface:
        if (this.interfaces.length >= MAX_INTERFACES) this.#fail(offset, `is interface number ${MAX_INTERFACES + 1}`);
        else this.#addInterface(buf, pos, pos + length - 4);
        break;
      case BlockType.SimplePacket:
        this.#addSimplePacket(window, block, pos, length - MIN_SIMPLE_LEN);
        break;
      case BlockType.ObsoletePacket: {
        const id = this.#u16(buf, pos + 8);
        const cap = this.#u32(buf, pos + 20);
        if (id >= this.#section.length || cap > length - MIN_PACKET_LEN) this.#failPacket(offset, id, cap);
        else this.#addTimedPacket(buf, block, pos, id, cap);
        break;
      }
      default:
        this.counters.skippedBlocks++;
    }
    return this.fault === null;
  }

  #addInterface(buf: Uint8Array, pos: number, end: number): void {
    let name = '';
    let resolution = DEFAULT_RESOLUTION;
    let offsetSec = 0;
    // A damaged option ends the list; the block's own lengths are whole, so the capture goes on.
    for (let i = pos + 16; i + 4 <= end; ) {
      const code = this.#u16(buf, i);
      const length = this.#u16(buf, i + 2);
      const valueAt = i + 4;
      if (code === Option.End || length > end - valueAt) break;
      if (code === Option.InterfaceName)
        name = toText(buf, valueAt, valueAt + Math.min(length, MAX_INTERFACE_NAME_BYTES));
      if (code === Option.TickResolution && length >= 1) resolution = buf[valueAt]!;
      if (code === Option.TickOffset && length >= 8) offsetSec = this.#i64(buf, valueAt);
      i = valueAt + length + (-length & 3);
    }
    this.interfaces.push({ name, linkType: this.#u16(buf, pos + 8) });
    this.#section.push({ unit: toTickUnit(resolution, offsetSec), snapLen: this.#u32(buf, pos + 12) });
  }

  /** A packet of the first interface, as long as the wire, the snap length and the block allow. */
  #addSimplePacket(window: ByteWindow, block: PacketBlock, pos: number, room: number): void {
    const source = this.#section[0];
    const wire = this.#u32(window.buf, pos + 8);
    if (source === undefined) {
      this.#failPacket(window.origin + pos, 0, wire);
      return;
    }
    const cap = Math.min(wire, room, source.snapLen === 0 ? room : source.snapLen);
    this.#append(block, window.buf, pos + SIMPLE_PACKET_AT, cap, wire, this.#lastTsUs, 0);
  }

  #addTimedPacket(buf: Uint8Array, block: PacketBlock, pos: number, id: number, cap: number): void {
    const us = ticksToUs(this.#section[id]!.unit, this.#u32(buf, pos + 12), this.#u32(buf, pos + 16));
    this.#lastTsUs = us;
    this.#append(block, buf, pos + PACKET_AT, cap, this.#u32(buf, pos + 24), us, id);
  }

  /** Keeps what is there of a packet whose block the end of the file cut, if the fields before it are whole. */
  #keepCutPacket(window: ByteWindow, block: PacketBlock): void {
    const { buf, pos, end } = window;
    const type = this.#u32(buf, pos);
    if (type !== BlockType.EnhancedPacket && type !== BlockType.ObsoletePacket) return;
    const there = end - pos - PACKET_AT;
    if (there <= 0 || block.count >= BLOCK_PACKETS) return;
    const id = type === BlockType.EnhancedPacket ? this.#u32(buf, pos + 8) : this.#u16(buf, pos + 8);
    const cap = this.#u32(buf, pos + 20);
    if (id >= this.#section.length || cap > this.#u32(buf, pos + 4) - MIN_PACKET_LEN) return;
    this.#addTimedPacket(buf, block, pos, id, Math.min(cap, there));
  }

  #append(
    block: PacketBlock,
    buf: Uint8Array,
    at: number,
    cap: number,
    wire: number,
    tsUs: number,
    sectionIface: number,
  ): void {
    const n = block.count;
    // A length beyond 31 bits is a writer's error, and is taken for the captured length.
    const isTruncated = (wire | 0) > cap;
    block.buf = buf;
    block.at[n] = at;
    block.capLen[n] = cap;
    block.wireLen[n] = isTruncated ? wire : cap;
    block.tsUs[n] = tsUs;
    block.iface[n] = this.#sectionBase + sectionIface;
    block.count = n + 1;
    this.counters.packets++;
    this.counters.bytes += cap;
    if (isTruncated) this.counters.truncated++;
  }

  #failPacket(offset: number, id: number, cap: number): void {
    const known = this.#section.length;
    if (id >= known) this.#fail(offset, `names interface ${id}, and its section has described ${known} so far`);
    else this.#fail(offset, `claims a packet of ${cap} bytes, more than it holds`);
  }

  #fail(offset: number, what: string): void {
    if (this.fault !== null) return;
    const message = `the block at offset ${offset} ${what}; the file is damaged there, and what follows can't be found`;
    this.fault = { code: 'corrupt', offset, message };
  }

  #u16(buf: Uint8Array, at: number): number {
    return this.#isBigEndian ? (buf[at]! << 8) | buf[at + 1]! : buf[at]! | (buf[at + 1]! << 8);
  }

  #u32(buf: Uint8Array, at: number): number {
    return this.#isBigEndian
      ? beU32(buf, at)
      : (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)) >>> 0;
  }

  /** A signed 64-bit number; exact below 2^53, which is 285 million years of seconds. */
  #i64(buf: Uint8Array, at: number): number {
    const high = this.#u32(buf, this.#isBigEndian ? at : at + 4) | 0;
    return high * 4_294_967_296 + this.#u32(buf, this.#isBigEndian ? at + 4 : at);
  }
}

function minLength(type: number): number {
  switch (type) {
    case BlockType.SectionHeader:
      return MIN_SECTION_LEN;
    case BlockType.Interface:
      return MIN_INTERFACE_LEN;
    case BlockType.ObsoletePacket:
    case BlockType.EnhancedPacket:
      return MIN_PACKET_LEN;
    case BlockType.SimplePacket:
      return MIN_SIMPLE_LEN;
    default:
      return MIN_BLOCK_LEN;
  }
}

function isByteOrderMagic(buf: Uint8Array, at: number): boolean {
  const order = beU32(buf, at);
  return order === BYTE_ORDER_MAGIC || order === 0x4d3c2b1a;
}

function beU32(buf: Uint8Array, at: number): number {
  return ((buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!) >>> 0;
}
