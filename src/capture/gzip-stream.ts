/**
 * gzip members, one after another (RFC 1952), decoded by node:zlib on its thread while the walker runs on ours.
 *
 * zlib drops the output of the piece in which it finds damage, and a stream drops what nobody read when it fails. So pieces are
 * small, each is read empty before the next is written, and the last 8 bytes (checksum and length of the last member)
 * are a piece of their own: a wrong checksum loses nothing.
 */

import { createGunzip, type Gunzip } from 'node:zlib';

import type { ByteWindow } from './byte-window.ts';
import { DecompressionError } from './decompression-error.ts';
import { GZIP_PIECE_BYTES } from './limits.ts';

const TRAILER_LEN = 8;

/** What zlib makes a chunk of output; a window takes four of them. */
const CHUNK_BYTES = 65_536;

export function probeGzip(buf: Uint8Array, at: number, end: number): boolean {
  return end - at >= 3 && buf[at] === 0x1f && buf[at + 1] === 0x8b && buf[at + 2] === 8;
}

/** Decodes all members. Throws `DecompressionError` after the last good piece. */
export async function* decodeGzip(input: ByteWindow): AsyncGenerator<Uint8Array, void> {
  const engine = new Engine();
  try {
    while (!engine.isOver) {
      const more = await input.refill(TRAILER_LEN + 1);
      const left = input.end - input.pos;
      const length = Math.min(GZIP_PIECE_BYTES, more ? left - TRAILER_LEN : left);
      yield* await engine.feed(input.buf.subarray(input.pos, input.pos + length));
      input.pos += length;
    }
  } finally {
    engine.close();
  }
  if (engine.failure !== null) throw new DecompressionError(describe(engine.failure), { cause: engine.failure });
}

/** A zlib stream that is fed a piece at a time, and gives all that comes of it. */
class Engine {
  failure: Error | null = null;
  /** Set with the last output, and by a failure. */
  isOver = false;
  readonly #gunzip: Gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  readonly #chunks: Uint8Array[] = [];
  #wake = (): void => undefined;

  constructor() {
    this.#gunzip.on('data', (chunk: Uint8Array) => this.#chunks.push(chunk));
    this.#gunzip.on('error', (error) => {
      this.failure = error;
      this.#over();
    });
    this.#gunzip.on('end', () => this.#over());
  }

  /** Borrows the piece until the promise is settled. An empty one says that there is no more. */
  async feed(piece: Uint8Array): Promise<Uint8Array[]> {
    await this.#until((done) => {
      if (piece.length === 0) this.#gunzip.end();
      else this.#gunzip.write(piece, done);
    });
    // Chunks that the stream holds back flow in a later turn of the event loop.
    while (!this.isOver && this.#gunzip.readableLength > 0) await this.#until((done) => setImmediate(done));
    return this.#chunks.splice(0);
  }

  close(): void {
    this.#gunzip.destroy();
  }

  #over(): void {
    this.isOver = true;
    this.#wake();
  }

  /** Waits for what `start` starts: until it calls back, or the stream fails or ends. */
  #until(start: (done: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      start(resolve);
    });
  }
}

function describe(error: Error): string {
  const isCut = 'code' in error && error.code === 'Z_BUF_ERROR';
  return isCut
    ? 'the gzip stream ends inside a member; it was cut, or is still being written'
    : `the gzip stream is damaged (zlib says: ${error.message})`;
}
