/** The ring's arithmetic in C, and the walk in TypeScript against the kernel's own structures: native/test/ring-test.c. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { toHex } from '../../src/bytes/hex.ts';
import { PacketBlock } from '../../src/capture/packet-source.ts';
import { RingWalker } from '../../src/capture/ring-block.ts';

const COMPILER = process.env['CC'] ?? 'cc';
const NATIVE = fileURLToPath(new URL('../../native', import.meta.url));
const SOURCES = ['ring/ring-layout.c', 'test/ring-test.c'];
const FLAGS = ['-std=gnu11', '-O1', '-g', '-Wall', '-Wextra', '-Werror'];
const SANITIZERS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
/** As in the program. */
const BLOCK_BYTES = 65_536;
const BLOCKS = 5;

const folder = mkdtempSync(join(tmpdir(), 'spanglass-ring-'));
const program = join(folder, 'ring-test');
const whyNot = findReason();
const skipped = whyNot === null ? '' : ` (skipped: ${whyNot})`;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.skipIf(whyNot !== null)(`takes the sizes of ring that the kernel takes, under the sanitizers${skipped}`, () => {
  build();
  const { status, stderr } = spawnSync(program, [], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

it.skipIf(whyNot !== null)(`walks what C laid out by the kernel's structures, packet by packet${skipped}`, () => {
  build();
  const image = join(folder, 'ring');
  const { status, stdout, stderr } = spawnSync(program, [image], { encoding: 'utf8', maxBuffer: 1 << 24 });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const expected = stdout.trimEnd().split('\n').map(toPacket);
  expect(expected.length).toBeGreaterThan(500);
  expect(walk(readFileSync(image))).toEqual(expected);
});

/** As a line for a packet: microseconds, lengths, bytes. */
function walk(image: Uint8Array, block = new PacketBlock()): string[] {
  const buffer = new ArrayBuffer(image.length);
  new Uint8Array(buffer).set(image);
  const shape = { blockBytes: BLOCK_BYTES, blocks: BLOCKS, hasOutgoing: true, isEthernet: true };
  const walker = new RingWalker(buffer, shape);
  const found: string[] = [];
  while (walker.read(block) > 0) {
    for (let i = 0; i < block.count; i++) {
      const at = block.at[i]!;
      const bytes = block.buf.subarray(at, at + block.capLen[i]!);
      found.push(`${block.tsUs[i]} ${block.capLen[i]} ${block.wireLen[i]} ${toHex(bytes)}`);
    }
  }
  expect(walker).toMatchObject({ walked: found.length, corrupt: 0, outgoing: 0 });
  return found;
}

/** A line of the program, in the same form. */
function toPacket(line: string): string {
  const [seconds, nanoseconds, length, wireLength, hex = ''] = line.split(' ');
  return `${Number(seconds) * 1e6 + Math.floor(Number(nanoseconds) / 1000)} ${length} ${wireLength} ${hex}`;
}

function build(): void {
  const files = SOURCES.map((file) => join(NATIVE, file));
  const { status, stderr } = spawnSync(COMPILER, [...FLAGS, ...SANITIZERS, `-I${NATIVE}`, '-o', program, ...files], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}

function findReason(): string | null {
  if (process.platform !== 'linux') return 'not Linux';
  const empty = { input: 'int main(void) { return 0; }\n', encoding: 'utf8' } as const;
  const { error, status } = spawnSync(COMPILER, [...SANITIZERS, '-x', 'c', '-o', join(folder, 'empty'), '-'], empty);
  if (error !== undefined) return `no ${COMPILER} here`;
  return status === 0 ? null : `${COMPILER} has no sanitizers`;
}
