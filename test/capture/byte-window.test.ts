import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { type ByteStream, PipeBytes } from '../../src/capture/byte-stream.ts';
import { FixedWindow, SlidingWindow } from '../../src/capture/byte-window.ts';
import { MAX_WINDOW_BYTES } from '../../src/capture/limits.ts';
import { openCaptureWindow } from '../../src/capture/open-capture.ts';
import { bytes } from './commented-hex.ts';
import { readAll, readBytes } from './read-all.ts';

/** Gives at most `pieceBytes` at a time, at once or later. */
class PiecesOf implements ByteStream {
  rawBytes = 0;
  readonly failure: null = null;
  readonly #bytes: Uint8Array;
  readonly #pieceBytes: number;
  readonly #isLate: boolean;

  constructor(bytes: Uint8Array, pieceBytes: number, isLate: boolean) {
    this.#bytes = bytes;
    this.#pieceBytes = pieceBytes;
    this.#isLate = isLate;
  }

  read(into: Uint8Array, at: number, room: number): number | Promise<number> {
    const piece = this.#bytes.subarray(this.rawBytes, this.rawBytes + Math.min(room, this.#pieceBytes));
    into.set(piece, at);
    this.rawBytes += piece.length;
    return this.#isLate ? Promise.resolve(piece.length) : piece.length;
  }

  async close(): Promise<void> {
    this.rawBytes = this.#bytes.length;
  }
}

const HEADER = 'd4c3b2a1 0200 0400 00000000 00000000 00000400 01000000';

/** 600 packets of 0 to 599 bytes. */
function packetsOfAllLengths(): Uint8Array {
  const parts: Uint8Array[] = [bytes(HEADER)];
  for (let length = 0; length < 600; length++) {
    const record = new Uint8Array(16 + length).fill(length & 0xff, 16);
    new DataView(record.buffer).setUint32(8, length, true);
    new DataView(record.buffer).setUint32(12, length, true);
    parts.push(record);
  }
  return Buffer.concat(parts);
}

describe('a sliding window', () => {
  const file = packetsOfAllLengths();

  it.each([
    [1, 600, false],
    [7, 700, true],
    [1_000, 1_000, false],
    [65_536, 4_099, true],
    [65_536, 262_144, false],
  ])('gives the same packets in pieces of %i bytes and a window of %i', async (pieceBytes, sizeBytes, isLate) => {
    const window = new SlidingWindow(new PiecesOf(file, pieceBytes, isLate), sizeBytes);
    const { packets, fault } = await readAll(await openCaptureWindow('test', file.length, window));
    expect(packets).toEqual((await readBytes(file)).packets);
    expect(fault).toBeNull();
  });

  it('grows for a giant record, and only for that', async () => {
    const window = new SlidingWindow(new PiecesOf(new Uint8Array(1_000_000), 100_000, false), 1_000);
    expect(await window.refill(900)).toBe(true);
    expect(window.buf.length).toBe(1_064);
    expect(await window.refill(300_000)).toBe(true);
    expect(window.buf.length).toBeLessThan(302_200);
  });

  it('never grows beyond its cap', async () => {
    const window = new SlidingWindow(new PiecesOf(new Uint8Array(10), 10, false));
    expect(await window.refill(MAX_WINDOW_BYTES)).toBe(false);
    expect(window.buf.length).toBeLessThan(MAX_WINDOW_BYTES);
  });

  it('tells offsets in the capture, whatever was carried over', async () => {
    const whole = Buffer.concat([file, bytes('00000000 00000000 ffffffff 00000000')]);
    const window = new SlidingWindow(new PiecesOf(whole, 333, false), 1_024);
    const { fault } = await readAll(await openCaptureWindow('test', whole.length, window));
    expect(fault).toMatchObject({ code: 'corrupt', offset: file.length });
  });

  it('reads a stream of buffers of any size', async () => {
    const chunks = [file.subarray(0, 3), new Uint8Array(0), file.subarray(3, 100), file.subarray(100)];
    const window = new SlidingWindow(new PipeBytes('test', Readable.from(chunks, { objectMode: true })));
    const { packets } = await readAll(await openCaptureWindow('test', 0, window));
    expect(packets).toHaveLength(600);
  });

  it('throws a CaptureError where the stream fails', async () => {
    const broken = new Readable({
      read() {
        this.destroy(new Error('input/output error'));
      },
    });
    const window = new SlidingWindow(new PipeBytes('test', broken));
    await expect(openCaptureWindow('test', 0, window)).rejects.toMatchObject({ code: 'read_failed' });
  });
});

describe('a fixed window', () => {
  it('goes over bytes in memory in views, without a packet lost between them', async () => {
    const file = packetsOfAllLengths();
    const window = new FixedWindow(file, 1_000);
    const { packets } = await readAll(await openCaptureWindow('test', file.length, window));
    expect(packets).toEqual((await readBytes(file)).packets);
  });
});
