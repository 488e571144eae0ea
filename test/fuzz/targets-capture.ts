/** Capture files: every packet lies in its buffer, sums are right, and how the bytes come to be in the window does not matter. */
import { isDeepStrictEqual } from 'node:util';

import type { ByteStream } from '../../src/capture/byte-stream.ts';
import { type ByteWindow, FixedWindow, SlidingWindow } from '../../src/capture/byte-window.ts';
import { CaptureError } from '../../src/capture/capture-error.ts';
import { probeCompression } from '../../src/capture/compressed.ts';
import { openCaptureWindow } from '../../src/capture/open-capture.ts';
import { type CaptureInterface, PacketBlock } from '../../src/capture/packet-source.ts';
import { walkCapture } from './captured-packets.ts';
import { COMPRESSED_CAPTURES } from './compressed-captures.ts';
import { type FuzzTarget, promise } from './fuzz-target.ts';
import { captureMutator } from './mutate-capture.ts';
import type { Samples } from './samples.ts';

const MAX_SEED_BYTES = 16_384;

/** A stream over bytes that gives a few at a time, so that every record meets the end of the window. */
class DrippingBytes implements ByteStream {
  rawBytes = 0;
  readonly failure: null = null;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(into: Uint8Array, at: number, room: number): number {
    const n = Math.min(room, 7 + (this.rawBytes & 63), this.#bytes.length - this.rawBytes);
    into.set(this.#bytes.subarray(this.rawBytes, this.rawBytes + n), at);
    this.rawBytes += n;
    return n;
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}

interface Walked {
  /** A number that depends on every packet: its bytes, lengths, time and interface. */
  readonly digest: number;
  readonly packets: number;
  readonly counters: unknown;
  readonly fault: unknown;
}

const files: FuzzTarget = {
  name: 'capture.files',
  weight: 60,
  maxBytes: 65_536,
  seeds: smallFiles,
  mutator: ({ captures }) => captureMutator(captures),
  run: walkTwice,
};

/** The file's own structure, rather than that of the packets in it. */
const headers: FuzzTarget = {
  name: 'capture.headers',
  weight: 150,
  maxBytes: 4096,
  seeds: (samples) => smallFiles(samples).map((file) => file.slice(0, 1024)),
  run: walkTwice,
};

const compressed: FuzzTarget = {
  name: 'capture.compressed',
  weight: 20,
  maxBytes: 4096,
  seeds: () => COMPRESSED_CAPTURES,
  async run(bytes) {
    promise(bytes.length < 6 || probeCompression(bytes, 0, bytes.length) !== undefined, 'no answer what a file is');
    const block = new PacketBlock();
    try {
      const source = await openCaptureWindow('fuzz', bytes.length, new FixedWindow(bytes));
      let packets = 0;
      while (await source.next(block)) packets += checkBlock(block, source.interfaces);
      await source.close();
      promise(packets === source.counters.packets, 'packets are not counted right');
    } catch (error) {
      // It says to the user why this is no capture.
      if (!(error instanceof CaptureError)) throw error;
      promise(error.message.length < 1000, 'a message longer than a screen');
    }
  },
};

export const CAPTURE_TARGETS: readonly FuzzTarget[] = [files, headers, compressed];

function walkTwice(bytes: Uint8Array): void {
  const whole = walk(new FixedWindow(bytes));
  const dripped = walk(new SlidingWindow(new DrippingBytes(bytes), 256));
  promise(isDeepStrictEqual(whole, dripped), 'a capture reads differently through a sliding window');
}

function smallFiles({ files }: Samples): Uint8Array[] {
  return files.filter((file) => file.length <= MAX_SEED_BYTES);
}

function walk(window: ByteWindow): Walked | null {
  let packets = 0;
  let capturedBytes = 0;
  let digest = 0;
  const end = walkCapture(window, (block, interfaces) => {
    packets += checkBlock(block, interfaces);
    for (let i = 0; i < block.count; i++) {
      capturedBytes += block.capLen[i]!;
      digest = digestPacket(digest, block, i);
    }
  });
  if (end === null) return null;
  const { counters, fault } = end;
  promise(counters.packets === packets, 'packets are not counted right');
  promise(counters.bytes === capturedBytes, 'bytes are not counted right');
  return { digest, packets, counters, fault };
}

function checkBlock(block: PacketBlock, interfaces: readonly CaptureInterface[]): number {
  promise(block.count > 0 && block.count <= block.at.length, 'a block with an impossible number of packets');
  for (let i = 0; i < block.count; i++) {
    const at = block.at[i]!;
    const capLen = block.capLen[i]!;
    promise(at >= 0 && capLen >= 0 && at + capLen <= block.buf.length, 'a packet outside its buffer');
    promise(block.wireLen[i]! >= capLen, 'a packet longer than on the wire');
    promise(block.iface[i]! < interfaces.length, 'a packet of an unknown interface');
    promise(Number.isSafeInteger(block.tsUs[i]!), 'a time that is no whole number');
  }
  return block.count;
}

function digestPacket(before: number, block: PacketBlock, i: number): number {
  let h = Math.imul(before ^ block.capLen[i]!, 0x0100_0193) ^ block.wireLen[i]!;
  h = Math.imul(h ^ (block.tsUs[i]! % 0x7fff_ffff), 0x0100_0193) ^ block.iface[i]!;
  const at = block.at[i]!;
  const end = at + block.capLen[i]!;
  for (let k = at; k < end; k++) h = Math.imul(h ^ block.buf[k]!, 0x0100_0193);
  return h | 0;
}
