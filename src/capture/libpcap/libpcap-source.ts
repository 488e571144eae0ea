/**
 * The reading end of `LibpcapIntake`: a `LiveSource` in a thread of its own, or in the intake's.
 *
 * libpcap's queue plays the part of the ring in the counters. There is no shunt, and the link is taken to be up: `cap` does not
 * tell. Packets are copied out of shared memory, so that they can be handed to anything.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import type { KernelCounters, LinkState, LiveSource } from '../live-source.ts';
import type { CaptureCounters, CaptureInterface, PacketBlock } from '../packet-source.ts';
import type { LibpcapHandle } from './libpcap-intake.ts';
import { PacketQueue } from './packet-queue.ts';

/** `next` waits so long at most. */
const WAIT_MS = 100;
/** Beside the intake, in one thread, it must not block: it looks again so often. */
const LOOK_MS = 5;
/** A packet that was on its way into the queue when the intake was stopped is there after so long. */
const SETTLE_MS = 20;
/** Bytes of a block. Sixteen of the largest packets. */
const BLOCK_BYTES = 1_048_576;

const NOTES: readonly string[] = [
  'through libpcap (package cap): times are those of the callback, and packets that the kernel drops are not known',
];

class LibpcapSource implements LiveSource {
  readonly name: string;
  readonly sizeBytes = 0;
  readonly interfaces: readonly CaptureInterface[];
  readonly fault = null;
  readonly shunt = null;
  readonly link: LinkState = 'up';
  readonly notes = NOTES;
  readonly counters: CaptureCounters = { packets: 0, bytes: 0, truncated: 0, fileBytes: 0, skippedBlocks: 0 };
  readonly #queue: PacketQueue;
  readonly #block = new Uint8Array(BLOCK_BYTES);
  #isSettled = false;
  /** The queue's counters wrap: as they were, and their sums. */
  #seen = { received: 0, dropped: 0, receivedBytes: 0, freezes: 0 };
  readonly #sums = { received: 0, dropped: 0, receivedBytes: 0, freezes: 0 };

  constructor(handle: LibpcapHandle) {
    this.name = handle.interface;
    this.interfaces = [{ name: handle.interface, linkType: handle.linkType }];
    this.#queue = new PacketQueue(handle.memory);
  }

  async next(block: PacketBlock): Promise<boolean> {
    // Asked for first: what came in before the stop is taken by what follows.
    const isStopped = this.#queue.isStopped;
    if (isStopped && !this.#isSettled) {
      await sleep(SETTLE_MS);
      this.#isSettled = true;
    }
    if (!isStopped && this.#queue.isEmpty) await this.#wait();
    const count = this.#queue.take(block, this.#block);
    this.counters.packets += count;
    for (let i = 0; i < count; i++) {
      const capLen = block.capLen[i]!;
      this.counters.bytes += capLen;
      if (capLen < block.wireLen[i]!) this.counters.truncated += 1;
    }
    return count > 0 || !isStopped;
  }

  readKernel(): KernelCounters {
    const now = this.#queue.readCounters();
    const sums = this.#sums;
    sums.received += (now.received - this.#seen.received) >>> 0;
    sums.dropped += (now.dropped - this.#seen.dropped) >>> 0;
    sums.receivedBytes += (now.receivedBytes - this.#seen.receivedBytes) >>> 0;
    sums.freezes += (now.freezes - this.#seen.freezes) >>> 0;
    this.#seen = { ...now };
    const walked = this.counters.packets;
    return {
      received: sums.received,
      receivedBytes: sums.receivedBytes,
      ringDropped: sums.dropped,
      walked,
      waiting: sums.received - sums.dropped - walked,
      freezes: sums.freezes,
      shunted: {},
    };
  }

  stopIntake(): void {
    this.#queue.stop();
  }

  close(): Promise<void> {
    this.#queue.stop();
    return Promise.resolve();
  }

  async #wait(): Promise<void> {
    if (!isMainThread) {
      this.#queue.wait(WAIT_MS);
      return;
    }
    for (let waitedMs = 0; waitedMs < WAIT_MS && this.#queue.isEmpty && !this.#queue.isStopped; waitedMs += LOOK_MS) {
      await sleep(LOOK_MS);
    }
  }
}

/** Reads what an intake, of this thread or another, takes in. One source for an intake. */
export function openLibpcapSource(handle: LibpcapHandle): LiveSource {
  return new LibpcapSource(handle);
}
