/**
 * LZ4 frames, as the `lz4` command writes them, one after another.
 *
 *     magic              4   04 22 4d 18
 *     flags              1   version 01, blocks independent, block checksum, content size, content checksum, -, dictionary
 *     block maximum      1   4..7: 64 KiB, 256 KiB, 1 MiB, 4 MiB
 *     [content size]     8
 *     [dictionary]       4
 *     header checksum    1
 *     blocks                 size 4 (high bit: stored), bytes, [checksum 4]
 *     end mark           4   0
 *     [content checksum] 4
 *
 *     legacy: magic 02 21 4c 18, then blocks: size 4, bytes; each block holds 8 MiB, the last one less
 *     skippable: magic 5x 2a 4d 18, size 4, bytes
 *
 * LZ4 frame format, https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md. Checksums are stepped over, not verified: a
 * capture has its own lengths to fail on. A frame that needs a dictionary is refused. Memory is one block of input, and
 * one of output with the 64 KiB before it.
 */

import type { ByteWindow } from './byte-window.ts';
import { DecompressionError } from './decompression-error.ts';
import { decodeLz4Block } from './lz4-block.ts';

const MAGIC_FRAME = 0x184d2204;
const MAGIC_LEGACY = 0x184c2102;
const LEGACY_BLOCK_BYTES = 8_388_608;
/** Bytes that a match can reach back: its offset has 16 bits. */
const HISTORY_BYTES = 65_536;
const STORED = 0x8000_0000;

const Flag = {
  Independent: 0x20,
  BlockChecksum: 0x10,
  ContentSize: 0x08,
  ContentChecksum: 0x04,
  Dictionary: 0x01,
} as const;

/** Whether bytes begin with a frame or a legacy frame. */
export function probeLz4(buf: Uint8Array, at: number, end: number): boolean {
  if (end - at < 4) return false;
  const magic = u32(buf, at);
  return magic === MAGIC_FRAME || magic === MAGIC_LEGACY;
}

/** Decodes all frames of a stream. Each chunk is borrowed until the next. Throws `DecompressionError` after the last good one. */
export async function* decodeLz4(input: ByteWindow): AsyncGenerator<Uint8Array, void> {
  const out = new Lz4Output();
  while (await input.refill(1)) {
    if (!(await input.refill(4))) throw cut();
    const magic = u32(input.buf, input.pos);
    if (magic === MAGIC_FRAME) yield* decodeFrame(input, out);
    else if (magic === MAGIC_LEGACY) yield* decodeLegacyFrame(input, out);
    else if (isSkippable(magic)) await skipFrame(input);
    else throw new DecompressionError('the lz4 stream is followed by bytes that are no lz4 frame');
  }
}

/** The magic number of a frame for others' use, the same in lz4 and zstd: `5x 2a 4d 18`. */
export function isSkippable(magic: number): boolean {
  return magic >>> 4 === 0x0184_d2a5;
}

/** Steps over a skippable frame; its size takes no memory. */
async function skipFrame(input: ByteWindow): Promise<void> {
  if (!(await input.refill(8))) throw new DecompressionError('the compressed stream ends inside a skippable frame');
  let left = u32(input.buf, input.pos + 4) + 8;
  while (left > 0) {
    if (!(await input.refill(1))) throw new DecompressionError('the compressed stream ends inside a skippable frame');
    const n = Math.min(left, input.end - input.pos);
    input.pos += n;
    left -= n;
  }
}

async function* decodeFrame(input: ByteWindow, out: Lz4Output): AsyncGenerator<Uint8Array, void> {
  if (!(await input.refill(7))) throw cut();
  const flags = input.buf[input.pos + 4]!;
  const sizeCode = (input.buf[input.pos + 5]! >> 4) & 7;
  if (flags >> 6 !== 1) throw new DecompressionError(`the lz4 frame has version ${flags >> 6}; only 1 is known`);
  if (sizeCode < 4) throw new DecompressionError('the lz4 frame has an unknown block size');
  if ((flags & Flag.Dictionary) !== 0) throw new DecompressionError('the lz4 frame needs a dictionary');
  const headerLen = 7 + ((flags & Flag.ContentSize) !== 0 ? 8 : 0);
  if (!(await input.refill(headerLen))) throw cut();
  input.pos += headerLen;

  const maxBlockBytes = 1 << (8 + 2 * sizeCode);
  const trailerLen = (flags & Flag.BlockChecksum) !== 0 ? 4 : 0;
  out.startFrame(maxBlockBytes);
  for (;;) {
    if (!(await input.refill(4))) throw cut();
    const word = u32(input.buf, input.pos);
    input.pos += 4;
    if (word === 0) break;
    const sizeBytes = word >= STORED ? word - STORED : word;
    if (sizeBytes > maxBlockBytes) throw damaged();
    if ((flags & Flag.Independent) !== 0) out.forget();
    yield* decodeBlock(input, out, sizeBytes, word >= STORED);
    if (!(await input.refill(trailerLen))) throw cut();
    input.pos += trailerLen;
  }
  const checksumLen = (flags & Flag.ContentChecksum) !== 0 ? 4 : 0;
  if (!(await input.refill(checksumLen))) throw cut();
  input.pos += checksumLen;
}

/** A legacy frame has no end mark: it ends with the stream, or where a number too large for a block is a magic. */
async function* decodeLegacyFrame(input: ByteWindow, out: Lz4Output): AsyncGenerator<Uint8Array, void> {
  input.pos += 4;
  out.startFrame(LEGACY_BLOCK_BYTES);
  while (await input.refill(1)) {
    if (!(await input.refill(4))) throw cut();
    const word = u32(input.buf, input.pos);
    if (word === MAGIC_FRAME || word === MAGIC_LEGACY || isSkippable(word)) return;
    // The longest that 8 MiB of incompressible bytes become: LZ4_compressBound.
    if (word > LEGACY_BLOCK_BYTES + Math.floor(LEGACY_BLOCK_BYTES / 255) + 16) throw damaged();
    input.pos += 4;
    out.forget();
    yield* decodeBlock(input, out, word, false);
  }
}

async function* decodeBlock(
  input: ByteWindow,
  out: Lz4Output,
  sizeBytes: number,
  isStored: boolean,
): AsyncGenerator<Uint8Array, void> {
  const isWhole = await input.refill(sizeBytes);
  const { buf, pos } = input;
  const end = isWhole ? pos + sizeBytes : input.end;
  const isDamaged = isStored ? out.store(buf, pos, end) : out.decode(buf, pos, end);
  input.pos = end;
  yield out.decoded();
  if (!isWhole) throw cut();
  if (isDamaged) throw damaged();
}

/** The output of one block, with what came before it for its matches to reach back to. */
class Lz4Output {
  #buf: Uint8Array = new Uint8Array(0);
  #historyAt = 0;
  #at = 0;
  #end = 0;
  #maxBlockBytes = 0;

  /** A frame begins: nothing can be reached back to. */
  startFrame(maxBlockBytes: number): void {
    if (this.#buf.length < HISTORY_BYTES + maxBlockBytes) this.#buf = new Uint8Array(HISTORY_BYTES + maxBlockBytes);
    this.#maxBlockBytes = maxBlockBytes;
    this.forget();
  }

  forget(): void {
    this.#historyAt = HISTORY_BYTES;
    this.#at = HISTORY_BYTES;
    this.#end = HISTORY_BYTES;
  }

  decoded(): Uint8Array {
    return this.#buf.subarray(this.#at, this.#end);
  }

  store(src: Uint8Array, at: number, end: number): boolean {
    this.#slide();
    this.#buf.set(src.subarray(at, end), this.#at);
    this.#end = this.#at + end - at;
    return false;
  }

  decode(src: Uint8Array, at: number, end: number): boolean {
    this.#slide();
    const done = decodeLz4Block(src, at, end, this.#buf, this.#at, this.#at + this.#maxBlockBytes, this.#historyAt);
    this.#end = done.end;
    return done.isDamaged;
  }

  /** Puts the last 64 KiB before the place where the next block is decoded. */
  #slide(): void {
    const kept = Math.min(HISTORY_BYTES, this.#end - this.#historyAt);
    this.#buf.copyWithin(HISTORY_BYTES - kept, this.#end - kept, this.#end);
    this.#historyAt = HISTORY_BYTES - kept;
    this.#at = HISTORY_BYTES;
    this.#end = HISTORY_BYTES;
  }
}

function cut(): DecompressionError {
  return new DecompressionError('the lz4 stream ends inside a frame; it was cut, or is still being written');
}

function damaged(): DecompressionError {
  return new DecompressionError('the lz4 stream is damaged');
}

function u32(buf: Uint8Array, at: number): number {
  return (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)) >>> 0;
}
