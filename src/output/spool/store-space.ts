/**
 * Disk space for the store before it needs it: LMDB only ever writes where blocks are already allocated, so it never meets a full disk.
 *
 *     |<------ pages LMDB has used ------>|<----- tail: zeros that we wrote ----->|
 *     0                               lastPage                              file's end
 *
 * It must not: lmdb 3 formats its message about a failed write into 100 bytes, which the message can exceed (`mdb_page_flush`), and what
 * is behind them on the heap is anybody's. So before each commit the tail is at least as long as all that the commit could write if it
 * used no page again; growing it is our own write, which can fail and nothing happens. (A file system that copies on write can still
 * refuse an overwrite; there the free space that the spool keeps is the guard.)
 */
import { statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { messageOf } from '../message-of.ts';
import { BATCH_SLACK_BYTES, STORE_SLACK_BYTES, STORE_SLACK_SHARE } from './limits.ts';

/** The commit can't be written safely. Nothing of it was. */
class StoreFullError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StoreFullError';
  }
}

const ZEROS = Buffer.alloc(256 * 1024);

export class StoreSpace {
  readonly #file: string;
  readonly #tailBytes: number;
  #handle: FileHandle | null = null;
  fileBytes: number;

  /** `tailBytes`: by how much the file grows at a time. */
  constructor(file: string, tailBytes: number) {
    this.#file = file;
    this.#tailBytes = tailBytes;
    this.fileBytes = statSync(file).size;
  }

  /**
   * Makes sure that a commit with `batchBytes` of new records can be written behind `usedBytes`. Rejects with `StoreFullError`. The
   * file grows by `mayGrowBytes` at most; a commit without batches, which makes room, may have all there is.
   */
  async ensure(usedBytes: number, batchBytes: number, mayGrowBytes: number): Promise<void> {
    const slack = STORE_SLACK_BYTES + usedBytes * STORE_SLACK_SHARE + (batchBytes > 0 ? BATCH_SLACK_BYTES : 0);
    const needed = usedBytes + batchBytes + slack;
    if (this.fileBytes >= needed) return;
    const allowed = batchBytes > 0 ? this.fileBytes + mayGrowBytes : needed;
    if (allowed < needed)
      throw new StoreFullError(
        `the disk has ${mayGrowBytes} bytes for the spool, and not the free space that it is to keep`,
      );
    try {
      await this.#growTo(Math.ceil(Math.min(allowed, needed + this.#tailBytes)));
    } catch (error) {
      if (this.fileBytes < needed) throw new StoreFullError(messageOf(error));
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = null;
  }

  async #growTo(end: number): Promise<void> {
    this.#handle ??= await open(this.#file, 'r+');
    while (this.fileBytes < end) {
      const { bytesWritten } = await this.#handle.write(
        ZEROS,
        0,
        Math.min(ZEROS.length, end - this.fileBytes),
        this.fileBytes,
      );
      this.fileBytes += bytesWritten;
    }
  }
}
