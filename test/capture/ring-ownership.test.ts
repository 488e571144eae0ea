/** Who owns a ring's socket and mapping, and until when: by the first comment of native/ring/ring.h, on the loopback interface. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { CaptureError } from '../../src/capture/capture-error.ts';
import { type RingAddon, type RingRequest, ringAddon } from '../../src/capture/ring-addon.ts';

const REQUEST: RingRequest = {
  interface: 'lo',
  blockBytes: 65_536,
  blocks: 4,
  retireMs: 50,
  fanoutGroup: -1,
  promiscuous: true,
  hardwareTime: false,
  programFd: -1,
  classicProgram: null,
};
const ADDON = fileURLToPath(new URL('../../native/build/Release/spanglass.node', import.meta.url));
const ROUNDS = 10;

/** A thread that opens a ring, and leaves it open however it ends. */
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  const addon = require(workerData.addon);
  const opened = addon.ringOpen(workerData.request);
  parentPort.postMessage('open');
  if (workerData.end === 'exit') process.exit(0);
  if (workerData.end === 'throw') throw new Error('of the test');
  if (workerData.end === 'terminate') for (;;) addon.ringPoll(opened.ring, 5);
`;

const reason = findReason();
const skipped = reason === null ? '' : ` (${reason})`;

it.skipIf(reason !== null)(`takes the bytes away from JavaScript before it unmaps them${skipped}`, () => {
  const before = held();
  const addon = ringAddon();
  const opened = addon.ringOpen(REQUEST);
  if ('step' in opened) throw new Error(opened.step);
  const words = new Int32Array(opened.buffer);
  expect(held()).toEqual({ descriptors: before.descriptors + 1, maps: before.maps + 1 });
  addon.ringClose(opened.ring);
  expect([opened.buffer.byteLength, words.length, words[2]]).toEqual([0, 0, undefined]);
  expect(held()).toEqual(before);
  addon.ringClose(opened.ring);
  expect(() => addon.ringPoll(opened.ring, 0)).toThrow('the ring is closed');
});

it.skipIf(reason !== null).each(['return', 'exit', 'throw', 'terminate'])(
  `leaves nothing behind when a thread with an open ring ends: %s${skipped}`,
  async (end) => {
    const before = held();
    for (let round = 0; round < ROUNDS; round++) {
      const worker = new Worker(THREAD, { eval: true, workerData: { addon: ADDON, request: REQUEST, end } });
      worker.on('error', () => {});
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      await new Promise((resolve) => worker.once('message', resolve));
      if (end === 'terminate') await worker.terminate();
      await ended;
    }
    expect(held().maps).toBe(before.maps);
  },
);

it.skipIf(reason !== null).each<[string, Partial<RingRequest>, string]>([
  ['a name that would be cut to another', { interface: `lo${'\0'.repeat(14)}x` }, 'interface'],
  ['a name that is too long', { interface: 'lo'.repeat(8) }, 'interface'],
  ['no name', { interface: '' }, 'interface'],
  ['no blocks', { blocks: 0 }, 'size'],
  ['more than a gigabyte', { blocks: 65_536 }, 'size'],
  ['a size beyond 32 bits', { blockBytes: 2 ** 32 + 65_536 }, 'size'],
  ['a block that is not whole pages', { blockBytes: 65_537 }, 'size'],
  ['a descriptor that is no program', { programFd: 0 }, 'filter'],
  ['a classic program of an unknown opcode', { classicProgram: new Uint8Array(8).fill(0xff) }, 'filter'],
])(`refuses %s, and leaves nothing behind${skipped}`, (_name, wrong, step) => {
  const before = held();
  expect(ringAddon().ringOpen({ ...REQUEST, ...wrong })).toMatchObject({ step });
  expect(held()).toEqual(before);
});

function held(): { descriptors: number; maps: number } {
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    maps: maps.filter((line) => line.includes('socket:')).length,
  };
}

function findReason(): string | null {
  if (process.platform !== 'linux') return 'not Linux';
  let addon: RingAddon;
  try {
    addon = ringAddon();
    createRequire(import.meta.url)(ADDON);
  } catch (error) {
    if (error instanceof CaptureError) return 'the addon was not built';
    return 'the addon is a prebuilt one';
  }
  const opened = addon.ringOpen(REQUEST);
  if ('step' in opened) return `no ring here: ${opened.step}: ${opened.reason}`;
  addon.ringClose(opened.ring);
  return null;
}
