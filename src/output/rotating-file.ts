/**
 * A file of events that is appended to and, if asked for, set aside by size and by time under a name with the time of its first event:
 *
 *     events.ndjson                        is written to
 *     events.20261124T051616Z.ndjson       was set aside; `-2` and so on where the name is taken
 *
 * What a write leaves is whole or nothing: a write that fails half-way is cut off again, and what a kill tore is cut off when the
 * file is opened. `reopen` is for logrotate, which moves the file and sends SIGHUP.
 */
import { constants, existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import path from 'node:path';
import type { EventEncoding } from './event-encoding.ts';
import { messageOf } from './message-of.ts';
import { OutputError } from './output-error.ts';

/** Looked at for the end of the last whole event. A batch is smaller, and only the last one can be torn. */
const TAIL_BYTES = 64 * 1024 * 1024;

export interface RotatingFileOptions {
  readonly file: string;
  readonly maxBytes?: number;
  readonly maxAgeMs?: number;
  /** Waits for the disk before a batch counts as written: with the spool's durability `power-loss`. */
  readonly isSynced?: boolean;
  readonly now?: () => number;
}

export class RotatingFile {
  readonly #options: RotatingFileOptions;
  readonly #encoding: EventEncoding;
  readonly #now: () => number;
  #handle: FileHandle | null = null;
  #sizeBytes = 0;
  #openedMs = 0;
  #mustReopen = false;

  constructor(options: RotatingFileOptions, encoding: EventEncoding) {
    this.#options = options;
    this.#encoding = encoding;
    this.#now = options.now ?? Date.now;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Before the next write the file is opened anew under its name. */
  reopen(): void {
    this.#mustReopen = true;
  }

  /** Writes all of `bytes`, or nothing. Rejects with `OutputError`. */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      if (this.#mustReopen) await this.close();
      this.#mustReopen = false;
      if (this.#handle !== null && this.#isDue(bytes.length)) await this.#rotate();
      this.#handle ??= await this.#open();
      await this.#append(this.#handle, bytes);
    } catch (error) {
      if (error instanceof OutputError) throw error;
      throw new OutputError('cannot_write', `can't write ${this.#options.file}: ${messageOf(error)}`);
    }
  }

  async #append(handle: FileHandle, bytes: Uint8Array): Promise<void> {
    let at = 0;
    try {
      while (at < bytes.length) {
        at += (await handle.write(bytes, at, bytes.length - at, this.#sizeBytes + at)).bytesWritten;
      }
      if (this.#options.isSynced === true) await handle.datasync();
    } catch (error) {
      if (at > 0) await handle.truncate(this.#sizeBytes);
      throw error;
    }
    this.#sizeBytes += bytes.length;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }

  #isDue(moreBytes: number): boolean {
    const { maxBytes, maxAgeMs } = this.#options;
    if (this.#sizeBytes === 0) return false;
    if (maxBytes !== undefined && this.#sizeBytes + moreBytes > maxBytes) return true;
    return maxAgeMs !== undefined && this.#now() - this.#openedMs >= maxAgeMs;
  }

  async #rotate(): Promise<void> {
    const { file } = this.#options;
    await this.close();
    const { dir, name, ext } = path.parse(file);
    const stamp = new Date(this.#openedMs).toISOString().replace(/[-:]|\.\d+/g, '');
    let aside = path.join(dir, `${name}.${stamp}${ext}`);
    for (let n = 2; existsSync(aside); n++) aside = path.join(dir, `${name}.${stamp}-${n}${ext}`);
    await rename(file, aside);
  }

  async #open(): Promise<FileHandle> {
    const { file } = this.#options;
    try {
      await mkdir(path.dirname(file), { recursive: true });
      // Not O_APPEND: it would ignore where a write is to go, and leave a torn one in the middle.
      const handle = await open(file, constants.O_RDWR | constants.O_CREAT, 0o640);
      const { size, birthtimeMs } = await handle.stat();
      this.#sizeBytes = await this.#cutTorn(handle, size);
      this.#openedMs = this.#sizeBytes === 0 ? this.#now() : birthtimeMs;
      return handle;
    } catch (error) {
      throw new OutputError('cannot_open', `can't write ${file}: ${messageOf(error)}`);
    }
  }

  /** Size without what is behind the last whole event. */
  async #cutTorn(handle: FileHandle, size: number): Promise<number> {
    if (size === 0) return 0;
    // Messages can only be walked from the file's beginning; lines are found from its end.
    const from = this.#encoding.name === 'protobuf' ? 0 : Math.max(0, size - TAIL_BYTES);
    let at = from;
    while (at < size) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(Math.min(TAIL_BYTES, size - at)), 0, null, at);
      const whole = this.#encoding.findEnd(buffer.subarray(0, bytesRead));
      if (whole <= 0 || bytesRead === 0) break;
      at += whole;
    }
    if (at < size) await handle.truncate(at);
    return at;
  }
}
