/**
 * What the two capture formats have in common: a walker takes records from a window and names their packets in a block.
 * It is plain computing over bytes, so a test or a fuzzer drives it with a `FixedWindow`.
 */

import type { ByteWindow } from './byte-window.ts';
import type { CaptureCounters, CaptureFault, CaptureInterface, PacketBlock } from './packet-source.ts';

export interface RecordWalker {
  readonly interfaces: readonly CaptureInterface[];
  /** Set once, when no further record can be believed. */
  readonly fault: CaptureFault | null;
  /** Bytes that the next record takes, as far as is known: the window has to hold so many before `walk` gets on. */
  readonly need: number;
  /**
   * Appends packets to `block` until it is full, the window is used up, or a fault. Each call ends with a packet in the block,
   * with a fault, or with fewer than `need` bytes left in the window.
   */
  walk(window: ByteWindow, block: PacketBlock): void;
  /** Called with the bytes that `walk` left, when no more will come: what is there of a cut packet still counts. */
  finish(window: ByteWindow, block: PacketBlock): void;
}

export function emptyCounters(): CaptureCounters {
  return { packets: 0, bytes: 0, truncated: 0, fileBytes: 0, skippedBlocks: 0 };
}
