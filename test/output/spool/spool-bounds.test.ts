import { describe, expect, it } from 'vitest';
import type { Spool } from '../../../src/output/spool/spool.ts';
import type { SpoolConsumer } from '../../../src/output/spool/spool-batch.ts';
import { readSpoolStatus, spoolStatus } from '../../../src/output/spool/spool-status.ts';
import { makeDraft, makeFolder, missing, openLabSpool, range, readAll, reportsOf, seqsOf } from './spool-lab.ts';

const MB = 1024 * 1024;
const SMALL = { maxBytes: 8 * MB };
const BATCH_BYTES = 200_000;
const BATCH_EVENTS = 10;

/** More than the small spool holds; nobody reads. */
async function fill(spool: Spool, batches = 60): Promise<void> {
  for (let i = 0; i < batches; i++) await spool.append(makeDraft(1 + i * BATCH_EVENTS, BATCH_EVENTS, BATCH_BYTES));
}

/** Every event is queued or in the journal, once. */
function expectEachOnce(spool: Spool, consumer: SpoolConsumer, last: number): void {
  const queued = seqsOf(readAll(consumer));
  const dropped = [...spool.book.journal.records]
    .filter((record) => record.sink === consumer.name)
    .flatMap((record) => range(record.firstSeq, record.lastSeq));
  expect([...queued, ...dropped].toSorted((a, b) => a - b)).toEqual(range(1, last));
  expect(missing(consumer.counters)).toBe(0);
}

describe('a full spool', () => {
  it('drops the oldest', async () => {
    const spool = await openLabSpool(makeFolder(), SMALL);
    await fill(spool);
    const consumer = spool.consumer('hec');
    expect(seqsOf(readAll(consumer)).at(-1)).toBe(600);
    expect(Object.keys(consumer.counters.dropped)).toEqual(['spool_full']);
    expectEachOnce(spool, consumer, 600);
    expect(spool.fileBytes).toBeLessThanOrEqual(SMALL.maxBytes);
  });

  it('drops the oldest that nobody has in hand, although the sink reads at the newest end', async () => {
    const spool = await openLabSpool(makeFolder(), SMALL);
    const consumer = spool.consumer('hec');
    const inHand: number[] = [];
    for (let i = 0; i < 60; i++) {
      await spool.append(makeDraft(1 + i * BATCH_EVENTS, BATCH_EVENTS, BATCH_BYTES));
      if (i % 20 === 0) inHand.push(...consumer.read(consumer.newestId - 1, 1).map((batch) => batch.firstSeq));
    }
    const queued = seqsOf(readAll(consumer));
    expect(inHand).toEqual([1, 201, 401]);
    for (const seq of inHand) expect(queued).toContain(seq);
    expect(queued.at(-1)).toBe(600);
    expect(queued).not.toContain(11);
    expectEachOnce(spool, consumer, 600);
  });

  it('drops the newest', async () => {
    const spool = await openLabSpool(makeFolder(), { ...SMALL, sinks: [{ name: 'hec', policy: 'drop-newest' }] });
    await fill(spool);
    const consumer = spool.consumer('hec');
    expect(seqsOf(readAll(consumer))[0]).toBe(1);
    expectEachOnce(spool, consumer, 600);
    // Consecutive drops are one record.
    expect([...spool.book.journal.records]).toHaveLength(1);
  });

  it('makes a replay wait, and loses nothing', async () => {
    const spool = await openLabSpool(makeFolder(), { ...SMALL, sinks: [{ name: 'hec', policy: 'pause' }] });
    const filled = fill(spool);
    const consumer = spool.consumer('hec');
    const seen: number[] = [];
    const stop = new AbortController();
    while (seen.length < 600) {
      await consumer.wait(consumer.settledId, stop.signal);
      for (const batch of consumer.read(consumer.settledId, MB)) {
        seen.push(...seqsOf([batch]));
        await consumer.settle(batch.id, { acknowledged: batch.count });
      }
    }
    await filled;
    expect(seen).toEqual(range(1, 600));
    expect(consumer.counters).toEqual({ emitted: 600, acknowledged: 600, queued: 0, dropped: {} });
  });

  it('never drops what is in a sink’s hands', async () => {
    const spool = await openLabSpool(makeFolder(), SMALL);
    await fill(spool, 3);
    const consumer = spool.consumer('hec');
    const held = readAll(consumer);
    await fill(spool);
    for (const batch of held) await consumer.settle(batch.id, { acknowledged: batch.count });
    expect(consumer.counters.acknowledged).toBe(30);
    expect(missing(consumer.counters)).toBe(0);
  });

  it('refuses the new batch where all the others are in hands', async () => {
    const spool = await openLabSpool(makeFolder(), SMALL);
    const consumer = spool.consumer('hec');
    for (let i = 0; i < 60; i++) {
      await spool.append(makeDraft(1 + i * BATCH_EVENTS, BATCH_EVENTS, BATCH_BYTES));
      readAll(consumer);
    }
    expect(seqsOf(readAll(consumer))[0]).toBe(1);
    expectEachOnce(spool, consumer, 600);
  });

  it.each(['drop-oldest', 'drop-newest'] as const)(
    'lets no sink that stands still stop another: %s',
    async (policy) => {
      const sinks = [
        { name: 'stuck', policy },
        { name: 'quick', policy: 'drop-oldest' as const },
      ];
      const spool = await openLabSpool(makeFolder(), { ...SMALL, sinks });
      const quick = spool.consumer('quick');
      const seen: number[] = [];
      for (let i = 0; i < 80; i++) {
        await spool.append(makeDraft(1 + i * BATCH_EVENTS, BATCH_EVENTS, BATCH_BYTES));
        for (const batch of readAll(quick)) {
          seen.push(...seqsOf([batch]));
          await quick.settle(batch.id, { acknowledged: batch.count });
        }
      }
      expect(seen).toEqual(range(1, 800));
      expectEachOnce(spool, spool.consumer('stuck'), 800);
    },
  );

  it('drops what is too old', async () => {
    const spool = await openLabSpool(makeFolder(), { maxAgeMs: 60_000 });
    await spool.append(makeDraft(1, 5, 0, Date.now() - 70_000));
    await spool.append(makeDraft(6, 5));
    const consumer = spool.consumer('hec');
    await expect.poll(() => consumer.counters.dropped['expired'], { timeout: 5000 }).toBe(5);
    expectEachOnce(spool, consumer, 10);
  });

  it('gives way to the free space that the disk is to keep', async () => {
    const spool = await openLabSpool(makeFolder(), { minFreeBytes: 1e15 });
    await fill(spool, 20);
    const consumer = spool.consumer('hec');
    expect(consumer.counters.dropped['disk_full']).toBeGreaterThan(0);
    expectEachOnce(spool, consumer, 200);
  });

  it('reports what it dropped, in an event', async () => {
    const spool = await openLabSpool(makeFolder(), SMALL);
    await fill(spool);
    const consumer = spool.consumer('hec');
    await expect.poll(() => reportsOf(readAll(consumer)), { timeout: 5000 }).toHaveLength(1);
    const [report] = reportsOf(readAll(consumer));
    expect(report).toMatchObject({
      action: 'events_dropped',
      sink: 'hec',
      reason: 'spool_full',
      sensor: 'lab',
      seq: 0,
    });
    expect(report!['events']).toBe(consumer.counters.dropped['spool_full']);
  });

  it('has its account and journal after a restart, and shows them from outside', async () => {
    const folder = makeFolder();
    const first = await openLabSpool(folder, SMALL);
    await fill(first);
    const before = spoolStatus(first);
    const looked = await readSpoolStatus(folder, Date.now());
    expect(looked.isOpen).toBe(true);
    expect(looked.sinks[0]!.dropped).toEqual(before.sinks[0]!.dropped);
    await first.close();
    const closed = await readSpoolStatus(folder, Date.now());
    expect(closed).toMatchObject({ isOpen: false, liveBytes: before.liveBytes });
    const second = await openLabSpool(folder, SMALL);
    expectEachOnce(second, second.consumer('hec'), 600);
    expect(spoolStatus(second).sinks).toMatchObject([
      { queued: before.sinks[0]!.queued, dropped: before.sinks[0]!.dropped, queuedBytes: before.sinks[0]!.queuedBytes },
    ]);
  });
});

describe('a spool in long use', () => {
  it('uses its pages again: the file stays within its bound', async () => {
    const spool = await openLabSpool(makeFolder(), { maxBytes: 16 * MB });
    const consumer = spool.consumer('hec');
    // Sizes that leave holes, and a queue that comes and goes.
    for (let i = 0; i < 600; i++) {
      await spool.append(makeDraft(i + 1, 1, (i * 7919) % 400_000));
      if (i % 25 !== 24) continue;
      for (const batch of readAll(consumer)) await consumer.settle(batch.id, { acknowledged: 1 });
    }
    expect(consumer.counters.dropped).toEqual({});
    expect(spool.fileBytes).toBeLessThan(16 * MB);
  });

  it('says that there is no spool where there is none', async () => {
    await expect(readSpoolStatus(makeFolder(), 0)).rejects.toMatchObject({ code: 'cannot_open' });
  });
});
