import fs from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Spool } from '../../../src/output/spool/spool.ts';
import { makeDraft, makeFolder, missing, openLabSpool, range, readAll, reportsOf, seqsOf } from './spool-lab.ts';

const BATCH_EVENTS = 10;

/** Twelve batches, small and large; the first four delivered. Closed. */
async function makeSpool(): Promise<string> {
  const folder = makeFolder();
  const spool = await openLabSpool(folder);
  for (let i = 0; i < 12; i++) {
    await spool.append(makeDraft(1 + i * BATCH_EVENTS, BATCH_EVENTS, i % 3 === 0 ? 0 : 60_000));
  }
  const consumer = spool.consumer('hec');
  for (let id = 1; id <= 4; id++) await consumer.settle(id, { acknowledged: BATCH_EVENTS });
  await spool.close();
  return folder;
}

interface Outcome {
  readonly lost: number;
  readonly reports: Record<string, unknown>[];
}

/** Opens after damage: nothing is unaccounted for, and each event is queued or reported as lost. */
async function expectWholeAccount(folder: string): Promise<Outcome> {
  const spool = await openLabSpool(folder);
  try {
    return await expectWhole(spool);
  } finally {
    // Whatever comes of it, so that a property that fails can be made smaller.
    await spool.close();
  }
}

async function expectWhole(spool: Spool): Promise<Outcome> {
  const consumer = spool.consumer('hec');
  // Reading may find bodies that are damaged; what is dropped then is in the account.
  const batches = readAll(consumer);
  const reports = reportsOf(batches);
  const { counters } = consumer;
  expect(missing(counters)).toBe(0);
  expect(counters.emitted).toBe(120 + reports.length);
  expect(counters.acknowledged).toBe(40);
  const queued = seqsOf(batches);
  const lost = counters.dropped['damaged'] ?? 0;
  expect(queued.length + lost).toBe(80);
  expect(new Set(queued).size).toBe(queued.length);
  expect(queued.every((seq) => seq > 40 && seq <= 120)).toBe(true);
  const reported = reports
    .filter((report) => report['action'] === 'events_lost')
    .flatMap((report) => range(Number(report['first_seq']), Number(report['last_seq'])));
  expect(reported.filter((seq) => queued.includes(seq))).toEqual([]);
  await spool.append(makeDraft(121, 1));
  expect(seqsOf(readAll(consumer))).toContain(121);
  return { lost, reports };
}

function asideOf(folder: string): string[] {
  return fs.readdirSync(path.dirname(folder)).filter((name) => name.startsWith('spool.damaged-'));
}

function overwrite(file: string, at: number, bytes: Uint8Array): void {
  const fd = fs.openSync(file, 'r+');
  fs.writeSync(fd, bytes, 0, bytes.length, at);
  fs.closeSync(fd);
}

describe('a spool whose store was damaged', () => {
  it('is set aside, salvaged, and says what is lost', async () => {
    const folder = await makeSpool();
    const store = path.join(folder, 'data.mdb');
    // Behind what was written there is only room.
    fs.truncateSync(store, fs.readFileSync(store).lastIndexOf(Buffer.alloc(1000, 0xa5)) >> 1);
    const { lost, reports } = await expectWholeAccount(folder);
    expect(asideOf(folder)).toHaveLength(1);
    expect(lost).toBeGreaterThan(0);
    const events = reports.filter(({ action }) => action === 'events_lost').map((report) => Number(report['events']));
    expect(events.reduce((sum, n) => sum + n, 0)).toBe(lost);
    expect(reports[0]).toMatchObject({ action: 'store_set_aside' });
  });

  it('loses nothing where only its meta pages are gone', async () => {
    const folder = await makeSpool();
    overwrite(path.join(folder, 'data.mdb'), 0, new Uint8Array(8192));
    expect((await expectWholeAccount(folder)).lost).toBe(0);
  });

  it('loses nothing where the file is of another version', async () => {
    const folder = await makeSpool();
    for (const page of [0, 4096]) overwrite(path.join(folder, 'data.mdb'), page + 28, Uint8Array.of(9));
    const { lost, reports } = await expectWholeAccount(folder);
    expect(lost).toBe(0);
    expect(reports[0]).toMatchObject({ fault: 'another version of LMDB', salvaged_batches: 8 });
  });

  it('counts everything where the store is gone', async () => {
    const folder = await makeSpool();
    fs.rmSync(path.join(folder, 'data.mdb'));
    const { lost, reports } = await expectWholeAccount(folder);
    expect(lost).toBe(80);
    expect(reports).toMatchObject([{ action: 'events_lost', first_seq: 41, last_seq: 120, events: 80 }]);
  });

  it('does without its ledger, and without both', async () => {
    const folder = await makeSpool();
    fs.rmSync(path.join(folder, 'ledger'));
    expect(await expectWholeAccount(folder)).toMatchObject({ lost: 0, reports: [] });
    fs.rmSync(path.join(folder, 'ledger'));
    overwrite(path.join(folder, 'data.mdb'), 0, new Uint8Array(4096));
    const spool = await openLabSpool(folder);
    const consumer = spool.consumer('hec');
    // What was delivered and still stands comes again, since nobody knows: at least what was not is there.
    expect(seqsOf(readAll(consumer))).toEqual(expect.arrayContaining(range(41, 120)));
    expect(missing(consumer.counters)).toBe(0);
  });

  it('goes on with a ledger and a lock that are garbage', async () => {
    const folder = await makeSpool();
    fs.writeFileSync(path.join(folder, 'ledger'), 'SGLEDGR1 what is this');
    fs.writeFileSync(path.join(folder, 'lock.mdb'), Buffer.alloc(8192, 0x5a));
    expect(await expectWholeAccount(folder)).toMatchObject({ lost: 0, reports: [] });
  });

  it('takes a damaged body for what it is: dropped, not sent', async () => {
    const folder = await makeSpool();
    const store = path.join(folder, 'data.mdb');
    const at = fs.readFileSync(store).lastIndexOf(Buffer.alloc(1000, 0xa5));
    overwrite(store, at, Uint8Array.of(1, 2, 3));
    expect((await expectWholeAccount(folder)).lost).toBe(BATCH_EVENTS);
    expect(asideOf(folder)).toEqual([]);
  });

  it('knows from the ledger what a power cut took back', async () => {
    const folder = await makeSpool();
    const older = fs.readFileSync(path.join(folder, 'data.mdb'));
    const spool = await openLabSpool(folder);
    await spool.append(makeDraft(121, 30));
    await spool.close();
    fs.writeFileSync(path.join(folder, 'data.mdb'), older);
    const after = await openLabSpool(folder);
    const consumer = after.consumer('hec');
    expect(consumer.counters.dropped).toEqual({ damaged: 30 });
    expect(reportsOf(readAll(consumer))).toMatchObject([{ action: 'events_lost', first_seq: 121, last_seq: 150 }]);
    expect(seqsOf(readAll(consumer))).toEqual(range(41, 120));
  });

  it('salvages from the start where a salvage was interrupted', async () => {
    const folder = await makeSpool();
    const aside = `${folder}.damaged-before`;
    fs.mkdirSync(aside);
    fs.renameSync(path.join(folder, 'data.mdb'), path.join(aside, 'data.mdb'));
    fs.writeFileSync(path.join(folder, 'salvage-from'), aside);
    fs.writeFileSync(path.join(folder, 'data.mdb'), 'half a store');
    expect((await expectWholeAccount(folder)).lost).toBe(0);
    expect(fs.existsSync(path.join(folder, 'salvage-from'))).toBe(false);
  });

  it('keeps three of the stores set aside', async () => {
    const folder = await makeSpool();
    for (let i = 0; i < 5; i++) {
      overwrite(path.join(folder, 'data.mdb'), 0, new Uint8Array(64));
      await (await openLabSpool(folder)).close();
    }
    expect(asideOf(folder)).toHaveLength(3);
  });

  it('starts whatever bytes are in it, and its account holds', async () => {
    const folder = await makeSpool();
    const whole = new Map(['data.mdb', 'ledger'].map((name) => [name, fs.readFileSync(path.join(folder, name))]));
    const size = whole.get('data.mdb')!.length;
    const damage = fc.record({
      at: fc.oneof(fc.integer({ min: 0, max: 16_384 }), fc.integer({ min: 0, max: size - 1 })),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 4096 }),
      cut: fc.option(fc.integer({ min: 0, max: size }), { freq: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ at, bytes, cut }) => {
        for (const [name, content] of whole) fs.writeFileSync(path.join(folder, name), content);
        const store = path.join(folder, 'data.mdb');
        overwrite(store, at, bytes);
        if (cut !== null) fs.truncateSync(store, cut);
        await expectWholeAccount(folder);
      }),
      { numRuns: 100 },
    );
  });
});
