/**
 * A bounded queue of packets from one thread to another, in shared memory.
 *
 *     control   words of 32 bits, see `Word`
 *     ring      records, one behind the other, each at a multiple of eight:
 *       capLen    4    or SKIP: the next record is at the beginning
 *       wireLen   4
 *       tsUs      8    a float
 *       packet    capLen bytes
 *
 * One thread adds and one takes; both may be the same. Each place is written by one side only, and a record is complete before its end
 * is published. A packet that finds no room is counted and dropped: whoever adds never waits. Counters wrap at 2^32; whoever reads them
 * asks often enough, about once a second.
 */

import { BLOCK_PACKETS, type PacketBlock } from '../packet-source.ts';

const Word = {
  /** Where the next record is written, in bytes; by the thread that adds. Waited on. */
  WriteAt: 0,
  /** Where the next record is read, by the thread that takes. */
  ReadAt: 1,
  /** Packets that came in, and of these those that found no room. */
  Received: 2,
  Dropped: 3,
  /** Bytes of all that came in. */
  ReceivedBytes: 4,
  /** How often it became full. */
  Freezes: 5,
  /** 1: nothing more is taken in. */
  IsStopped: 6,
} as const;

const CONTROL_BYTES = 64;
const HEADER_BYTES = 16;
const SKIP = 0xffff_ffff;
/** Two of the largest packets, so that wherever an empty queue stands the next one fits before or behind. */
const MIN_QUEUE_BYTES = 131_136;

/** Received, dropped, bytes, freezes: as they are now, modulo 2^32. */
export interface QueueCounters {
  readonly received: number;
  readonly dropped: number;
  readonly receivedBytes: number;
  readonly freezes: number;
}

export class PacketQueue {
  readonly memory: SharedArrayBuffer;
  readonly #control: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #size: number;
  #isFull = false;

  /** `memory` as `createQueueMemory` made it. */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.#size = memory.byteLength - CONTROL_BYTES;
    this.#bytes = new Uint8Array(memory, CONTROL_BYTES, this.#size);
    this.#view = new DataView(memory, CONTROL_BYTES, this.#size);
  }

  /** Copies a packet; false where it was dropped, or the intake is stopped (then it is not counted). */
  add(packet: Uint8Array, capLen: number, wireLen: number, tsUs: number): boolean {
    const control = this.#control;
    if (Atomics.load(control, Word.IsStopped) === 1) return false;
    control[Word.ReceivedBytes]! += capLen;
    const at = this.#findRoom(recordBytes(capLen));
    if (at < 0) {
      if (!this.#isFull) Atomics.add(control, Word.Freezes, 1);
      this.#isFull = true;
      Atomics.add(control, Word.Dropped, 1);
      Atomics.add(control, Word.Received, 1);
      return false;
    }
    this.#isFull = false;
    this.#view.setUint32(at, capLen, true);
    this.#view.setUint32(at + 4, wireLen, true);
    this.#view.setFloat64(at + 8, tsUs, true);
    this.#bytes.set(packet.length === capLen ? packet : packet.subarray(0, capLen), at + HEADER_BYTES);
    Atomics.add(control, Word.Received, 1);
    const end = at + recordBytes(capLen);
    Atomics.store(control, Word.WriteAt, end === this.#size ? 0 : end);
    Atomics.notify(control, Word.WriteAt, 1);
    return true;
  }

  /** Moves packets into `block`, whose buffer is `target`, as many as fit; the number of them. */
  take(block: PacketBlock, target: Uint8Array): number {
    const control = this.#control;
    const writeAt = Atomics.load(control, Word.WriteAt);
    let readAt = Atomics.load(control, Word.ReadAt);
    let used = 0;
    let count = 0;
    block.buf = target;
    while (readAt !== writeAt && count < BLOCK_PACKETS) {
      const capLen = this.#view.getUint32(readAt, true);
      if (capLen === SKIP) {
        readAt = 0;
        continue;
      }
      if (used + capLen > target.length) break;
      const from = readAt + HEADER_BYTES;
      target.set(this.#bytes.subarray(from, from + capLen), used);
      block.at[count] = used;
      block.capLen[count] = capLen;
      block.wireLen[count] = this.#view.getUint32(readAt + 4, true);
      block.tsUs[count] = this.#view.getFloat64(readAt + 8, true);
      block.iface[count] = 0;
      used += capLen;
      count += 1;
      readAt += recordBytes(capLen);
      if (readAt === this.#size) readAt = 0;
    }
    Atomics.store(control, Word.ReadAt, readAt);
    block.count = count;
    return count;
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#control, Word.ReadAt) === Atomics.load(this.#control, Word.WriteAt);
  }

  /** Blocks this thread until something is there, `timeoutMs` at most. Never in the thread that adds. */
  wait(timeoutMs: number): void {
    const readAt = Atomics.load(this.#control, Word.ReadAt);
    Atomics.wait(this.#control, Word.WriteAt, readAt, timeoutMs);
  }

  /** Nothing more comes in, from now on. */
  stop(): void {
    Atomics.store(this.#control, Word.IsStopped, 1);
  }

  get isStopped(): boolean {
    return Atomics.load(this.#control, Word.IsStopped) === 1;
  }

  readCounters(): QueueCounters {
    // Read in this order, so that what is dropped has been received.
    const dropped = Atomics.load(this.#control, Word.Dropped) >>> 0;
    return {
      dropped,
      received: Atomics.load(this.#control, Word.Received) >>> 0,
      receivedBytes: Atomics.load(this.#control, Word.ReceivedBytes) >>> 0,
      freezes: Atomics.load(this.#control, Word.Freezes) >>> 0,
    };
  }

  /** Where `need` bytes lie in one piece, or -1. One record's worth stays free: equal ends mean empty. */
  #findRoom(need: number): number {
    const writeAt = Atomics.load(this.#control, Word.WriteAt);
    const readAt = Atomics.load(this.#control, Word.ReadAt);
    if (readAt > writeAt) return writeAt + need < readAt ? writeAt : -1;
    if (writeAt + need < this.#size || (writeAt + need === this.#size && readAt > 0)) return writeAt;
    if (need >= readAt) return -1;
    this.#view.setUint32(writeAt, SKIP, true);
    return 0;
  }
}

/** Zeroed memory of a queue whose records take `sizeBytes`, or what it needs at least. */
export function createQueueMemory(sizeBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + Math.ceil(Math.max(sizeBytes, MIN_QUEUE_BYTES) / 8) * 8);
}

function recordBytes(capLen: number): number {
  return HEADER_BYTES + ((capLen + 7) & ~7);
}
