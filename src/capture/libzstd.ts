/**
 * libzstd in WebAssembly, fed a piece at a time.
 *
 *     input      one block of compressed bytes, or a piece of what lies between blocks
 *     output     one block
 *     buffers    ZSTD_inBuffer   src 4, size 4, pos 4
 *                ZSTD_outBuffer  dst 4, size 4, pos 4
 *     context    and the window, allocated by the library when a frame says how large it is
 *
 * https://facebook.github.io/zstd/zstd_manual.html, "Streaming decompression". The package `zstddec` ships the library; its
 * own streaming looks at no error, and frees nothing when it is left early. So only the compiled module is taken from it. Every
 * decoder has an instance of its own, whose memory goes with it: damage done to one reaches no other.
 *
 * Fed as told by `wantedBytes`, a call ends at most one block: work and output of a call are bounded, and what was good before
 * damage has been delivered when it is found.
 */

import { DecompressionError } from './decompression-error.ts';
import { MAX_ZSTD_BLOCK_BYTES, MAX_ZSTD_WINDOW_BYTES } from './limits.ts';

/** What is used of the library. Pointers and sizes are 32-bit numbers; results come signed. */
interface LibZstd {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(sizeBytes: number): number;
  ZSTD_createDCtx(): number;
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

type WasmModule = object;

/** The types of Node 20 leave it out. This library is all that is made an instance of here. */
declare const WebAssembly: {
  readonly Instance: new (module: WasmModule, imports: object) => { readonly exports: LibZstd };
};

/** Results above this are errors, counted down from 2^32: `ZSTD_isError`. */
const MAX_RESULT = 2 ** 32 - 120;

/** Numbers of `ZSTD_ErrorCode` that have a message of their own. */
const ZstdError = {
  PrefixUnknown: 10,
  WindowTooLarge: 16,
  ChecksumWrong: 22,
  DictionaryWrong: 32,
  MemoryAllocation: 64,
} as const;

/** What the library asks for at the beginning of a frame: magic and descriptor. */
const FRAME_START_BYTES = 5;
const BLOCK_HEADER_BYTES = 3;
const BUFFER_BYTES = 12;

let compiled: Promise<WasmModule> | null = null;

export class ZstdDecoder {
  /** Most bytes that `decode` may be given next; at least one. */
  wantedBytes: number = FRAME_START_BYTES;
  /** Whether the stream may end here. */
  isBetweenFrames = true;
  readonly #lib: LibZstd;
  readonly #context: number;
  readonly #input: number;
  readonly #output: number;
  readonly #inBuffer: number;
  readonly #outBuffer: number;

  constructor(module: WasmModule) {
    const imports = { env: { emscripten_notify_memory_growth: (): void => undefined } };
    this.#lib = new WebAssembly.Instance(module, imports).exports;
    this.#context = this.#lib.ZSTD_createDCtx();
    this.#input = this.#lib.malloc(MAX_ZSTD_BLOCK_BYTES);
    this.#output = this.#lib.malloc(MAX_ZSTD_BLOCK_BYTES);
    this.#inBuffer = this.#lib.malloc(BUFFER_BYTES);
    this.#outBuffer = this.#lib.malloc(BUFFER_BYTES);
  }

  /** Copies the piece, of at most `wantedBytes`. What comes of it is borrowed until the next call. Throws `DecompressionError`. */
  decode(piece: Uint8Array): Uint8Array {
    const lib = this.#lib;
    new Uint8Array(lib.memory.buffer).set(piece, this.#input);
    this.#setBuffer(this.#inBuffer, this.#input, piece.length);
    this.#setBuffer(this.#outBuffer, this.#output, MAX_ZSTD_BLOCK_BYTES);
    const result = lib.ZSTD_decompressStream(this.#context, this.#outBuffer, this.#inBuffer) >>> 0;
    if (result > MAX_RESULT) throw new DecompressionError(describe(2 ** 32 - result));

    // The memory may have grown, and is then another buffer.
    const view = new DataView(lib.memory.buffer);
    if (view.getUint32(this.#inBuffer + 8, true) !== piece.length) {
      throw new Error('libzstd takes all of a piece that it asked for');
    }
    this.#next(result);
    return new Uint8Array(lib.memory.buffer, this.#output, view.getUint32(this.#outBuffer + 8, true));
  }

  #setBuffer(at: number, bytes: number, sizeBytes: number): void {
    const view = new DataView(this.#lib.memory.buffer);
    view.setUint32(at, bytes, true);
    view.setUint32(at + 4, sizeBytes, true);
    view.setUint32(at + 8, 0, true);
  }

  /** The library asks for a block together with the header of the next one: that comes with the next piece. */
  #next(hintBytes: number): void {
    this.isBetweenFrames = hintBytes === 0;
    if (hintBytes === 0) this.wantedBytes = FRAME_START_BYTES;
    else if (hintBytes <= BLOCK_HEADER_BYTES) this.wantedBytes = hintBytes;
    else this.wantedBytes = Math.min(hintBytes - BLOCK_HEADER_BYTES, MAX_ZSTD_BLOCK_BYTES);
  }
}

/** A decoder at the beginning of a stream. The first one of a process compiles the library. */
export async function openZstdDecoder(): Promise<ZstdDecoder> {
  compiled ??= compile();
  return new ZstdDecoder(await compiled);
}

async function compile(): Promise<WasmModule> {
  const { ZSTDDecoder } = await import('zstddec/stream');
  let module: WasmModule | null = null;
  const loader = new ZSTDDecoder();
  loader._init = (source: { readonly module: WasmModule }): void => {
    module = source.module;
  };
  await loader.init();
  if (module === null) throw new Error('zstddec hands its module over when it is loaded the first time');
  return module;
}

function describe(code: number): string {
  switch (code) {
    case ZstdError.PrefixUnknown:
      return 'the zstd stream is followed by bytes that are no zstd frame';
    case ZstdError.WindowTooLarge:
      return `the zstd frame needs a window of more than ${MAX_ZSTD_WINDOW_BYTES / 1_048_576} MiB; read it with: zstd --long=31 -dc FILE | spanglass replay -`;
    case ZstdError.ChecksumWrong:
      return 'the zstd stream is damaged (its checksum is wrong)';
    case ZstdError.DictionaryWrong:
      return 'the zstd frame needs a dictionary';
    case ZstdError.MemoryAllocation:
      return 'there is no memory for the window of the zstd frame';
    default:
      return `the zstd stream is damaged (zstd error ${code})`;
  }
}
