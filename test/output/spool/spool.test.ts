import { describe, expect, it } from 'vitest';
import { openSpool } from '../../../src/output/spool/open-spool.ts';
import { SpoolError } from '../../../src/output/spool/spool-error.ts';
import { makeDraft, makeFolder, missing, openLabSpool, range, readAll, seqsOf } from './spool-lab.ts';

const TWO_SINKS = [
  { name: 'hec', policy: 'drop-oldest' as const },
  { name: 'file', policy: 'drop-newest' as const },
];

describe('a spool', () => {
  it('gives a batch to a sink as it was appended', async () => {
    const spool = await openLabSpool(makeFolder());
    const draft = makeDraft(1, 3);
    await spool.append(draft);
    const [batch, ...others] = readAll(spool.consumer('hec'));
    expect(others).toEqual([]);
    expect(batch).toEqual({
      id: 1,
      bootId: draft.bootId,
      firstSeq: 1,
      lastSeq: 3,
      count: 3,
      jsonBytes: draft.jsonBytes,
      gzip: expect.any(Uint8Array),
      eventEnds: draft.eventEnds,
      createdMs: draft.createdMs,
    });
    expect(Buffer.compare(batch!.gzip, draft.gzip)).toBe(0);
  });

  it.each(['power-loss', 'crash', 'none'] as const)(
    'has after a restart what was committed: %s',
    async (durability) => {
      const folder = makeFolder();
      const first = await openLabSpool(folder, { durability });
      await first.append(makeDraft(1, 10));
      const last = first.append(makeDraft(11, 5));
      await first.close();
      await last;
      const second = await openLabSpool(folder, { durability });
      const consumer = second.consumer('hec');
      expect(seqsOf(readAll(consumer))).toEqual(range(1, 15));
      expect(consumer.counters).toEqual({ emitted: 15, acknowledged: 0, queued: 15, dropped: {} });
    },
  );

  it('goes on where the sink was, after settles out of order', async () => {
    const folder = makeFolder();
    const first = await openLabSpool(folder);
    for (let i = 0; i < 5; i++) await first.append(makeDraft(1 + 10 * i, 10));
    const before = first.consumer('hec');
    await before.settle(1, { acknowledged: 10 });
    await before.settle(4, { acknowledged: 8, dropped: { quarantined: 2 } });
    await before.settle(3, { acknowledged: 10 });
    expect(before.settledId).toBe(1);
    await first.close();
    const second = await openLabSpool(folder);
    const after = second.consumer('hec');
    expect(after.settledId).toBe(1);
    expect(readAll(after).map((batch) => batch.id)).toEqual([2, 5]);
    expect(after.counters).toEqual({ emitted: 50, acknowledged: 28, queued: 20, dropped: { quarantined: 2 } });
    await after.settle(2, { acknowledged: 10 });
    expect(after.settledId).toBe(4);
  });

  it('removes a batch only when every sink has settled it', async () => {
    const spool = await openLabSpool(makeFolder(), { sinks: TWO_SINKS });
    await spool.append(makeDraft(1, 4));
    await spool.consumer('hec').settle(1, { acknowledged: 4 });
    expect(spool.book.batches).toBe(1);
    expect(readAll(spool.consumer('file'))).toHaveLength(1);
    await spool.consumer('file').settle(1, { acknowledged: 4 });
    expect(spool.book.batches).toBe(0);
    expect(spool.book.liveBytes).toBe(0);
  });

  it('reads up to the bytes asked for, and one batch at least', async () => {
    const spool = await openLabSpool(makeFolder());
    for (let i = 0; i < 4; i++) await spool.append(makeDraft(i + 1, 1, 10_000));
    const consumer = spool.consumer('hec');
    expect(consumer.read(0, 1).map((batch) => batch.id)).toEqual([1]);
    expect(consumer.read(1, 21_000).map((batch) => batch.id)).toEqual([2, 3]);
    expect(consumer.read(4, 1000)).toEqual([]);
  });

  it('wakes who waits for a batch', async () => {
    const spool = await openLabSpool(makeFolder());
    const consumer = spool.consumer('hec');
    const woken = consumer.wait(0, new AbortController().signal);
    await spool.append(makeDraft(1, 1));
    await woken;
    expect(readAll(consumer)).toHaveLength(1);
  });

  it('wakes who waits when it is told to stop, and when it closes', async () => {
    const spool = await openLabSpool(makeFolder());
    const consumer = spool.consumer('hec');
    const stop = new AbortController();
    const stopped = consumer.wait(0, stop.signal);
    const closed = consumer.wait(0, new AbortController().signal);
    stop.abort();
    await stopped;
    await spool.close();
    await closed;
    expect(readAll(consumer)).toEqual([]);
  });

  it('changes nothing when what is settled is settled again', async () => {
    const spool = await openLabSpool(makeFolder());
    await spool.append(makeDraft(1, 2));
    const consumer = spool.consumer('hec');
    await consumer.settle(1, { acknowledged: 2 });
    await consumer.settle(1, { acknowledged: 0, dropped: { rejected: 2 } });
    expect(consumer.counters).toEqual({ emitted: 2, acknowledged: 2, queued: 0, dropped: {} });
  });

  it('refuses a settle that does not add up', async () => {
    const spool = await openLabSpool(makeFolder());
    await spool.append(makeDraft(1, 5));
    const consumer = spool.consumer('hec');
    await expect(consumer.settle(1, { acknowledged: 4 })).rejects.toMatchObject({ code: 'wrong_sum' });
    await expect(consumer.settle(1, { acknowledged: 6, dropped: { odd: -1 } })).rejects.toBeInstanceOf(SpoolError);
    expect(consumer.counters.queued).toBe(5);
  });

  it('refuses a second owner, and has one again after the first is gone', async () => {
    const folder = makeFolder();
    const first = await openLabSpool(folder);
    await expect(openLabSpool(folder)).rejects.toMatchObject({ code: 'locked' });
    await first.close();
    await openLabSpool(folder);
  });

  it('refuses options that can mean nothing', async () => {
    const folder = makeFolder();
    const open = (options: object) => openSpool({ folder, sensor: 'lab', sinks: TWO_SINKS, ...options });
    await expect(open({ sinks: [] })).rejects.toMatchObject({ code: 'bad_option' });
    await expect(open({ sinks: [TWO_SINKS[0], TWO_SINKS[0]] })).rejects.toMatchObject({ code: 'bad_option' });
    await expect(open({ maxBytes: 1000 })).rejects.toMatchObject({ code: 'bad_option' });
  });

  it('refuses a sink that it was not opened for, and anything once it is closed', async () => {
    const spool = await openLabSpool(makeFolder());
    const consumer = spool.consumer('hec');
    await spool.append(makeDraft(1, 1));
    expect(() => spool.consumer('other')).toThrow(expect.objectContaining({ code: 'unknown_sink' }));
    await spool.close();
    await expect(spool.append(makeDraft(2, 1))).rejects.toMatchObject({ code: 'closed' });
    await expect(consumer.settle(1, { acknowledged: 1 })).rejects.toMatchObject({ code: 'closed' });
  });

  it('gives a new sink what comes after it, and drops by name what a removed one had left', async () => {
    const folder = makeFolder();
    const first = await openLabSpool(folder, { sinks: [TWO_SINKS[0]!] });
    await first.append(makeDraft(1, 7));
    await first.close();
    const second = await openLabSpool(folder, { sinks: [TWO_SINKS[1]!] });
    const consumer = second.consumer('file');
    await second.append(makeDraft(8, 2));
    expect(seqsOf(readAll(consumer))).toEqual([8, 9]);
    expect(missing(consumer.counters)).toBe(0);
    // Its report is the third event.
    expect(consumer.counters.emitted).toBe(3);
    expect(second.book.batches).toBe(2);
  });

  it('keeps what waits for sinks that it is not opened for, if it is told to', async () => {
    const folder = makeFolder();
    const first = await openLabSpool(folder, { sinks: TWO_SINKS });
    await first.append(makeDraft(1, 7));
    await first.close();
    const second = await openLabSpool(folder, { sinks: [TWO_SINKS[0]!], keepsOtherSinks: true });
    const [batch] = readAll(second.consumer(TWO_SINKS[0]!.name));
    await second.consumer(TWO_SINKS[0]!.name).settle(batch!.id, { acknowledged: 7 });
    expect(second.book.batches).toBe(1);
    await second.close();
    const third = await openLabSpool(folder, { sinks: TWO_SINKS });
    const consumer = third.consumer(TWO_SINKS[1]!.name);
    expect(seqsOf(readAll(consumer))).toEqual(range(1, 7));
    expect(consumer.counters).toEqual({ emitted: 7, acknowledged: 0, queued: 7, dropped: {} });
    expect(third.consumer(TWO_SINKS[0]!.name).counters.queued).toBe(0);
  });
});
