/**
 * Zstandard frames, one after another. `fzstd` decodes the blocks; the frames are walked here.
 *
 *     magic             4   28 b5 2f fd
 *     descriptor        1   content size flag 2 bits, single segment 1, -, reserved 1, checksum 1, dictionary flag 2 bits
 *     [window]          1   exponent 5 bits, mantissa 3 bits; absent in a single segment
 *     [dictionary]      0, 1, 2 or 4
 *     [content size]    0, 1, 2, 4 or 8
 *     blocks                header 3: last 1 bit, type 2 bits, size 21 bits; bytes
 *     [checksum]        4
 *
 * RFC 8878 3.1. Walking the frames keeps three promises that the library alone does not: a window larger than
 * MAX_ZSTD_WINDOW_BYTES, which it would decode wrongly, is refused before it is allocated; every block before a damaged one is delivered; and frames in a row
 * cost no recursion. Checksums are not verified. A frame that needs a dictionary is refused.
 */

import { Decompress } from 'fzstd';

import type { ByteWindow } from './byte-window.ts';
import { DecompressionError } from './decompression-error.ts';
import { MAX_ZSTD_BLOCK_BYTES, MAX_ZSTD_WINDOW_BYTES } from './limits.ts';
import { isSkippable, skipFrame } from './lz4-frame.ts';

const MAGIC = 0xfd2f_b528;
const MAX_HEADER_LEN = 18;
const BLOCK_HEADER_LEN = 3;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

/** Bits of the frame header descriptor. */
const SINGLE_SEGMENT = 0x20;
const RESERVED = 0x08;
const HAS_CHECKSUM = 0x04;
const DICTIONARY = 0x03;

interface ZstdHeader {
  readonly length: number;
  readonly maxBlockBytes: number;
  readonly checksumLen: number;
}

export function probeZstd(buf: Uint8Array, at: number, end: number): boolean {
  return end - at >= 4 && u32(buf, at) === MAGIC;
}

/** Decodes all frames of a stream. Throws `DecompressionError` after the last good block. */
export async function* decodeZstd(input: ByteWindow): AsyncGenerator<Uint8Array, void> {
  while (await input.refill(1)) {
    if (!(await input.refill(4))) throw cut();
    const magic = u32(input.buf, input.pos);
    if (isSkippable(magic)) await skipFrame(input);
    else if (magic === MAGIC) yield* decodeFrame(input);
    else throw new DecompressionError('the zstd stream is followed by bytes that are no zstd frame');
  }
}

async function* decodeFrame(input: ByteWindow): AsyncGenerator<Uint8Array, void> {
  await input.refill(MAX_HEADER_LEN);
  const header = readHeader(input.buf, input.pos, input.end);
  const decoded: Uint8Array[] = [];
  const decoder = new Decompress((bytes) => decoded.push(bytes));
  // The library keeps what it is given until it has 18 bytes, so it gets copies. It is told that there is no checksum:
  // then the last block is the end for it, however short the frame is.
  const copy = input.buf.slice(input.pos, input.pos + header.length);
  copy[4]! &= ~HAS_CHECKSUM;
  feed(decoder, copy, false);
  input.pos += header.length;

  for (let isLast = false; !isLast; ) {
    if (!(await input.refill(BLOCK_HEADER_LEN))) throw cut();
    const { buf, pos } = input;
    const word = buf[pos]! | (buf[pos + 1]! << 8) | (buf[pos + 2]! << 16);
    const type = (word >> 1) & 3;
    const sizeBytes = word >> 3;
    if (type === RESERVED_BLOCK || sizeBytes > header.maxBlockBytes) throw damaged();
    const length = BLOCK_HEADER_LEN + (type === RLE_BLOCK ? 1 : sizeBytes);
    if (!(await input.refill(length))) throw cut();
    isLast = (word & 1) === 1;
    feed(decoder, input.buf.slice(input.pos, input.pos + length), isLast);
    input.pos += length;
    yield* decoded.splice(0);
  }
  if (!(await input.refill(header.checksumLen))) throw cut();
  input.pos += header.checksumLen;
}

/** `end` is where the bytes end that are there; a header that goes on after it was cut. */
function readHeader(buf: Uint8Array, at: number, end: number): ZstdHeader {
  if (end - at < 6) throw cut();
  const descriptor = buf[at + 4]!;
  if ((descriptor & DICTIONARY) !== 0) throw new DecompressionError('the zstd frame needs a dictionary');
  if ((descriptor & RESERVED) !== 0) throw damaged();
  const isSingleSegment = (descriptor & SINGLE_SEGMENT) !== 0;
  const contentSizeAt = at + (isSingleSegment ? 5 : 6);
  const sizeCode = descriptor >> 6;
  const contentSizeLen = sizeCode === 0 ? Number(isSingleSegment) : 1 << sizeCode;
  const length = contentSizeAt + contentSizeLen - at;
  if (length > end - at) throw cut();

  let windowBytes = 0;
  if (isSingleSegment) {
    for (let i = contentSizeLen - 1; i >= 0; i--) windowBytes = windowBytes * 256 + buf[contentSizeAt + i]!;
    if (sizeCode === 1) windowBytes += 256;
  } else {
    const base = 2 ** (10 + (buf[at + 5]! >> 3));
    windowBytes = base + (base / 8) * (buf[at + 5]! & 7);
  }
  if (windowBytes > MAX_ZSTD_WINDOW_BYTES) {
    const mib = Math.ceil(windowBytes / 1_048_576);
    throw new DecompressionError(
      `the zstd frame needs a window of ${mib} MiB, more than ${MAX_ZSTD_WINDOW_BYTES / 1_048_576}; read it with: zstd --long=31 -dc FILE | spanglass replay -`,
    );
  }
  return {
    length,
    maxBlockBytes: Math.min(MAX_ZSTD_BLOCK_BYTES, windowBytes),
    checksumLen: (descriptor & HAS_CHECKSUM) !== 0 ? 4 : 0,
  };
}

/** The library says only by throwing that a block is damaged: its own errors, and those of indexing past an end. */
function feed(decoder: Decompress, bytes: Uint8Array, isLast: boolean): void {
  try {
    decoder.push(bytes, isLast);
  } catch (error) {
    throw new DecompressionError('the zstd stream is damaged', { cause: error });
  }
}

function cut(): DecompressionError {
  return new DecompressionError('the zstd stream ends inside a frame; it was cut, or is still being written');
}

function damaged(): DecompressionError {
  return new DecompressionError('the zstd stream is damaged');
}

function u32(buf: Uint8Array, at: number): number {
  return (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)) >>> 0;
}
