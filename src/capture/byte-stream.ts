/**
 * Bytes in order, from three places: a plain file, a pipe, and a decompressor. `SlidingWindow` reads them.
 *
 * A file is read synchronously: the page cache answers faster than the thread pool hands over, and a replay has nothing
 * else to do. A pipe may stay silent for hours, so it is awaited.
 */

import { closeSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';

import { EMPTY_BYTES } from '../bytes/cursor.ts';
import { CaptureError } from './capture-error.ts';
import { DecompressionError } from './decompression-error.ts';

export interface ByteStream {
  /** Bytes taken from the disk or the pipe so far; compressed ones where they are. */
  readonly rawBytes: number;
  /** Why the bytes ended before their time, as a sentence. */
  readonly failure: string | null;
  /** Copies up to `room` bytes to `into[at…]` and returns how many; 0 only at the end. Throws `CaptureError`. */
  read(into: Uint8Array, at: number, room: number): number | Promise<number>;
  close(): Promise<void>;
}

/** A plain file. Owns the descriptor. */
export class FileBytes implements ByteStream {
  rawBytes = 0;
  readonly failure: null = null;
  readonly #name: string;
  #fd: number;

  constructor(name: string, fd: number) {
    this.#name = name;
    this.#fd = fd;
  }

  read(into: Uint8Array, at: number, room: number): number {
    try {
      const got = readSync(this.#fd, into, at, room, null);
      this.rawBytes += got;
      return got;
    } catch (error) {
      throw readFailed(this.#name, error);
    }
  }

  async close(): Promise<void> {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }
}

/** Standard input, a named pipe, or any other readable stream of bytes. */
export class PipeBytes implements ByteStream {
  rawBytes = 0;
  readonly failure: null = null;
  readonly #name: string;
  readonly #readable: Readable;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = EMPTY_BYTES;

  constructor(name: string, readable: Readable) {
    this.#name = name;
    this.#readable = readable;
    this.#chunks = readable[Symbol.asyncIterator]();
  }

  async read(into: Uint8Array, at: number, room: number): Promise<number> {
    try {
      while (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done === true) return 0;
        this.#rest = value;
        this.rawBytes += value.length;
      }
    } catch (error) {
      throw readFailed(this.#name, error);
    }
    const got = copyFront(this.#rest, into, at, room);
    this.#rest = this.#rest.subarray(got);
    return got;
  }

  async close(): Promise<void> {
    this.#readable.destroy();
  }
}

/**
 * What a decompressor makes of a raw stream. Its chunks are borrowed until the next one is asked for, which is also the
 * back-pressure: nothing is decompressed that nobody reads.
 */
export class DecompressedBytes implements ByteStream {
  failure: string | null = null;
  readonly #raw: { readonly rawBytes: number; close(): Promise<void> };
  readonly #chunks: AsyncGenerator<Uint8Array, void>;
  #rest: Uint8Array = EMPTY_BYTES;

  constructor(raw: { readonly rawBytes: number; close(): Promise<void> }, chunks: AsyncGenerator<Uint8Array, void>) {
    this.#raw = raw;
    this.#chunks = chunks;
  }

  get rawBytes(): number {
    return this.#raw.rawBytes;
  }

  read(into: Uint8Array, at: number, room: number): number | Promise<number> {
    if (this.#rest.length === 0) return this.#readNext(into, at, room);
    const got = copyFront(this.#rest, into, at, room);
    this.#rest = this.#rest.subarray(got);
    return got;
  }

  async #readNext(into: Uint8Array, at: number, room: number): Promise<number> {
    try {
      while (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done === true) return 0;
        this.#rest = value;
      }
    } catch (error) {
      if (!(error instanceof DecompressionError)) throw error;
      this.failure = error.message;
      return 0;
    }
    return this.read(into, at, room);
  }

  async close(): Promise<void> {
    this.#rest = EMPTY_BYTES;
    await this.#chunks.return();
    await this.#raw.close();
  }
}

function copyFront(from: Uint8Array, into: Uint8Array, at: number, room: number): number {
  const n = Math.min(room, from.length);
  into.set(n === from.length ? from : from.subarray(0, n), at);
  return n;
}

function readFailed(name: string, error: unknown): CaptureError {
  const reason = error instanceof Error ? error.message : String(error);
  return new CaptureError('read_failed', name, `${name}: reading failed: ${reason}`, error);
}
