/**
 * The flow table: every connection that is being looked at, in typed arrays.
 *
 * A flow is a slot of `STRIDE` words (128 bytes, two cache lines), found through a seeded hash of its five-tuple and chained in
 * its bucket. The two endpoints are `a` and `b` by the order of their addresses, so that both directions find the same
 * slot. Slots also form lists by last use, with a grain of one second of packet time: a busy flow moves once a second.
 *
 *     heads[hash] -> slot -> slot -> NONE          oldest <-> ... <-> newest
 *
 * Flows that have only opened (a SYN, no data) have a list and a small cap of their own. So a flood of SYNs pushes out its own
 * kind only, and goes round in memory that stays in the cache.
 *
 * The seed differs in every process, since whoever sends the packets chooses the addresses. The hash is keyed, not
 * cryptographic: it makes a flood of one bucket a guess, not an impossibility.
 */
import { INITIAL_FLOWS, MAX_OPENINGS } from './limits.ts';

/** Words of a flow. */
export const STRIDE = 32;

/** What stands in which word of a flow. Where there is one for each endpoint, that of `b` follows that of `a`. */
export const Word = {
  /** Next flow of the same bucket, or of the list of free slots. */
  Chain: 0,
  Older: 1,
  Newer: 2,
  /** Packet time of the last packet, seconds. */
  LastS: 3,
  State: 4,
  /** Port of `a` in the upper half, of `b` in the lower. */
  Ports: 5,
  AddrA: 6,
  AddrB: 10,
  /** Sequence number expected next. */
  NextA: 14,
  /** Sequence number after the FIN's data. */
  FinA: 16,
  /** Sequence number of the SYN. */
  IsnA: 18,
  PacketsA: 20,
  /** TCP payload bytes, modulo 2^32. */
  BytesA: 22,
  DuplicatesA: 24,
  /** Gaps that were given up. */
  GapsA: 26,
  /** Overlapping bytes that differed. */
  Conflicts: 28,
  /** A word for the owner of the flow's content. */
  Scratch: 29,
  /** Number of the connection within this run. */
  Number: 30,
} as const;

/** Doubles of a flow: packet times in microseconds, -1 where not seen. */
export const TIMES = 4;
export const Time = { First: 0, Syn: 1, SynAck: 2, Ack: 3 } as const;

/** Bits of `Word.State`. Where there is one for each endpoint, that of `b` is twice that of `a`. */
export const State = {
  IsV6: 0x0001,
  /** Sent a SYN without ACK: this endpoint opened the connection. */
  OpenedByA: 0x0002,
  OpenedByB: 0x0004,
  /** The next sequence number is known. */
  SyncedA: 0x0008,
  SyncedB: 0x0010,
  FinA: 0x0020,
  FinB: 0x0040,
  /** Out-of-order bytes are held. */
  HeldA: 0x0080,
  HeldB: 0x0100,
  Reset: 0x0200,
  /** Nothing more is wanted of this flow. */
  Done: 0x0400,
  /** Answered with two different sequence numbers: the first data says which one holds. */
  UnsureA: 0x0800,
  UnsureB: 0x1000,
  /** Has carried no data yet. */
  Opening: 0x2000,
} as const;

/** Where in `Word.State` the number of zero bytes stands that may be padding, three bits for each endpoint. */
export const ZEROS_SHIFT = 16;
export const ZEROS_MASK = 7;

const NONE = -1;

/** The lists by age. */
const LIVE = 0;
const OPENING = 1;

export class FlowTable {
  readonly #maxFlows: number;
  readonly #maxOpenings: number;
  // Secret odd factors. Between two products the upper half is folded onto the lower one: a product carries a difference in the
  // upper bits of an address no further down.
  readonly #factorA: number;
  readonly #factorB: number;
  readonly #factorPorts: number;
  #capacity: number;
  #heads: Int32Array;
  #bucketShift: number;
  #free = NONE;
  #used = 0;
  /** Ends of the lists by age, of live flows and of those that are opening. */
  readonly #oldest: [number, number] = [NONE, NONE];
  readonly #newest: [number, number] = [NONE, NONE];
  /** All flows' words; slot `s` begins at `s * STRIDE`. Replaced when the table grows: don't keep it over `add`. */
  words: Int32Array;
  /** All flows' times; slot `s` begins at `s * TIMES`. */
  times: Float64Array;
  size = 0;
  /** Those of `size` that are opening. */
  openings = 0;

  /** `seed` is any number; the hash of equal tables with equal seeds is equal. */
  constructor(maxFlows: number, seed: number) {
    this.#maxFlows = maxFlows;
    this.#maxOpenings = Math.min(MAX_OPENINGS, maxFlows);
    this.#factorA = factorOf(seed, 1);
    this.#factorB = factorOf(seed, 2);
    this.#factorPorts = factorOf(seed, 3);
    this.#capacity = Math.min(INITIAL_FLOWS, maxFlows);
    this.#heads = new Int32Array(bucketsFor(this.#capacity)).fill(NONE);
    this.#bucketShift = Math.clz32(this.#heads.length - 1);
    this.words = new Int32Array(this.#capacity * STRIDE);
    this.times = new Float64Array(this.#capacity * TIMES);
  }

  /** Slots that exist, used or not: an upper bound for indexes. */
  get capacity(): number {
    return this.#capacity;
  }

  /** There is no room for another live flow. */
  get isFull(): boolean {
    return this.size - this.openings >= this.#maxFlows;
  }

  get isFullOfOpenings(): boolean {
    return this.openings >= this.#maxOpenings;
  }

  /** The live flow that was idle longest, or -1. */
  get oldestLive(): number {
    return this.#oldest[LIVE];
  }

  /** The same of those that are opening. */
  get oldestOpening(): number {
    return this.#oldest[OPENING];
  }

  /** Flows in the fullest bucket: what a look-up costs at worst. Walks the whole table. */
  get longestChain(): number {
    let longest = 0;
    for (const head of this.#heads) {
      let length = 0;
      for (let slot = head; slot !== NONE; slot = this.words[slot * STRIDE + Word.Chain]!) length += 1;
      longest = Math.max(longest, length);
    }
    return longest;
  }

  findV4(addrA: number, addrB: number, ports: number): number {
    const words = this.words;
    let slot = this.#heads[this.#bucketV4(addrA, addrB, ports)]!;
    while (slot !== NONE) {
      const base = slot * STRIDE;
      if (
        words[base + Word.Ports] === ports &&
        words[base + Word.AddrA] === addrA &&
        words[base + Word.AddrB] === addrB &&
        (words[base + Word.State]! & State.IsV6) === 0
      ) {
        return slot;
      }
      slot = words[base + Word.Chain]!;
    }
    return NONE;
  }

  /** `key` holds the four words of `a`, then those of `b`. */
  findV6(key: Int32Array, ports: number): number {
    const words = this.words;
    let slot = this.#heads[this.#bucketV6(key, 0, ports)]!;
    while (slot !== NONE) {
      const base = slot * STRIDE;
      if (words[base + Word.Ports] === ports && (words[base + Word.State]! & State.IsV6) !== 0) {
        let i = 0;
        while (i < 8 && words[base + Word.AddrA + i] === key[i]) i += 1;
        if (i === 8) return slot;
      }
      slot = words[base + Word.Chain]!;
    }
    return NONE;
  }

  /** Adds a flow that is not there yet. The caller has made sure that the table is not full. */
  addV4(addrA: number, addrB: number, ports: number, nowS: number, isOpening = false): number {
    const slot = this.#takeSlot(isOpening);
    const base = slot * STRIDE;
    this.words[base + Word.AddrA] = addrA;
    this.words[base + Word.AddrB] = addrB;
    this.words[base + Word.Ports] = ports;
    this.#link(slot, this.#bucketV4(addrA, addrB, ports), nowS);
    return slot;
  }

  addV6(key: Int32Array, ports: number, nowS: number, isOpening = false): number {
    const slot = this.#takeSlot(isOpening);
    const base = slot * STRIDE;
    for (let i = 0; i < 8; i++) this.words[base + Word.AddrA + i] = key[i]!;
    this.words[base + Word.Ports] = ports;
    this.words[base + Word.State] = this.words[base + Word.State]! | State.IsV6;
    this.#link(slot, this.#bucketV6(key, 0, ports), nowS);
    return slot;
  }

  /** Marks a use of the flow in second `nowS`, which differs from the one of its last use. */
  touch(slot: number, nowS: number): void {
    this.words[slot * STRIDE + Word.LastS] = nowS;
    this.#unlinkAge(slot);
    this.#linkNewest(slot);
  }

  /** A flow that was opening is live from now on. The caller has made sure that the table is not full. */
  settle(slot: number): void {
    const at = slot * STRIDE + Word.State;
    this.#unlinkAge(slot);
    this.words[at] = this.words[at]! & ~State.Opening;
    this.openings -= 1;
    this.#linkNewest(slot);
  }

  remove(slot: number): void {
    const words = this.words;
    const base = slot * STRIDE;
    const bucket = this.#bucketOf(slot);
    let at = this.#heads[bucket]!;
    if (at === slot) this.#heads[bucket] = words[base + Word.Chain]!;
    else {
      while (words[at * STRIDE + Word.Chain] !== slot) at = words[at * STRIDE + Word.Chain]!;
      words[at * STRIDE + Word.Chain] = words[base + Word.Chain]!;
    }
    this.#unlinkAge(slot);
    if ((words[base + Word.State]! & State.Opening) !== 0) this.openings -= 1;
    words[base + Word.Chain] = this.#free;
    this.#free = slot;
    this.size -= 1;
  }

  /** Clears what a flow remembers of its connection; its key and place stay. */
  forget(slot: number): void {
    const base = slot * STRIDE;
    this.words[base + Word.State] = this.words[base + Word.State]! & (State.IsV6 | State.Opening);
    this.#clear(slot, Word.NextA);
  }

  #takeSlot(isOpening: boolean): number {
    if (this.#free === NONE && this.#used === this.#capacity) this.#grow();
    let slot = this.#free;
    if (slot !== NONE) this.#free = this.words[slot * STRIDE + Word.Chain]!;
    else slot = this.#used++;
    this.size += 1;
    this.#clear(slot, 0);
    if (isOpening) {
      this.words[slot * STRIDE + Word.State] = State.Opening;
      this.openings += 1;
    }
    return slot;
  }

  /** Clears the words from number `from` on, and the times. For so few, loops beat `fill`. */
  #clear(slot: number, from: number): void {
    const { words, times } = this;
    const end = slot * STRIDE + STRIDE;
    for (let at = slot * STRIDE + from; at < end; at++) words[at] = 0;
    for (let at = slot * TIMES; at < slot * TIMES + TIMES; at++) times[at] = -1;
  }

  #link(slot: number, bucket: number, nowS: number): void {
    const base = slot * STRIDE;
    this.words[base + Word.Chain] = this.#heads[bucket]!;
    this.#heads[bucket] = slot;
    this.words[base + Word.LastS] = nowS;
    this.#linkNewest(slot);
  }

  #linkNewest(slot: number): void {
    const words = this.words;
    const base = slot * STRIDE;
    const list = (words[base + Word.State]! & State.Opening) === 0 ? LIVE : OPENING;
    const newest = this.#newest[list];
    words[base + Word.Older] = newest;
    words[base + Word.Newer] = NONE;
    if (newest === NONE) this.#oldest[list] = slot;
    else words[newest * STRIDE + Word.Newer] = slot;
    this.#newest[list] = slot;
  }

  #unlinkAge(slot: number): void {
    const words = this.words;
    const base = slot * STRIDE;
    const list = (words[base + Word.State]! & State.Opening) === 0 ? LIVE : OPENING;
    const older = words[base + Word.Older]!;
    const newer = words[base + Word.Newer]!;
    if (older === NONE) this.#oldest[list] = newer;
    else words[older * STRIDE + Word.Newer] = newer;
    if (newer === NONE) this.#newest[list] = older;
    else words[newer * STRIDE + Word.Older] = older;
  }

  #grow(): void {
    this.#capacity = Math.min(this.#capacity * 2, this.#maxFlows + this.#maxOpenings);
    const words = new Int32Array(this.#capacity * STRIDE);
    words.set(this.words);
    this.words = words;
    const times = new Float64Array(this.#capacity * TIMES);
    times.set(this.times);
    this.times = times;
    this.#heads = new Int32Array(bucketsFor(this.#capacity)).fill(NONE);
    this.#bucketShift = Math.clz32(this.#heads.length - 1);
    // Every slot is in use when the table grows.
    for (let slot = 0; slot < this.#used; slot++) {
      const bucket = this.#bucketOf(slot);
      words[slot * STRIDE + Word.Chain] = this.#heads[bucket]!;
      this.#heads[bucket] = slot;
    }
  }

  #bucketOf(slot: number): number {
    const words = this.words;
    const base = slot * STRIDE;
    const ports = words[base + Word.Ports]!;
    if ((words[base + Word.State]! & State.IsV6) !== 0) return this.#bucketV6(words, base + Word.AddrA, ports);
    return this.#bucketV4(words[base + Word.AddrA]!, words[base + Word.AddrB]!, ports);
  }

  #bucketV4(addrA: number, addrB: number, ports: number): number {
    let h = Math.imul(addrA, this.#factorA);
    h = Math.imul(h ^ (h >>> 15) ^ addrB, this.#factorB);
    h = Math.imul(h ^ (h >>> 15) ^ ports, this.#factorPorts);
    return Math.imul(h ^ (h >>> 15), this.#factorA) >>> this.#bucketShift;
  }

  #bucketV6(key: Int32Array, at: number, ports: number): number {
    let h = ports;
    for (let i = 0; i < 8; i++) {
      h = Math.imul(h ^ key[at + i]!, this.#factorA);
      h ^= h >>> 15;
    }
    return Math.imul(h, this.#factorB) >>> this.#bucketShift;
  }
}

/** An odd number from a seed: a step of MurmurHash3's finalizer (public domain), which spreads a seed over all bits. */
function factorOf(seed: number, index: number): number {
  let h = (seed + Math.imul(index, 0x9e37_79b1)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) | 1;
}

/** Twice as many buckets as slots, a power of two. */
function bucketsFor(slots: number): number {
  let n = 1024;
  while (n < slots * 2) n *= 2;
  return n;
}
