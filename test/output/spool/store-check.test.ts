import fs from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findStoreFault, readRecords } from '../../../src/output/spool/store-check.ts';
import { makeDraft, makeFolder, openLabSpool } from './spool-lab.ts';

const PAGE = 4096;

/** A store with a tree of two levels, large and small records, and free pages. */
async function makeStore(): Promise<string> {
  const folder = makeFolder();
  const spool = await openLabSpool(folder);
  const consumer = spool.consumer('hec');
  await Promise.all(Array.from({ length: 120 }, (_, i) => spool.append(makeDraft(i + 1, 1, i % 4 === 0 ? 20_000 : 0))));
  for (let id = 20; id <= 60; id++) await consumer.settle(id, { acknowledged: 1 });
  await spool.close();
  return path.join(folder, 'data.mdb');
}

/** Changes a copy of the file and gives the fault that is seen in it. */
function faultOf(file: string, change: (bytes: Buffer) => Buffer | undefined): string | null {
  const bytes = fs.readFileSync(file);
  const changed = `${file}.changed`;
  fs.writeFileSync(changed, change(bytes) ?? bytes);
  return findStoreFault(changed);
}

/** Root of the main tree, as the newer meta page has it. */
function rootOf(bytes: Buffer): number {
  const transactionOf = (page: number) => Number(bytes.readBigUInt64LE(page * PAGE + 152));
  const meta = transactionOf(1) > transactionOf(0) ? 1 : 0;
  return Number(bytes.readBigUInt64LE(meta * PAGE + 136));
}

describe('the check of a store', () => {
  it('finds nothing in a whole one, and nothing where there is none', async () => {
    const file = await makeStore();
    expect(findStoreFault(file)).toBeNull();
    expect(findStoreFault(`${file}.none`)).toBeNull();
    expect(faultOf(file, () => Buffer.alloc(0))).toBeNull();
  });

  it('refuses each thing that is not as it has to be, by name', async () => {
    const file = await makeStore();
    const root = rootOf(fs.readFileSync(file)) * PAGE;
    const changed = (change: (bytes: Buffer) => void) =>
      faultOf(file, (bytes) => {
        change(bytes);
        return bytes;
      });
    expect(faultOf(file, (bytes) => bytes.subarray(0, 100))).toBe('cut within its meta pages');
    expect(faultOf(file, (bytes) => bytes.subarray(0, PAGE + 10))).toBe('cut within its meta pages');
    expect(changed((bytes) => bytes.writeUInt16LE(2, 18))).toBe('no meta page');
    expect(changed((bytes) => bytes.writeUInt32LE(1, PAGE + 24))).toBe('no LMDB file');
    expect(changed((bytes) => bytes.writeUInt32LE(1, 28))).toBe('another version of LMDB');
    expect(changed((bytes) => bytes.writeUInt32LE(5000, 48))).toBe('bad page size');
    expect(changed((bytes) => bytes.writeUInt32LE(8192, PAGE + 48))).toBe('meta pages differ in page size');
    expect(changed((bytes) => bytes.fill(0xff, 144, 152))).toBe('bad last page');
    expect(changed((bytes) => bytes.writeUInt32LE(1, root))).toMatch(/^tree: page \d+ is another one$/);
    expect(changed((bytes) => bytes.writeUInt16LE(4, root + 18))).toMatch(/is of no kind$/);
    expect(changed((bytes) => bytes.writeUInt16LE(5000, root + 22))).toMatch(/has bad bounds$/);
    expect(changed((bytes) => bytes.writeUInt16LE(0, root + 20))).toMatch(/has too few nodes$/);
    expect(changed((bytes) => bytes.writeUInt16LE(4090, root + 24))).toMatch(/has a wild node$/);
    const node = (bytes: Buffer) => root + 24 + bytes.readUInt16LE(root + 24);
    expect(changed((bytes) => bytes.writeUInt16LE(60_000, node(bytes) + 6))).toMatch(/has a wild key$/);
    expect(changed((bytes) => bytes.writeUInt32LE(1, node(bytes)))).toMatch(/is not in the file, or met twice$/);
    const eachMeta = (change: (bytes: Buffer, meta: number) => void) =>
      changed((bytes) => {
        for (const meta of [0, PAGE]) change(bytes, meta);
      });
    expect(eachMeta((bytes, meta) => bytes.writeUInt16LE(2, meta + 100))).toBe('tree: of another kind');
    expect(eachMeta((bytes, meta) => bytes.writeUInt16LE(12, meta + 52))).toBe('free list: of another kind');
    expect(eachMeta((bytes, meta) => bytes.writeUInt16LE(1, meta + 102))).toMatch(/is at another depth$/);
    expect(eachMeta((bytes, meta) => bytes.writeUInt16LE(9, meta + 128))).toBe(
      'tree: not as many pages and records as it says',
    );
    expect(
      changed((bytes) =>
        bytes.fill(0, root + 24 + bytes.readUInt16LE(root + 28) + 8, root + 24 + bytes.readUInt16LE(root + 28) + 9),
      ),
    ).toMatch(/has a key out of order$/);
    expect(faultOf(file, (bytes) => bytes.subarray(0, 3 * PAGE))).toMatch(/beyond the file's end$/);
  });

  it('throws at nothing, whatever bytes are where', async () => {
    const file = await makeStore();
    const whole = fs.readFileSync(file).subarray(0, 100 * PAGE);
    const changes = fc.array(
      fc.tuple(fc.integer({ min: 0, max: whole.length - 1 }), fc.uint8Array({ minLength: 1, maxLength: 64 })),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(changes, fc.integer({ min: 0, max: whole.length }), (writes, end) => {
        const bytes = Buffer.from(whole);
        for (const [at, content] of writes) bytes.set(content.subarray(0, bytes.length - at), at);
        const changed = `${file}.changed`;
        fs.writeFileSync(changed, bytes.subarray(0, end));
        findStoreFault(changed);
        for (const record of readRecords(changed)) expect(record.length).toBeLessThanOrEqual(end);
      }),
      { numRuns: 200 },
    );
  });
});
