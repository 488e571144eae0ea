/**
 * xz streams, one after another, with zero padding between them (https://tukaani.org/xz/xz-file-format.txt, 2).
 *
 * The decoder is `xz-decompress`, xz-embedded in WebAssembly, which reads on from stream to stream. It drops the output of the
 * piece in which it finds damage, so pieces are small. Its one decoder per process (per worker thread) is the library's
 * limit: a second capture would wait for it without end, so `decodeXz` refuses. Dictionaries above 64 MiB, filters
 * other than LZMA2 and SHA-256 checks are beyond it.
 */

import { createRequire } from 'node:module';
import { ReadableStream } from 'node:stream/web';

import type { ByteWindow } from './byte-window.ts';
import { CaptureError } from './capture-error.ts';
import { DecompressionError } from './decompression-error.ts';
import { XZ_PIECE_BYTES } from './limits.ts';

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];

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
    yield* decodeStreams(input);
  } finally {
    isDecoderTaken = false;
  }
}

async function* decodeStreams(input: ByteWindow): AsyncGenerator<Uint8Array, void> {
  let isCut = false;
  const compressed = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!(await input.refill(1))) {
          isCut = true;
          controller.close();
          return;
        }
        const piece = input.buf.slice(input.pos, Math.min(input.end, input.pos + XZ_PIECE_BYTES));
        input.pos += piece.length;
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
  } catch (error) {
    isOver = true;
    if (error instanceof CaptureError) throw error;
    throw new DecompressionError(describe(error, isCut), { cause: error });
  } finally {
    if (!isOver) await reader.cancel();
  }
}

function describe(error: unknown, isCut: boolean): string {
  if (isCut) return 'the xz stream ends before its footer; it was cut, or is still being written';
  const reason = error instanceof Error ? error.message : String(error);
  // Numbers of xz-embedded's `enum xz_ret`.
  if (/code [26]$/.test(reason))
    return 'the xz stream uses a filter or a check that can not be read; unpack it with xz -dc';
  if (/code [34]$/.test(reason)) return 'the xz stream needs a dictionary of more than 64 MiB; unpack it with xz -dc';
  // The first stream had its magic number, or it would not be here.
  if (reason.endsWith('code 5')) return 'the xz stream is followed by bytes that are no xz stream';
  return `the xz stream is damaged (${reason})`;
}
