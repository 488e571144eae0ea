/**
 * xz streams, one after another, with zero padding between them (https://tukaani.org/xz/xz-file-format.txt, 2).
 *
 * The decoder is `xz-decompress`, xz-embedded in WebAssembly. It decodes one stream and does not tell where that ended, so
 * the end is found by the stream footer: CRC-32 of the next six bytes 4, backward size 4, flags 2, `YZ`. It drops the output of the
 * piece in which it finds damage, so pieces are small. Its one decoder per process (per worker thread) is the library's
 * limit: a second capture would wait for it without end, so `decodeXz` refuses. Dictionaries above 64 MiB, filters
 * other than LZMA2 and SHA-256 checks are beyond it.
 */

import { createRequire } from 'node:module';
import { ReadableStream } from 'node:stream/web';
import { crc32 } from 'node:zlib';

import type { ByteWindow } from './byte-window.ts';
import { CaptureError } from './capture-error.ts';
import { DecompressionError } from './decompression-error.ts';
import { XZ_PIECE_BYTES } from './limits.ts';

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const FOOTER_LEN = 12;

/** The package is CommonJS that `import` finds no names in; and only who reads xz has to load it. */
const require = createRequire(import.meta.url);

let isDecoderTaken = false;

export function probeXz(buf: Uint8Array, at: number, end: number): boolean {
  return end - at >= MAGIC.length && MAGIC.every((byte, i) => buf[at + i] === byte);
}

/** Decodes all streams. Throws `DecompressionError` after the last good piece, and `CaptureError` if another xz capture is open. */
export async function* decodeXz(input: ByteWindow, name: string): AsyncGenerator<Uint8Array, void> {
  if (isDecoderTaken) {
    throw new CaptureError(
      'busy',
      name,
      `${name}: another xz capture is being read; close it first, or unpack one of them`,
    );
  }
  isDecoderTaken = true;
  try {
    do yield* decodeStream(input);
    while (await hasNextStream(input));
  } finally {
    isDecoderTaken = false;
  }
}

async function* decodeStream(input: ByteWindow): AsyncGenerator<Uint8Array, void> {
  /** The last bytes before `piece`, and the piece that the decoder was last given. */
  let before: Uint8Array = new Uint8Array(FOOTER_LEN);
  let piece: Uint8Array = new Uint8Array(0);
  let fedBytes = 0;
  let isCut = false;
  const compressed = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!(await input.refill(1))) {
          isCut = true;
          controller.close();
          return;
        }
        before = lastBytes(before, piece);
        piece = input.buf.slice(input.pos, Math.min(input.end, input.pos + XZ_PIECE_BYTES));
        input.pos += piece.length;
        fedBytes += piece.length;
        controller.enqueue(piece);
      },
    },
    { highWaterMark: 0 },
  );
  const { XzReadableStream }: typeof import('xz-decompress') = require('xz-decompress');
  const reader = new XzReadableStream(compressed).getReader();
  let isOver = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (value.length > 0) yield value;
    }
    isOver = true;
    input.pos -= piece.length - footerEnd(before, piece, fedBytes);
  } catch (error) {
    isOver = true;
    if (error instanceof CaptureError) throw error;
    throw new DecompressionError(describe(error, isCut), { cause: error });
  } finally {
    if (!isOver) await reader.cancel();
  }
}

/** Steps over padding; whether another stream follows. */
async function hasNextStream(input: ByteWindow): Promise<boolean> {
  while (await input.refill(1)) {
    if (input.buf[input.pos] === 0) {
      input.pos++;
      continue;
    }
    await input.refill(MAGIC.length);
    if (probeXz(input.buf, input.pos, input.end)) return true;
    throw new DecompressionError('the xz stream is followed by bytes that are no xz stream');
  }
  return false;
}

/** Where in `piece` the stream ends; its whole length if no footer is there. Streams are multiples of four bytes long. */
function footerEnd(before: Uint8Array, piece: Uint8Array, fedBytes: number): number {
  const bytes = new Uint8Array(FOOTER_LEN + piece.length);
  bytes.set(before);
  bytes.set(piece, FOOTER_LEN);
  for (let end = 1; end <= piece.length; end++) {
    if ((fedBytes - piece.length + end) % 4 !== 0) continue;
    // The footer that would end there begins at `end`, counted with the 12 bytes before the piece.
    if (bytes[end + 10] !== 0x59 || bytes[end + 11] !== 0x5a) continue;
    const sum = (bytes[end]! | (bytes[end + 1]! << 8) | (bytes[end + 2]! << 16) | (bytes[end + 3]! << 24)) >>> 0;
    if (crc32(bytes.subarray(end + 4, end + 10)) === sum) return end;
  }
  return piece.length;
}

function lastBytes(before: Uint8Array, piece: Uint8Array): Uint8Array {
  if (piece.length >= FOOTER_LEN) return piece.slice(-FOOTER_LEN);
  const joined = new Uint8Array(before.length + piece.length);
  joined.set(before);
  joined.set(piece, before.length);
  return joined.slice(-FOOTER_LEN);
}

function describe(error: unknown, isCut: boolean): string {
  if (isCut) return 'the xz stream ends before its footer; it was cut, or is still being written';
  const reason = error instanceof Error ? error.message : String(error);
  // Numbers of xz-embedded's `enum xz_ret`.
  if (/code [26]$/.test(reason))
    return 'the xz stream uses a filter or a check that can not be read; unpack it with xz -dc';
  if (/code [34]$/.test(reason)) return 'the xz stream needs a dictionary of more than 64 MiB; unpack it with xz -dc';
  return `the xz stream is damaged (${reason})`;
}
