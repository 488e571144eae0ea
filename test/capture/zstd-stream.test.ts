import { spawnSync } from 'node:child_process';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { fromHex } from '../../src/bytes/hex.ts';
import { FixedWindow } from '../../src/capture/byte-window.ts';
import { DecompressionError } from '../../src/capture/decompression-error.ts';
import { decodeZstd } from '../../src/capture/zstd-stream.ts';
import { bytes } from './commented-hex.ts';

interface Decoded {
  readonly content: Buffer;
  readonly largestChunk: number;
  readonly failure: string | null;
  readonly cpuMs: number;
}

async function decode(file: Uint8Array): Promise<Decoded> {
  const chunks: Buffer[] = [];
  const before = process.cpuUsage();
  let failure: string | null = null;
  try {
    // A chunk is borrowed until the next one.
    for await (const chunk of decodeZstd(new FixedWindow(file), 'test.zst')) chunks.push(Buffer.from(chunk));
  } catch (error) {
    if (!(error instanceof DecompressionError)) throw error;
    failure = error.message;
  }
  const { user, system } = process.cpuUsage(before);
  const largestChunk = Math.max(0, ...chunks.map((chunk) => chunk.length));
  return { content: Buffer.concat(chunks), largestChunk, failure, cpuMs: (user + system) / 1000 };
}

/** "spanglass" as a frame of one block that is not compressed. */
const STORED = bytes(`
  28b52ffd            magic
  20 09               single segment, content size 1 byte: 9
  490000              last block, not compressed, 9 bytes
  7370616e676c617373`);

/** Three blocks in a window of 1 KiB: three bytes, 'a' 1000 times, two bytes. */
const THREE_BLOCKS = bytes(`
  28b52ffd            magic
  00 00               no size, no checksum; window 1 KiB
  180000 313233       block, not compressed, 3 bytes
  421f00 61           block, one byte 1000 times
  110000 3435         last block, not compressed, 2 bytes`);

/** A block whose sequences, followed without a limit, take seconds. libzstd stops at the longest block there is. */
const BOMB = bytes(`
  28b52ffd 60 ffff    single segment, content size 2 bytes
  4d0000              last block, compressed, 9 bytes
  00 ff0000 54 000034 01
  0000000000000000`);

const SKIPPABLE = bytes('5a2a4d18 03000000 aabbcc');
const EMPTY_FRAME = bytes('28b52ffd 00 00 010000');

describe('a zstd stream', () => {
  it('gives what its frame holds', async () => {
    expect((await decode(STORED)).content.toString()).toBe('spanglass');
    expect(await decode(THREE_BLOCKS)).toMatchObject({
      content: Buffer.from(`123${'a'.repeat(1000)}45`),
      failure: null,
    });
  });

  it('may have many frames, empty and skippable ones among them', async () => {
    const file = Buffer.concat([SKIPPABLE, STORED, EMPTY_FRAME, SKIPPABLE, SKIPPABLE, STORED, SKIPPABLE]);
    expect(await decode(file)).toMatchObject({ content: Buffer.from('spanglassspanglass'), failure: null });
  });

  it('gives every block that came before a damaged one, and before a cut', async () => {
    const damaged = THREE_BLOCKS.slice();
    // The third block becomes one of the reserved type.
    damaged[16] = 0x17;
    const { content, failure } = await decode(damaged);
    expect(content.toString()).toBe(`123${'a'.repeat(1000)}`);
    expect(failure).toBe('the zstd stream is damaged (zstd error 20)');
    for (let length = 1; length < THREE_BLOCKS.length; length++) {
      const { content, failure } = await decode(THREE_BLOCKS.slice(0, length));
      // Of blocks that are not compressed, the bytes that are there.
      const want = length < 10 ? '' : length < 16 ? '123'.slice(0, length - 9) : `123${'a'.repeat(1000)}`;
      expect(content.toString().slice(0, 1003), `cut at ${length}`).toBe(want);
      expect(failure).toBe('the zstd stream ends inside a frame; it was cut, or is still being written');
    }
  });

  it('needs no dictionary that it does not have', async () => {
    expect((await decode(fromHex('28b52ffd 21 01 05 0000000000'))).failure).toBe('the zstd frame needs a dictionary');
  });

  it('can not make a block produce more than a block may', async () => {
    const { content, failure, cpuMs } = await decode(BOMB);
    expect(content).toHaveLength(0);
    expect(failure).toBe('the zstd stream is damaged (zstd error 20)');
    expect(cpuMs).toBeLessThan(1000);
  });

  it('has an instance of the library for itself, whatever another stream does', async () => {
    const first = decodeZstd(new FixedWindow(THREE_BLOCKS), 'first');
    expect(Buffer.from((await first.next()).value!).toString()).toBe('123');
    expect((await decode(STORED)).content.toString()).toBe('spanglass');
    expect((await decode(BOMB)).failure).not.toBeNull();
    expect((await first.next()).value).toHaveLength(1000);
    await first.return();
  });

  it('never throws anything but a DecompressionError, whatever follows a frame header', async () => {
    const header = fc.constantFrom('28b52ffd 00 00', '28b52ffd 20 ff', '28b52ffd 04 88', '28b52ffd 60 ffff');
    await fc.assert(
      fc.asyncProperty(header, fc.uint8Array({ maxLength: 300 }), async (header, tail) => {
        const { largestChunk, cpuMs } = await decode(Buffer.concat([fromHex(header), tail]));
        expect(largestChunk).toBeLessThanOrEqual(131_072);
        expect(cpuMs).toBeLessThan(1000);
      }),
      { numRuns: 500 },
    );
  });
});

const MODES: readonly (readonly string[])[] = [
  ['-1'],
  ['-3', '--no-check'],
  ['-19'],
  ['--ultra', '-22'],
  ['--fast=5'],
  ['-3', '--long=27'],
  ['-3', '-B65536', '-T2'],
];
const isThere = spawnSync('zstd', ['--version']).status === 0;
const why = isThere ? '' : ' (skipped: no zstd command here)';

function compress(content: Uint8Array, options: readonly string[]): Buffer {
  const { status, stdout } = spawnSync('zstd', ['-q', '-c', ...options], { input: content, maxBuffer: 2 ** 28 });
  expect(status).toBe(0);
  return stdout;
}

/** Bytes that a compressor finds something in, the same in each run. */
function makeContent(sizeBytes: number, seed: number): Buffer {
  const content = Buffer.alloc(sizeBytes);
  let state = seed;
  for (let i = 0; i < sizeBytes; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    content[i] = i > 5000 && state >>> 29 !== 0 ? content[i - 4099 + (i & 1)]! : state >>> 24;
  }
  return content;
}

describe('what the zstd command writes', () => {
  const content = makeContent(400_000, 1);

  it.skipIf(!isThere).each(MODES.map((options) => [options.join(' '), options] as const))(
    `with %s is read byte for byte${why}`,
    async (_, options) => {
      for (const plain of [content, content.subarray(0, 1), content.subarray(0, 0), Buffer.alloc(700_000)]) {
        const { content: read, failure } = await decode(compress(plain, options));
        expect(failure).toBeNull();
        expect(read.equals(plain)).toBe(true);
      }
    },
  );

  it.skipIf(!isThere)(`is a piece of the content when it is cut, and never more${why}`, async () => {
    const file = compress(content, ['-3']);
    for (let length = 1; length < file.length; length += 997) {
      const { content: read, failure } = await decode(file.subarray(0, length));
      expect(read.equals(content.subarray(0, read.length)), `cut at ${length}`).toBe(true);
      expect(failure, `cut at ${length}`).not.toBeNull();
    }
  });

  it.skipIf(!isThere)(`is never read wrongly without a word when a bit is turned${why}`, async () => {
    const file = compress(content, ['-3']);
    for (let bit = 32; bit < 8 * file.length; bit += 4999) {
      const damaged = Buffer.from(file);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const { content: read, failure, cpuMs } = await decode(damaged);
      expect(failure !== null || read.equals(content), `bit ${bit}`).toBe(true);
      expect(cpuMs, `bit ${bit}`).toBeLessThan(1000);
    }
  });

  it.skipIf(!isThere)(`may repeat what lies 120 MiB back${why}`, async () => {
    const repeated = makeContent(1_048_576, 7);
    const plain = Buffer.concat([repeated, Buffer.alloc(119 * 1_048_576), repeated]);
    const file = compress(plain, ['-1', '--long=27']);
    // Once only, that is: the second copy is a reference.
    expect(file.length).toBeLessThan(compress(repeated, ['-1']).length + 65_536);
    const { content: read, failure } = await decode(file);
    expect(failure).toBeNull();
    expect(read.equals(plain)).toBe(true);
  });
});
