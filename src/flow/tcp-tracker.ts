/**
 * TCP connections from packets: direction, order, gaps and ends. Delivers each direction's bytes in order to a handler
 * until the handler wants no more; after that a packet of the flow costs one look-up.
 *
 * Reassembly keeps only what is out of order. What is expected next is handed on from the packet's own bytes. Rules, each of
 * which a mirror port makes necessary:
 *
 *     already delivered        dropped as a duplicate (retransmission, keep-alive, rx+tx mirroring)
 *     partly delivered         the new part is delivered
 *     ahead                    held, first bytes win; the hole is given up when the receiver has acknowledged past it,
 *                              when a cap is hit, or at the end of the flow
 *     cut by the snap length   what is there is delivered, then a gap
 *     no SYN seen              a direction begins with the first data seen
 *     SYN with data            delivered (TCP Fast Open, RFC 7413)
 *     SYN, other number        the old connection ends, a new one begins
 *     SYN-ACKs that differ     the first data decides which one holds
 *     a few zeros, no PSH      perhaps Ethernet's padding: data only if what comes next says so
 *
 * Packets without a SYN and without data open no flow. Checksums are the mirror port's business, not looked at here.
 *
 * RFC 9293. Times are packet times; the clock never goes back.
 */
import { type Frame, TcpFlag } from '../decode/frame.ts';
import { FlowTable, STRIDE, State, TIMES, Time, Word, ZEROS_MASK, ZEROS_SHIFT } from './flow-table.ts';
import { HeldSegments } from './held-segments.ts';
import {
  IDLE_TIMEOUT_S,
  MAX_FLOWS,
  MAX_HELD_BYTES_TOTAL,
  MAX_PADDING_BYTES,
  MAX_SEQUENCE_JUMP,
  REORDER_PACKETS,
  REORDER_US,
} from './limits.ts';
import { FlowEnd, GapReason, type Side, type StreamHandler, Want } from './stream-handler.ts';

/** What the tracker counted. All of them are numbers of TCP packets, flows or bytes, as named. */
export class FlowCounters {
  packets = 0;
  /** Packets of no flow that could not begin one. */
  strayPackets = 0;
  flows = 0;
  closed = 0;
  reset = 0;
  reused = 0;
  idle = 0;
  evicted = 0;
  /** Flows without data that were forgotten because too many were opening at once. */
  openingsForgotten = 0;
  duplicateSegments = 0;
  outOfOrderSegments = 0;
  /** Segments whose sequence number is not of this connection. */
  strangeSegments = 0;
  gaps = 0;
  gapBytes = 0;
  snappedSegments = 0;
  /** Segments that a cap of their direction did not allow to hold: the hole before them was given up. */
  heldRefused = 0;
  /** Holes given up early because all directions together held too much. */
  holesEvicted = 0;
  /** Segments of a few zero bytes that may be padding. */
  paddingSegments = 0;
  /** Overlapping bytes that differed. */
  conflictBytes = 0;
  /** Bytes handed on in order, of flows that somebody wanted. */
  streamBytes = 0;
}

/** What padding turned out to be when it was data after all. */
const ZEROS = new Uint8Array(MAX_PADDING_BYTES);

export interface TcpTrackerOptions {
  readonly maxFlows?: number;
  /** Secret of the flow table's hash: any number, another in every process. */
  readonly seed: number;
}

export class TcpTracker {
  readonly table: FlowTable;
  readonly counters: FlowCounters = new FlowCounters();
  readonly #handler: StreamHandler;
  /** Out-of-order bytes by `2 * slot + side`; most flows have none. */
  readonly #held = new Map<number, HeldSegments>();
  #heldBytes = 0;
  readonly #key = new Int32Array(8);
  /** Packet time of the packet at hand: microseconds, and whole seconds. Set by `advance`. */
  nowUs = 0;
  /** Modulo 2^32, like what is compared with it. */
  #nowS = 0;
  #isTicking = false;

  constructor(handler: StreamHandler, options: TcpTrackerOptions) {
    this.#handler = handler;
    this.table = new FlowTable(options.maxFlows ?? MAX_FLOWS, options.seed);
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Moves the clock to the time of the next packet, in microseconds, and ends flows that were idle for too long. */
  advance(tsUs: number): void {
    this.nowUs = tsUs;
    this.tick((tsUs / 1e6) | 0);
  }

  /** Moves the clock's seconds alone, for who sets `nowUs` itself. */
  tick(second: number): void {
    if (this.#isTicking && ((second - this.#nowS) | 0) <= 0) return;
    this.#isTicking = true;
    this.#nowS = second;
    this.#expire();
  }

  /** One TCP packet. */
  packet(frame: Frame): void {
    this.counters.packets += 1;
    const slot = this.#find(frame);
    if (slot < 0) return;
    const table = this.table;
    const base = slot * STRIDE;
    if (table.words[base + Word.LastS] !== this.#nowS) table.touch(slot, this.#nowS);
    const side = this.#side;
    if ((table.words[base + Word.State]! & State.Done) !== 0) {
      // Payload of a finished flow needs no more than this; a SYN or the flow's end does.
      if ((frame.tcpFlags & (TcpFlag.Syn | TcpFlag.Fin | TcpFlag.Rst)) === 0) return;
      this.#packetOfDone(slot, side, frame);
      return;
    }
    this.#packetOfLive(slot, side, frame);
  }

  /** Ends every flow, oldest first: gaps are given up, so that what was held is delivered. */
  finish(why: FlowEnd): void {
    while (this.table.oldestLive >= 0) this.#end(this.table.oldestLive, why);
    while (this.table.oldestOpening >= 0) this.#end(this.table.oldestOpening, why);
  }

  /** Sets the clock back for a capture that was taken at another time. No flow may be left. */
  rewind(): void {
    this.nowUs = 0;
    this.#isTicking = false;
  }

  /** Ends a flow to make room. */
  evict(slot: number): void {
    this.counters.evicted += 1;
    this.#end(slot, FlowEnd.Evicted);
  }

  /** The side of the packet that `#find` looked up last. */
  #side: Side = 0;

  /** The packet's flow, made if it may begin one; -1 if it is stray. */
  #find(frame: Frame): number {
    const buf = frame.buf;
    let slot: number;
    if (frame.ipVersion === 4) {
      const src = word(buf, frame.srcAt);
      const dst = word(buf, frame.dstAt);
      const isA = src < dst || (src === dst && frame.srcPort <= frame.dstPort);
      const a = isA ? src : dst;
      const b = isA ? dst : src;
      const ports = isA ? (frame.srcPort << 16) | frame.dstPort : (frame.dstPort << 16) | frame.srcPort;
      this.#side = isA ? 0 : 1;
      slot = this.table.findV4(a, b, ports);
      if (slot >= 0 || !this.#mayBegin(frame)) return slot;
      slot = this.table.addV4(a, b, ports, this.#nowS, frame.payloadLen === 0);
    } else {
      const key = this.#key;
      let order = 0;
      for (let i = 0; i < 4; i++) {
        key[i] = word(buf, frame.srcAt + 4 * i);
        key[4 + i] = word(buf, frame.dstAt + 4 * i);
        if (order === 0) order = key[i]! - key[4 + i]!;
      }
      const isA = order < 0 || (order === 0 && frame.srcPort <= frame.dstPort);
      if (!isA) {
        for (let i = 0; i < 4; i++) {
          const swap = key[i]!;
          key[i] = key[4 + i]!;
          key[4 + i] = swap;
        }
      }
      const ports = isA ? (frame.srcPort << 16) | frame.dstPort : (frame.dstPort << 16) | frame.srcPort;
      this.#side = isA ? 0 : 1;
      slot = this.table.findV6(key, ports);
      if (slot >= 0 || !this.#mayBegin(frame)) return slot;
      slot = this.table.addV6(key, ports, this.#nowS, frame.payloadLen === 0);
    }
    this.#number(slot);
    return slot;
  }

  #number(slot: number): void {
    this.counters.flows += 1;
    this.table.words[slot * STRIDE + Word.Number] = this.counters.flows;
    this.table.times[slot * TIMES + Time.First] = this.nowUs;
  }

  #mayBegin(frame: Frame): boolean {
    if (frame.payloadLen === 0 && (frame.tcpFlags & (TcpFlag.Syn | TcpFlag.Rst)) !== TcpFlag.Syn) {
      this.counters.strayPackets += 1;
      return false;
    }
    if (frame.payloadLen > 0) {
      if (this.table.isFull) this.evict(this.table.oldestLive);
    } else if (this.table.isFullOfOpenings) {
      this.counters.openingsForgotten += 1;
      this.table.remove(this.table.oldestOpening);
    }
    return true;
  }

  #packetOfDone(slot: number, side: Side, frame: Frame): void {
    const words = this.table.words;
    const base = slot * STRIDE;
    if ((frame.tcpFlags & TcpFlag.Syn) !== 0) {
      if (this.#isNewConnection(slot, side, frame)) {
        this.#restart(slot);
        this.#packetOfLive(slot, side, frame);
      }
      return;
    }
    words[base + Word.State] = words[base + Word.State]! | (State.FinA << side);
    const both = State.FinA | State.FinB;
    if ((frame.tcpFlags & TcpFlag.Rst) !== 0) this.counters.reset += 1;
    else if ((words[base + Word.State]! & both) === both) this.counters.closed += 1;
    else return;
    this.table.remove(slot);
  }

  #packetOfLive(slot: number, side: Side, frame: Frame): void {
    const words = this.table.words;
    const base = slot * STRIDE;
    const flags = frame.tcpFlags;
    let seq = frame.seq;
    if ((flags & TcpFlag.Syn) !== 0) {
      if (this.#isNewConnection(slot, side, frame)) {
        this.#flush(slot);
        if ((words[base + Word.State]! & State.Done) === 0) this.#handler.onEnd(slot, FlowEnd.Reused);
        this.#restart(slot);
      }
      this.#syn(slot, side, frame);
      seq = (seq + 1) | 0;
    } else if (this.table.times[slot * TIMES + Time.SynAck]! >= 0 && this.table.times[slot * TIMES + Time.Ack]! < 0) {
      if ((words[base + Word.State]! & (State.OpenedByA << side)) !== 0) {
        this.table.times[slot * TIMES + Time.Ack] = this.nowUs;
      }
    }
    words[base + Word.PacketsA + side] = words[base + Word.PacketsA + side]! + 1;

    if (frame.payloadLen > 0) {
      if ((words[base + Word.State]! & State.Opening) !== 0) {
        if (this.table.isFull) this.evict(this.table.oldestLive);
        this.table.settle(slot);
      }
      words[base + Word.BytesA + side] = words[base + Word.BytesA + side]! + frame.payloadLen;
      this.#data(slot, side, seq, frame);
      if ((words[base + Word.State]! & State.Done) !== 0 && (flags & (TcpFlag.Fin | TcpFlag.Rst)) === 0) return;
    }
    const state = words[base + Word.State]!;
    if ((state & (State.HeldA | State.HeldB)) !== 0) this.#watchHoles(slot, side, frame);
    if ((flags & TcpFlag.Fin) !== 0) {
      words[base + Word.State] = words[base + Word.State]! | (State.FinA << side);
      words[base + Word.FinA + side] = (seq + (isPadding(frame) ? 0 : frame.payloadLen)) | 0;
      this.#settleZeros(slot, side, (words[base + Word.FinA + side]! - words[base + Word.NextA + side]!) | 0);
    }
    if ((flags & TcpFlag.Rst) !== 0) this.#reset(slot, side, (seq + frame.payloadLen) | 0);
    else if ((words[base + Word.State]! & (State.FinA | State.FinB)) === (State.FinA | State.FinB)) {
      if (isClosed(words, base, 0) && isClosed(words, base, 1)) {
        this.counters.closed += 1;
        this.#end(slot, FlowEnd.Closed);
      }
    }
  }

  /** A SYN whose number differs from the one this side began with opens a new connection on an old five-tuple. */
  #isNewConnection(slot: number, side: Side, frame: Frame): boolean {
    const words = this.table.words;
    const base = slot * STRIDE;
    const isKnown = (words[base + Word.State]! & (State.SyncedA << side)) !== 0;
    const differs = isKnown && words[base + Word.IsnA + side] !== frame.seq;
    if ((frame.tcpFlags & TcpFlag.Ack) !== 0) {
      // Where the client's SYN is in the capture it has said so already, and this is a late answer.
      return differs && words[base + Word.BytesA + side] !== 0 && this.table.times[slot * TIMES + Time.Syn]! < 0;
    }
    // An answer may overtake the SYN it answers, but not with data.
    return isKnown ? differs : words[base + Word.BytesA + 1 - side] !== 0;
  }

  #restart(slot: number): void {
    this.counters.reused += 1;
    this.#dropHeld(slot);
    this.table.forget(slot);
    this.#number(slot);
  }

  #syn(slot: number, side: Side, frame: Frame): void {
    const words = this.table.words;
    const base = slot * STRIDE;
    const times = this.table.times;
    const state = words[base + Word.State]!;
    if ((frame.tcpFlags & TcpFlag.Ack) === 0) {
      words[base + Word.State] = state | (State.OpenedByA << side);
      if (times[slot * TIMES + Time.Syn]! < 0) times[slot * TIMES + Time.Syn] = this.nowUs;
    } else {
      words[base + Word.State] = state | (State.OpenedByB >> side);
      if (times[slot * TIMES + Time.SynAck]! < 0) times[slot * TIMES + Time.SynAck] = this.nowUs;
    }
    if (words[base + Word.BytesA + side] !== 0) return;
    const differs = (state & (State.SyncedA << side)) !== 0 && words[base + Word.IsnA + side] !== frame.seq;
    if (differs || (state & (State.UnsureA << side)) !== 0) {
      const unsure = words[base + Word.State]! | (State.UnsureA << side);
      words[base + Word.State] = unsure & ~(State.SyncedA << side);
      return;
    }
    words[base + Word.State] = words[base + Word.State]! | (State.SyncedA << side);
    words[base + Word.IsnA + side] = frame.seq;
    words[base + Word.NextA + side] = (frame.seq + 1) | 0;
  }

  #data(slot: number, side: Side, seq: number, frame: Frame): void {
    const words = this.table.words;
    const base = slot * STRIDE;
    if ((words[base + Word.State]! & (State.SyncedA << side)) === 0) {
      words[base + Word.State] = words[base + Word.State]! | (State.SyncedA << side);
      words[base + Word.NextA + side] = seq;
      words[base + Word.IsnA + side] = (seq - 1) | 0;
    }
    const ahead = (seq - words[base + Word.NextA + side]!) | 0;
    if (ahead > 0) {
      if (!this.#settleZeros(slot, side, ahead)) this.#hold(slot, side, seq, ahead, frame);
      else if ((words[base + Word.State]! & State.Done) === 0) {
        this.#drain(slot, side);
        this.#data(slot, side, seq, frame);
      }
      return;
    }
    const fresh = ahead + frame.payloadLen;
    if (fresh <= 0) {
      this.counters.duplicateSegments += 1;
      words[base + Word.DuplicatesA + side] = words[base + Word.DuplicatesA + side]! + 1;
      return;
    }
    const isHeld = (words[base + Word.State]! & (State.HeldA << side)) !== 0;
    if (ahead === 0 && !isHeld && isPadding(frame)) {
      this.counters.paddingSegments += 1;
      this.#setZeros(slot, side, Math.max(frame.payloadLen, this.#zerosOf(slot, side)));
      return;
    }
    if (words[base + Word.State]! >>> ZEROS_SHIFT !== 0) {
      this.#setZeros(slot, side, Math.max(0, this.#zerosOf(slot, side) - fresh));
    }
    if (isHeld && this.#fillHole(slot, side, seq, frame)) return;
    const captured = frame.payloadEnd - frame.payloadAt;
    const at = frame.payloadAt - ahead;
    words[base + Word.NextA + side] = (seq + frame.payloadLen) | 0;
    if (at < frame.payloadEnd && this.#deliver(slot, side, frame.buf, at, frame.payloadEnd) === Want.Nothing) return;
    if (captured < frame.payloadLen) {
      this.counters.snappedSegments += 1;
      const missing = Math.min(frame.payloadLen - captured, fresh);
      if (this.#gap(slot, side, missing, GapReason.Snapped) === Want.Nothing) return;
    }
    if ((words[base + Word.State]! & (State.HeldA << side)) !== 0) this.#drain(slot, side);
  }

  /** Zero bytes that came where data is expected next, and may be padding. */
  #zerosOf(slot: number, side: Side): number {
    return (this.table.words[slot * STRIDE + Word.State]! >>> (ZEROS_SHIFT + 3 * side)) & ZEROS_MASK;
  }

  #setZeros(slot: number, side: Side, count: number): void {
    const at = slot * STRIDE + Word.State;
    const shift = ZEROS_SHIFT + 3 * side;
    this.table.words[at] = (this.table.words[at]! & ~(ZEROS_MASK << shift)) | (count << shift);
  }

  /** Delivers the first `count` of the zeros in doubt, if there are so many: what follows them says that they are data. */
  #settleZeros(slot: number, side: Side, count: number): boolean {
    const next = slot * STRIDE + Word.NextA + side;
    const zeros = this.#zerosOf(slot, side);
    if (count <= 0 || count > zeros) return false;
    // Those behind them stay in doubt.
    this.#setZeros(slot, side, zeros - count);
    this.table.words[next] = (this.table.words[next]! + count) | 0;
    this.#deliver(slot, side, ZEROS, 0, count);
    return true;
  }

  /**
   * A segment that fills the hole before what is held, and goes on over it: the bytes that came first stay. False where it
   * ends before that, which is nothing special.
   */
  #fillHole(slot: number, side: Side, seq: number, frame: Frame): boolean {
    const words = this.table.words;
    const base = slot * STRIDE;
    const held = this.#held.get(2 * slot + side)!;
    const hole = held.isEmpty ? 0 : (held.firstSeq - seq) | 0;
    const firstAt = frame.payloadAt + hole;
    if (held.isEmpty || firstAt >= frame.payloadEnd) return false;
    this.#keep(slot, held, held.firstSeq, frame.buf, firstAt, frame.payloadEnd);
    const at = frame.payloadAt + ((words[base + Word.NextA + side]! - seq) | 0);
    words[base + Word.NextA + side] = held.firstSeq;
    if (at < firstAt && this.#deliver(slot, side, frame.buf, at, firstAt) === Want.Nothing) return true;
    this.#drain(slot, side);
    // What a cap refused, or the snap length cut.
    const rest = (seq + frame.payloadLen - words[base + Word.NextA + side]!) | 0;
    if (rest > 0 && (words[base + Word.State]! & State.Done) === 0) this.#data(slot, side, seq, frame);
    return true;
  }

  #deliver(slot: number, side: Side, buf: Uint8Array, at: number, end: number): Want {
    this.counters.streamBytes += end - at;
    const want = this.#handler.onBytes(slot, side, buf, at, end);
    if (want === Want.Nothing) this.#finishedWith(slot);
    return want;
  }

  #gap(slot: number, side: Side, missing: number, reason: GapReason): Want {
    if (reason === GapReason.Missing) {
      this.counters.gaps += 1;
      this.counters.gapBytes += missing;
      const at = slot * STRIDE + Word.GapsA + side;
      this.table.words[at] = this.table.words[at]! + 1;
    }
    const want = this.#handler.onGap(slot, side, missing, reason);
    if (want === Want.Nothing) this.#finishedWith(slot);
    return want;
  }

  #finishedWith(slot: number): void {
    const at = slot * STRIDE + Word.State;
    this.#dropHeld(slot);
    this.table.words[at] = this.table.words[at]! | State.Done;
  }

  #hold(slot: number, side: Side, seq: number, ahead: number, frame: Frame): void {
    const words = this.table.words;
    const base = slot * STRIDE;
    if (ahead > MAX_SEQUENCE_JUMP) {
      this.counters.strangeSegments += 1;
      return;
    }
    if (frame.payloadAt === frame.payloadEnd) return;
    this.counters.outOfOrderSegments += 1;
    let held = this.#held.get(2 * slot + side);
    if (held === undefined) {
      held = new HeldSegments();
      this.#held.set(2 * slot + side, held);
      words[base + Word.State] = words[base + Word.State]! | (State.HeldA << side);
    }
    if (!this.#keep(slot, held, seq, frame.buf, frame.payloadAt, frame.payloadEnd)) {
      // A cap was hit. The hole before it all is given up: later bytes are worth more than an endless wait.
      this.counters.heldRefused += 1;
      this.#skipHole(slot, side, held);
      if ((words[base + Word.State]! & State.Done) === 0) this.#data(slot, side, seq, frame);
    } else if (this.#heldBytes > MAX_HELD_BYTES_TOTAL) this.#evictHeld();
  }

  /** Holds bytes and counts what that cost. False when a cap refused some of them. */
  #keep(slot: number, held: HeldSegments, seq: number, buf: Uint8Array, at: number, end: number): boolean {
    const before = held.sizeBytes;
    const conflicts = held.conflicts;
    const kept = held.hold(seq, buf, at, end);
    held.lastUs = this.nowUs;
    this.#heldBytes += held.sizeBytes - before;
    if (held.conflicts !== conflicts) {
      const word = slot * STRIDE + Word.Conflicts;
      this.counters.conflictBytes += held.conflicts - conflicts;
      this.table.words[word] = this.table.words[word]! + held.conflicts - conflicts;
    }
    return kept;
  }

  /** Gives up the holes that are open longest until all directions together hold no more than they may. */
  #evictHeld(): void {
    for (const [key, held] of this.#held) {
      if (this.#heldBytes <= MAX_HELD_BYTES_TOTAL) return;
      this.counters.holesEvicted += 1;
      this.#skipHole(key >> 1, (key & 1) === 0 ? 0 : 1, held);
    }
  }

  /** Gives up a hole once the receiver has acknowledged bytes behind it and reordering can't explain it any more. */
  #watchHoles(slot: number, side: Side, frame: Frame): void {
    const base = slot * STRIDE;
    for (let other: Side = 0; ; other = 1) {
      const held = this.#held.get(2 * slot + other);
      if (held !== undefined && !held.isEmpty) {
        if (held.ackedPackets > 0) {
          held.ackedPackets += 1;
          if (held.ackedPackets > REORDER_PACKETS || this.nowUs - held.ackedSinceUs > REORDER_US) {
            this.#skipHole(slot, other, held);
          }
        } else if (other !== side && (frame.tcpFlags & TcpFlag.Ack) !== 0) {
          const next = this.table.words[base + Word.NextA + other]!;
          if (((frame.ack - next) | 0) > 0) {
            held.ackedPackets = 1;
            held.ackedSinceUs = this.nowUs;
          }
        }
      }
      if (other === 1) return;
    }
  }

  /** Tells of the hole before the first held run, then delivers what follows it. */
  #skipHole(slot: number, side: Side, held: HeldSegments): void {
    if (held.isEmpty) return;
    const words = this.table.words;
    const next = slot * STRIDE + Word.NextA + side;
    const missing = (held.firstSeq - words[next]!) | 0;
    if (this.#settleZeros(slot, side, missing)) {
      if ((words[slot * STRIDE + Word.State]! & State.Done) !== 0) return;
    } else if (missing > 0) {
      words[next] = held.firstSeq;
      if (this.#gap(slot, side, missing, GapReason.Missing) === Want.Nothing) return;
    }
    this.#drain(slot, side);
  }

  #drain(slot: number, side: Side): void {
    const held = this.#held.get(2 * slot + side);
    if (held === undefined) return;
    const words = this.table.words;
    const next = slot * STRIDE + Word.NextA + side;
    for (;;) {
      const before = held.sizeBytes;
      const bytes = held.take(words[next]!);
      this.#heldBytes += held.sizeBytes - before;
      if (bytes === null) break;
      words[next] = (words[next]! + bytes.length) | 0;
      if (this.#deliver(slot, side, bytes, 0, bytes.length) === Want.Nothing) return;
    }
    if (held.isEmpty) {
      this.#held.delete(2 * slot + side);
      words[slot * STRIDE + Word.State] = words[slot * STRIDE + Word.State]! & ~(State.HeldA << side);
    }
  }

  #dropHeld(slot: number): void {
    const at = slot * STRIDE + Word.State;
    const state = this.table.words[at]!;
    if ((state & (State.HeldA | State.HeldB)) === 0) return;
    for (const key of [2 * slot, 2 * slot + 1]) {
      const held = this.#held.get(key);
      if (held === undefined) continue;
      this.#heldBytes -= held.sizeBytes;
      this.#held.delete(key);
    }
    this.table.words[at] = state & ~(State.HeldA | State.HeldB);
  }

  /** A reset counts when it is near what its sender would say next; a wild one is only noted. */
  #reset(slot: number, side: Side, seq: number): void {
    const words = this.table.words;
    const base = slot * STRIDE;
    words[base + Word.State] = words[base + Word.State]! | State.Reset;
    const isSynced = (words[base + Word.State]! & (State.SyncedA << side)) !== 0;
    const ahead = (seq - words[base + Word.NextA + side]!) | 0;
    if (isSynced && (ahead < -1 || ahead > 0xffff)) {
      this.counters.strangeSegments += 1;
      return;
    }
    this.counters.reset += 1;
    this.#end(slot, FlowEnd.Reset);
  }

  #expire(): void {
    while (this.#isIdle(this.table.oldestLive)) {
      this.counters.idle += 1;
      this.#end(this.table.oldestLive, FlowEnd.Idle);
    }
    while (this.#isIdle(this.table.oldestOpening)) {
      this.counters.idle += 1;
      this.#end(this.table.oldestOpening, FlowEnd.Idle);
    }
  }

  #isIdle(slot: number): boolean {
    if (slot < 0) return false;
    return ((this.#nowS - this.table.words[slot * STRIDE + Word.LastS]!) | 0) >= IDLE_TIMEOUT_S;
  }

  /** Takes a flow out of the table, after delivering what was held behind holes. */
  #end(slot: number, why: FlowEnd): void {
    this.#flush(slot);
    if ((this.table.words[slot * STRIDE + Word.State]! & State.Done) === 0) this.#handler.onEnd(slot, why);
    this.#dropHeld(slot);
    this.table.remove(slot);
  }

  /** Gives up all holes of a flow. What was held is delivered with the time at which it came. */
  #flush(slot: number): void {
    const at = slot * STRIDE + Word.State;
    if ((this.table.words[at]! & (State.HeldA | State.HeldB)) === 0) return;
    const nowUs = this.nowUs;
    for (const side of [0, 1] as const) {
      while ((this.table.words[at]! & (State.HeldA << side)) !== 0) {
        const held = this.#held.get(2 * slot + side);
        if (held === undefined || held.isEmpty) break;
        this.nowUs = held.lastUs;
        this.#skipHole(slot, side, held);
      }
    }
    this.nowUs = nowUs;
  }
}

/** All that this side sent up to its FIN was delivered or given up. */
function isClosed(words: Int32Array, base: number, side: Side): boolean {
  if ((words[base + Word.State]! & (State.SyncedA << side)) === 0) return true;
  return ((words[base + Word.NextA + side]! - words[base + Word.FinA + side]!) | 0) >= 0;
}

/** Zeros that nobody pushed, so few that they may be Ethernet's padding, which some captures count as data. */
function isPadding(frame: Frame): boolean {
  const { buf, payloadAt, payloadEnd, payloadLen } = frame;
  if (payloadLen > MAX_PADDING_BYTES || payloadEnd - payloadAt !== payloadLen) return false;
  if ((frame.tcpFlags & (TcpFlag.Psh | TcpFlag.Rst)) !== 0) return false;
  for (let i = payloadAt; i < payloadEnd; i++) if (buf[i] !== 0) return false;
  return payloadLen > 0;
}

/** Four bytes as a signed 32-bit integer. */
function word(buf: Uint8Array, at: number): number {
  return (buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!;
}
