/**
 * Zstandard frames and skippable frames, one after another (RFC 8878 3), decoded by libzstd, which verifies checksums. A frame
 * that needs a dictionary, or a window larger than MAX_ZSTD_WINDOW_BYTES, is refused. A block that was cut is lost, unless it is
 * not compressed.
 */

import type { ByteWindow } from './byte-window.ts';
import { CaptureError } from './capture-error.ts';
import { DecompressionError } from './decompression-error.ts';
import { openZstdDecoder, type ZstdDecoder } from './libzstd.ts';

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

export function probeZstd(buf: Uint8Array, at: number, end: number): boolean {
  return end - at >= MAGIC.length && MAGIC.every((byte, i) => buf[at + i] === byte);
}

/** Decodes all frames of a stream. Each chunk is borrowed until the next. Throws `DecompressionError` after the last good one. */
export async function* decodeZstd(input: ByteWindow, name: string): AsyncGenerator<Uint8Array, void> {
  const decoder = await open(name);
  while (await input.refill(1)) {
    await input.refill(decoder.wantedBytes);
    const end = Math.min(input.end, input.pos + decoder.wantedBytes);
    const chunk = decoder.decode(input.buf.subarray(input.pos, end));
    input.pos = end;
    if (chunk.length > 0) yield chunk;
  }
  if (!decoder.isBetweenFrames) {
    throw new DecompressionError('the zstd stream ends inside a frame; it was cut, or is still being written');
  }
}

async function open(name: string): Promise<ZstdDecoder> {
  try {
    return await openZstdDecoder();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CaptureError('read_failed', name, `${name}: the zstd decoder can't be loaded: ${reason}`, error);
  }
}
