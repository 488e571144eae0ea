/**
 * Compressed captures: told by content, decompressed as they are read, never unpacked to disk.
 *
 *     raw window ──> gzip | zstd | lz4 | xz ──> window of the capture
 *
 * Only what is read is decompressed, so memory does not grow with the capture or with a bomb. One layer is taken off: a
 * capture compressed twice is refused by name.
 */

import { DecompressedBytes } from './byte-stream.ts';
import { type ByteWindow, SlidingWindow } from './byte-window.ts';
import { decodeGzip, probeGzip } from './gzip-stream.ts';
import { decodeLz4, isSkippable, probeLz4 } from './lz4-frame.ts';
import { decodeXz, probeXz } from './xz-stream.ts';
import { decodeZstd, probeZstd } from './zstd-stream.ts';

type Decoder = (input: ByteWindow, name: string) => AsyncGenerator<Uint8Array, void>;

const DECODERS = {
  gzip: decodeGzip,
  zstd: decodeZstd,
  lz4: decodeLz4,
  xz: decodeXz,
} as const satisfies Record<string, Decoder>;

export type Compression = keyof typeof DECODERS;

/** How bytes are compressed, by their first six; null where they are not. */
export function probeCompression(buf: Uint8Array, at: number, end: number): Compression | null {
  if (probeGzip(buf, at, end)) return 'gzip';
  if (probeZstd(buf, at, end)) return 'zstd';
  if (probeLz4(buf, at, end)) return 'lz4';
  if (probeXz(buf, at, end)) return 'xz';
  if (end - at >= 8 && isSkippable(le32(buf, at))) {
    // lz4 and zstd share this magic; the frame behind it tells. pzstd begins its files so, lz4 does not.
    const next = at + 8 + le32(buf, at + 4);
    return next + 4 <= end && probeLz4(buf, next, end) ? 'lz4' : 'zstd';
  }
  return null;
}

/** The window of what is compressed in `raw`, which it owns from now on. */
export function decompress(name: string, raw: ByteWindow, compression: Compression): ByteWindow {
  return new SlidingWindow(new DecompressedBytes(raw, DECODERS[compression](raw, name)));
}

function le32(buf: Uint8Array, at: number): number {
  return (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)) >>> 0;
}
