import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchWriter } from '../../../src/output/spool/batch-writer.ts';
import type { SpoolBatch } from '../../../src/output/spool/spool-batch.ts';
import { BOOT, eventLine, makeFolder, missing, openLabSpool, range, readAll, seqsOf } from './spool-lab.ts';

/** Lines of a batch, cut where it says that its events end. */
function linesOf(batch: SpoolBatch): string[] {
  const json = gunzipSync(batch.gzip);
  expect(json.length).toBe(batch.jsonBytes);
  let start = 0;
  return Array.from(batch.eventEnds, (end) => {
    const line = json.toString('utf8', start, end);
    start = end;
    return line;
  });
}

describe('a batch writer', () => {
  it('closes a batch before it exceeds its bytes, and keeps the order', async () => {
    const spool = await openLabSpool(makeFolder());
    const writer = new BatchWriter(spool, { bootId: BOOT, batchBytes: 1000, maxInFlight: 100 });
    for (let seq = 1; seq <= 100; seq++) writer.append(eventLine(seq), seq);
    await writer.flush();
    const batches = readAll(spool.consumer('hec'));
    expect(batches.length).toBeGreaterThan(5);
    expect(batches.every((batch) => batch.jsonBytes <= 1000)).toBe(true);
    expect(seqsOf(batches)).toEqual(range(1, 100));
    expect(batches.flatMap(linesOf)).toEqual(range(1, 100).map((seq) => eventLine(seq).toString()));
  });

  it('closes a batch when it is old', async () => {
    const spool = await openLabSpool(makeFolder());
    const writer = new BatchWriter(spool, { bootId: BOOT, batchAgeMs: 20 });
    const consumer = spool.consumer('hec');
    const woken = consumer.wait(0, new AbortController().signal);
    writer.append(eventLine(1), 1);
    await woken;
    expect(seqsOf(readAll(consumer))).toEqual([1]);
  });

  it('begins a new batch where a seq is missing', async () => {
    const spool = await openLabSpool(makeFolder());
    const writer = new BatchWriter(spool, { bootId: BOOT });
    for (const seq of [1, 2, 5, 6]) writer.append(eventLine(seq), seq);
    await writer.flush();
    expect(readAll(spool.consumer('hec')).map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
      [1, 2],
      [5, 6],
    ]);
  });

  it('takes an event that is larger than a batch', async () => {
    const spool = await openLabSpool(makeFolder());
    const writer = new BatchWriter(spool, { bootId: BOOT, batchBytes: 100 });
    const large = Buffer.from(`{"event":"${'x'.repeat(200_000)}"}\n`);
    writer.append(eventLine(1), 1);
    writer.append(large, 2);
    writer.append(eventLine(3), 3);
    await writer.flush();
    const batches = readAll(spool.consumer('hec'));
    expect(batches.map((batch) => batch.count)).toEqual([1, 1, 1]);
    expect(linesOf(batches[1]!)).toEqual([large.toString()]);
  });

  it('drops as overflow, by count, what the disk does not take in time', async () => {
    const spool = await openLabSpool(makeFolder());
    const writer = new BatchWriter(spool, { bootId: BOOT, batchBytes: 1000, maxInFlight: 2 });
    // In one turn: nothing can land.
    for (let seq = 1; seq <= 100; seq++) writer.append(eventLine(seq), seq);
    expect(writer.isFull).toBe(true);
    await writer.flush();
    const consumer = spool.consumer('hec');
    const queued = seqsOf(readAll(consumer));
    const [record] = [...spool.book.journal.records];
    expect(record).toMatchObject({ reason: 'overflow', bootId: BOOT, firstSeq: queued.length + 1, lastSeq: 100 });
    expect(consumer.counters).toMatchObject({ emitted: 100, dropped: { overflow: 100 - queued.length } });
    expect(missing(consumer.counters)).toBe(0);
  });

  it('loses nothing where the caller waits for room', async () => {
    const spool = await openLabSpool(makeFolder());
    const writer = new BatchWriter(spool, { bootId: BOOT, batchBytes: 500, maxInFlight: 2 });
    for (let seq = 1; seq <= 300; seq++) {
      if (writer.isFull) await writer.room();
      writer.append(eventLine(seq), seq);
    }
    await writer.flush();
    expect(seqsOf(readAll(spool.consumer('hec')))).toEqual(range(1, 300));
    expect(spool.consumer('hec').counters.dropped).toEqual({});
  });

  it('says so where the spool closed before the batch was committed', async () => {
    const spool = await openLabSpool(makeFolder());
    const writer = new BatchWriter(spool, { bootId: BOOT });
    writer.append(eventLine(1), 1);
    await spool.close();
    await expect(writer.flush()).rejects.toMatchObject({ code: 'closed' });
  });

  it('gives back every line as it was, whatever its size', async () => {
    const spool = await openLabSpool(makeFolder());
    const consumer = spool.consumer('hec');
    let seq = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme', maxLength: 400 }), { maxLength: 40 }), async (texts) => {
        const writer = new BatchWriter(spool, { bootId: BOOT, batchBytes: 1500, maxInFlight: 100 });
        const lines = texts.map((text) => `${JSON.stringify(text)}\n`);
        for (const line of lines) writer.append(Buffer.from(line), ++seq);
        await writer.flush();
        const batches = readAll(consumer);
        expect(batches.flatMap(linesOf)).toEqual(lines);
        await Promise.all(batches.map((batch) => consumer.settle(batch.id, { acknowledged: batch.count })));
      }),
      { numRuns: 50 },
    );
  });
});
