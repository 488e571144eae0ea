/**
 * New inputs from seeds: what an attacker, a bad disk or a bad sensor would make of them. Knows no grammar but that of lengths; what
 * a capture is made of is mutated in `mutate-capture.ts`.
 *
 * Seeds are never changed. Everything comes from the given random numbers.
 */
import { lengthFieldsOf } from './length-fields.ts';
import type { Random } from './random.ts';

const INTERESTING_BYTES = [
  0x00, 0x01, 0x02, 0x03, 0x10, 0x16, 0x20, 0x30, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xa0, 0xfe, 0xff,
];
const INTERESTING_WORDS = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];
const MAX_STEPS = 4;
const MAX_GENERATED_BYTES = 256;

/** One new input of at most `maxBytes`. */
export function mutateBytes(random: Random, seeds: readonly Uint8Array[], maxBytes: number): Uint8Array {
  if (seeds.length === 0 || random.oneIn(32)) return generate(random, maxBytes);
  const seed = random.pick(seeds);
  let bytes: Uint8Array = seed.slice(0, maxBytes);
  // Offsets of length fields hold only while nothing was moved, so lies come first.
  if (random.oneIn(3)) lie(random, bytes, seed);
  for (let steps = 1 + random.below(MAX_STEPS); steps > 0; steps--)
    bytes = STEPS[random.below(STEPS.length)]!(random, bytes, seeds);
  return bytes.length > maxBytes ? bytes.subarray(0, maxBytes) : bytes;
}

/** One change of `bytes`, which may be written to. */
type Step = (random: Random, bytes: Uint8Array, seeds: readonly Uint8Array[]) => Uint8Array;

/** By how often each is wanted: what keeps the structure comes most often, since it gets furthest. */
const STEPS: readonly Step[] = [
  flipBits,
  flipBits,
  setBytes,
  setBytes,
  setWord,
  truncate,
  deleteChunk,
  duplicateChunk,
  swapChunks,
  insertChunk,
  splice,
];

function flipBits(random: Random, bytes: Uint8Array): Uint8Array {
  for (let n = 1 + random.below(4); n > 0 && bytes.length > 0; n--) {
    const at = random.below(bytes.length);
    bytes[at] = bytes[at]! ^ (1 << random.below(8));
  }
  return bytes;
}

function setBytes(random: Random, bytes: Uint8Array): Uint8Array {
  for (let n = 1 + random.below(3); n > 0 && bytes.length > 0; n--) {
    bytes[random.below(bytes.length)] = random.oneIn(4) ? random.below(256) : random.pick(INTERESTING_BYTES);
  }
  return bytes;
}

/** A number of 2 to 4 bytes, in either byte order. */
function setWord(random: Random, bytes: Uint8Array): Uint8Array {
  const width = 2 + random.below(3);
  if (bytes.length < width) return bytes;
  const at = random.below(bytes.length - width + 1);
  const value = random.pick(INTERESTING_WORDS);
  const isLittle = random.oneIn(3);
  for (let i = 0; i < width; i++) bytes[at + (isLittle ? i : width - 1 - i)] = (value >>> (8 * i)) & 255;
  return bytes;
}

function truncate(random: Random, bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, random.below(bytes.length + 1));
}

function deleteChunk(random: Random, bytes: Uint8Array): Uint8Array {
  const [at, end] = chunkOf(random, bytes);
  return join(bytes.subarray(0, at), bytes.subarray(end));
}

function duplicateChunk(random: Random, bytes: Uint8Array): Uint8Array {
  const [at, end] = chunkOf(random, bytes);
  const times = random.oneIn(8) ? 1 + random.below(32) : 1;
  const parts = [bytes.subarray(0, end)];
  for (let i = 0; i < times; i++) parts.push(bytes.subarray(at, end));
  return join(...parts, bytes.subarray(end));
}

/** Exchanges two neighbours. */
function swapChunks(random: Random, bytes: Uint8Array): Uint8Array {
  const [at, end] = chunkOf(random, bytes);
  const middle = at + random.below(end - at + 1);
  return join(bytes.subarray(0, at), bytes.subarray(middle, end), bytes.subarray(at, middle), bytes.subarray(end));
}

function insertChunk(random: Random, bytes: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  const chunk = new Uint8Array(1 + random.below(16));
  if (random.oneIn(2)) chunk.fill(random.pick(INTERESTING_BYTES));
  else for (let i = 0; i < chunk.length; i++) chunk[i] = random.below(256);
  return join(bytes.subarray(0, at), chunk, bytes.subarray(at));
}

/** The beginning of this input and the end of another seed. */
function splice(random: Random, bytes: Uint8Array, seeds: readonly Uint8Array[]): Uint8Array {
  const other = random.pick(seeds);
  const from = random.below(other.length + 1);
  return join(bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(from, from + 16_384));
}

/** Some length fields say something else than what is there. */
function lie(random: Random, bytes: Uint8Array, seed: Uint8Array): void {
  const fields = lengthFieldsOf(seed);
  for (let n = 1 + random.below(2); n > 0 && fields.length > 0; n--) {
    const { at, width } = random.pick(fields);
    if (at + width > bytes.length) continue;
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + bytes[at + i]!;
    const max = 256 ** width - 1;
    const lies = [value + 1, value - 1, 0, max, bytes.length, value * 2, random.below(max + 1)];
    let lied = Math.min(max, Math.max(0, random.pick(lies)));
    for (let i = width - 1; i >= 0; i--) {
      bytes[at + i] = lied % 256;
      lied = Math.floor(lied / 256);
    }
  }
}

/** Bytes of no seed. */
function generate(random: Random, maxBytes: number): Uint8Array {
  const bytes = new Uint8Array(random.below(Math.min(maxBytes, MAX_GENERATED_BYTES)));
  const isUniform = random.oneIn(2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = isUniform ? random.below(256) : random.pick(INTERESTING_BYTES);
  return bytes;
}

/** Where a piece of the bytes begins and ends: mostly a short one. */
function chunkOf(random: Random, bytes: Uint8Array): [at: number, end: number] {
  const at = random.below(bytes.length);
  const longest = random.oneIn(4) ? bytes.length : 32;
  return [at, Math.min(bytes.length, at + 1 + random.below(longest))];
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
