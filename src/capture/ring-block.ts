/**
 * Walks the blocks of a TPACKET_V3 ring: the kernel fills a block, gives it by setting its status, and gets it back the same way.
 *
 *     ring    [block 0][block 1]…[block n-1]         each `blockBytes`
 *     block   status, packets, offset of the first │ header, packet │ header, packet …
 *     header  offset of the next, time, lengths, VLAN tag; the packet begins `tp_mac` behind the header's start
 *
 * Layout: struct tpacket_block_desc, tpacket3_hdr and sockaddr_ll of <linux/if_packet.h>, in the order of this machine. The kernel
 * writes it, and still no offset is believed that leaves its block.
 *
 * A VLAN tag that the kernel or the card took out is put back where it was on the wire: there are four bytes of room before each
 * packet for that.
 */
import { BLOCK_PACKETS, type PacketBlock } from './packet-source.ts';

// Of a block, in words of 32 bits.
const BLOCK_STATUS = 2;
const BLOCK_COUNT = 3;
const BLOCK_FIRST = 4;

// Of a packet's header, in words of 32 bits.
const NEXT_OFFSET = 0;
const SECONDS = 1;
const NANOSECONDS = 2;
const SNAP_LENGTH = 3;
const WIRE_LENGTH = 4;
const STATUS = 5;
const MAC_OFFSET = 6;
const VLAN_TCI = 8;
const VLAN_TPID = 9;
const HEADER_BYTES = 48;
/** sll_pkttype of the address behind the header, in bytes. */
const PACKET_TYPE = HEADER_BYTES + 10;
const ADDRESS_BYTES = 20;
/** A packet never begins before this, even with its tag. */
const FIRST_BYTE = HEADER_BYTES + ADDRESS_BYTES;
const OUTGOING = 4;

const STATUS_KERNEL = 0;
const STATUS_USER = 1;
const HAS_VLAN = 1 << 4;
const HAS_TPID = 1 << 6;

const MAC_ADDRESSES_BYTES = 12;
const TAG_BYTES = 4;
const TPID_8021Q = 0x8100;

export interface RingShape {
  readonly blockBytes: number;
  readonly blocks: number;
  /** The kernel is too old to leave outgoing packets out itself. */
  readonly hasOutgoing: boolean;
  /** Tags are put back into Ethernet frames only. */
  readonly isEthernet: boolean;
}

export class RingWalker {
  /** Packets given out. */
  walked = 0;
  walkedBytes = 0;
  /** Packets that the snap length cut. */
  truncated = 0;
  /** Outgoing packets left out. */
  outgoing = 0;
  /** Blocks given up because an offset left them. Never seen. */
  corrupt = 0;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #halves: Uint16Array;
  readonly #shape: RingShape;
  /** Number of the block at hand. */
  #block = 0;
  /** Packets of it that are still to be walked. */
  #left = 0;
  /** Byte at which the next header begins. */
  #at = 0;
  /** Blocks before the one at hand that were walked to their end and not given back yet. */
  #held = 0;

  /** `buffer` is the mapping of the whole ring. */
  constructor(buffer: ArrayBuffer, shape: RingShape) {
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.#halves = new Uint16Array(buffer);
    this.#shape = shape;
  }

  /** Gives back what was given out before, and gives out what is there: the packets' number, 0 where there is none. */
  read(out: PacketBlock): number {
    this.#release();
    let count = 0;
    while (count < BLOCK_PACKETS && (this.#left > 0 || this.#enter())) count = this.#walk(out, count);
    out.buf = this.#bytes;
    out.count = count;
    this.walked += count;
    return count;
  }

  /** Begins the next block that has packets; false where it is still the kernel's, or all are held. */
  #enter(): boolean {
    const { blockBytes, blocks } = this.#shape;
    while (this.#held < blocks) {
      const start = this.#block * blockBytes;
      const word = start >>> 2;
      if ((Atomics.load(this.#words, word + BLOCK_STATUS) & STATUS_USER) === 0) return false;
      this.#left = this.#words[word + BLOCK_COUNT]! >>> 0;
      this.#at = start + (this.#words[word + BLOCK_FIRST]! >>> 0);
      if (this.#left > 0) return true;
      this.#leave();
    }
    return false;
  }

  /** Goes on to the next block; this one is given back later. */
  #leave(): void {
    this.#left = 0;
    this.#held += 1;
    this.#block = (this.#block + 1) % this.#shape.blocks;
  }

  #release(): void {
    const { blockBytes, blocks } = this.#shape;
    for (; this.#held > 0; this.#held--) {
      const block = (this.#block - this.#held + blocks) % blocks;
      Atomics.store(this.#words, ((block * blockBytes) >>> 2) + BLOCK_STATUS, STATUS_KERNEL);
    }
  }

  /** Packets of the block at hand into `out`, behind the `count` that it has; gives their number then. */
  #walk(out: PacketBlock, count: number): number {
    const words = this.#words;
    const { blockBytes, hasOutgoing } = this.#shape;
    const end = (this.#block + 1) * blockBytes;
    let n = count;
    while (n < BLOCK_PACKETS && this.#left > 0) {
      const header = this.#at;
      if (header + FIRST_BYTE > end || (header & 3) !== 0) return this.#giveUp(n);
      const word = header >>> 2;
      const start = header + this.#halves[(word + MAC_OFFSET) << 1]!;
      const length = words[word + SNAP_LENGTH]! >>> 0;
      if (start < header + FIRST_BYTE + TAG_BYTES || start + length > end) return this.#giveUp(n);
      this.#left -= 1;
      if (hasOutgoing && this.#bytes[header + PACKET_TYPE] === OUTGOING) this.outgoing += 1;
      else this.#give(out, n++, word, start, length);
      if (this.#left === 0) break;
      // The last packet of a block has none. Another without one would be given out for ever.
      const next = words[word + NEXT_OFFSET]! >>> 0;
      if (next < HEADER_BYTES) return this.#giveUp(n);
      this.#at = header + next;
    }
    if (this.#left === 0) this.#leave();
    return n;
  }

  #give(out: PacketBlock, i: number, word: number, start: number, length: number): void {
    const words = this.#words;
    const wireLength = words[word + WIRE_LENGTH]! >>> 0;
    const status = words[word + STATUS]!;
    const isTagged = (status & HAS_VLAN) !== 0 && this.#shape.isEthernet && length >= MAC_ADDRESSES_BYTES;
    const added = isTagged ? TAG_BYTES : 0;
    if (isTagged) this.#putTagBack(word, start, status);
    if (wireLength > length) this.truncated += 1;
    this.walkedBytes += length + added;
    out.at[i] = start - added;
    out.capLen[i] = length + added;
    out.wireLen[i] = wireLength + added;
    out.tsUs[i] = (words[word + SECONDS]! >>> 0) * 1e6 + Math.floor((words[word + NANOSECONDS]! >>> 0) / 1000);
    out.iface[i] = 0;
  }

  #putTagBack(word: number, start: number, status: number): void {
    const bytes = this.#bytes;
    const tpid = (status & HAS_TPID) === 0 ? TPID_8021Q : this.#halves[(word + VLAN_TPID) << 1]!;
    const tci = this.#words[word + VLAN_TCI]!;
    const at = start - TAG_BYTES + MAC_ADDRESSES_BYTES;
    // For so few bytes a loop takes less than a call of copyWithin.
    for (let i = start - TAG_BYTES; i < at; i++) bytes[i] = bytes[i + TAG_BYTES]!;
    bytes[at] = tpid >>> 8;
    bytes[at + 1] = tpid;
    bytes[at + 2] = tci >>> 8;
    bytes[at + 3] = tci;
  }

  /** The rest of the block can't be walked. */
  #giveUp(count: number): number {
    this.corrupt += 1;
    this.#leave();
    return count;
  }
}
