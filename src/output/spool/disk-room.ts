/**
 * How much the spool may take: its own bound, and what the disk has left above the free space that the user wants kept.
 *
 *     |<------------- file ------------->|<--- free - minFree --->|
 *     |<- live ->|<- reusable ->|<- own ->|
 *
 * A page freed by a delivered batch is used again, so a full disk stops the growth and not the work.
 */
import { statfs } from 'node:fs/promises';
import { STORE_RESERVE_BYTES, STORE_RESERVE_SHARE } from './limits.ts';
import type { FullReason } from './make-room.ts';

export interface RoomOptions {
  readonly maxBytes: number;
  readonly minFreeBytes: number;
}

export class DiskRoom {
  readonly #folder: string;
  readonly #options: RoomOptions;
  /** Free space when it was last asked for, and the file's size then. */
  freeBytes = Number.POSITIVE_INFINITY;
  #fileBytesThen = 0;
  /** The disk refused a write: until space is seen again, nothing grows. */
  isDiskFull = false;
  /** More given up for each refusal that follows: holes may be too small for a batch. */
  extraReserveBytes = 0;

  constructor(folder: string, options: RoomOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  async look(fileBytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder);
    this.freeBytes = bavail * bsize;
    this.#fileBytesThen = fileBytes;
    if (this.freeBytes > this.#options.minFreeBytes + STORE_RESERVE_BYTES) this.clearFull();
  }

  clearFull(): void {
    this.isDiskFull = false;
    this.extraReserveBytes = 0;
  }

  /** By how much the file may grow. */
  growBytes(fileBytes: number): number {
    const grown = fileBytes - this.#fileBytesThen;
    return this.isDiskFull ? 0 : Math.max(0, this.freeBytes - grown - this.#options.minFreeBytes);
  }

  /** Null where `bytes` fit beside `liveBytes` of a file of `fileBytes`. */
  ask(bytes: number, liveBytes: number, fileBytes: number): FullReason | null {
    const need = liveBytes + bytes;
    const { maxBytes } = this.#options;
    if (need > maxBytes - reserveOf(maxBytes)) return 'spool_full';
    const capacity = fileBytes + this.growBytes(fileBytes);
    return need + reserveOf(capacity) + this.extraReserveBytes > capacity ? 'disk_full' : null;
  }
}

function reserveOf(bytes: number): number {
  return Math.max(STORE_RESERVE_BYTES, bytes * STORE_RESERVE_SHARE);
}
