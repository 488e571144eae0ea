import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HEC_DEFAULTS, type HecConfig } from '../../src/output/hec/hec-config.ts';
import { Delivery, type DeliveryOptions } from '../../src/sensor/delivery.ts';
import type { EventBatch } from '../../src/sensor/event-batch.ts';
import type { SensorCounts } from '../../src/sensor/live-counts.ts';
import { NO_COUNTS } from '../../src/sensor/pipeline-counts.ts';
import { HecServer } from '../support/hec/hec-server.ts';

const TOKEN = 'a-token';
const NOBODY = 'http://127.0.0.1:9';

function counts(): SensorCounts {
  return { pipeline: NO_COUNTS, live: null };
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spanglass-delivery-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function hecOf(folder: string, url: string): HecConfig {
  return {
    ...HEC_DEFAULTS,
    token: TOKEN,
    endpoints: [{ url, weight: 1 }],
    quarantineFile: join(folder, 'quarantine'),
    ackPollMs: 20,
    backoffBaseMs: 10,
    backoffCapMs: 100,
  };
}

async function open(folder: string, more: Partial<DeliveryOptions>): Promise<Delivery> {
  const delivery = await Delivery.open({
    sensor: 'lab',
    bootIds: ['a', 'b'],
    index: null,
    hec: null,
    files: [],
    spool: { folder: join(folder, 'spool') },
    policy: 'drop-oldest',
    healthMs: 0,
    ...more,
  });
  onTestFinished(() => delivery.close());
  return delivery;
}

/** `paddingBytes` of each event that hardly compress. */
function batchOf(bootId: string, firstSeq: number, count: number, paddingBytes = 0): EventBatch {
  const texts = Array.from({ length: count }, (_, i) => {
    const seq = firstSeq + i;
    const padding = paddingBytes > 0 && { pad: randomBytes(paddingBytes).toString('base64') };
    const event = { sensor: 'lab', boot_id: bootId, seq, event_id: `${bootId}-${seq}`, ...padding };
    return `${JSON.stringify({ time: 1, sourcetype: 'stream:ssl', event })}\n`;
  });
  let at = 0;
  const ends = Uint32Array.from(texts, (text) => (at += text.length));
  return { bootId, firstSeq, count, lines: Buffer.from(texts.join('')), ends };
}

/** emitted = acknowledged + queued + dropped, for every sink. */
function expectSums(delivery: Delivery): void {
  for (const name of delivery.sinkNames) {
    const { written, acknowledged, queued, dropped } = delivery.counts(name);
    expect(acknowledged + queued + Object.values(dropped).reduce((sum, n) => sum + n, 0)).toBe(written);
  }
}

function seqsIn(file: string): Record<string, number[]> {
  const seqs: Record<string, number[]> = {};
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    const { event }: { event: { boot_id: string; seq: number } } = JSON.parse(line);
    const own = seqs[event.boot_id];
    if (own === undefined) seqs[event.boot_id] = [event.seq];
    else own.push(event.seq);
  }
  return seqs;
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

describe('a delivery of several streams', () => {
  it('gives every sink all of them, in order, and counts them', async () => {
    const folder = newFolder();
    const server = new HecServer({ tokens: { [TOKEN]: { usesAck: true } } });
    await server.start();
    onTestFinished(() => server.stop());
    const ndjson = join(folder, 'events.ndjson');
    const protobuf = join(folder, 'events.pb');
    const delivery = await open(folder, {
      hec: hecOf(folder, server.url),
      files: [
        { format: 'ndjson', file: ndjson },
        { format: 'protobuf', file: protobuf },
      ],
    });
    expect(delivery.sinkNames).toEqual(['hec', 'ndjson', 'protobuf']);
    for (let n = 0; n < 20; n++) {
      for (const bootId of ['a', 'b']) expect(delivery.take(batchOf(bootId, 50 * n, 50))).toBeNull();
      expectSums(delivery);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await delivery.stopWithin(10_000, counts)).toEqual({ isStored: true, isDelivered: true });
    for (const name of delivery.sinkNames) {
      expect(delivery.counts(name)).toEqual({ written: 2000, acknowledged: 2000, queued: 0, dropped: {} });
    }
    expect(seqsIn(ndjson)).toEqual({ a: upTo(1000), b: upTo(1000) });
    expect(server.ledger.runAccountingSearch().map(({ count, missing }) => [count, missing])).toEqual([
      [1000, 0],
      [1000, 0],
    ]);
  });

  it('counts what was lost before it came, for every sink, under its reason', async () => {
    const folder = newFolder();
    const delivery = await open(folder, { files: [{ format: 'ndjson', file: join(folder, 'x.ndjson') }] });
    await delivery.take(batchOf('a', 0, 10));
    delivery.countDropped({ bootId: 'a', firstSeq: 10, count: 5, reason: 'overflow' });
    await delivery.take(batchOf('a', 15, 10));
    delivery.countDropped({ bootId: 'b', firstSeq: 0, count: 3, reason: 'worker_died' });
    expectSums(delivery);
    await delivery.stopWithin(5_000, counts);
    const dropped = { overflow: 5, worker_died: 3 };
    expect(delivery.counts()).toEqual({ written: 28, acknowledged: 20, queued: 0, dropped });
    expect(delivery.counters()).toMatchObject({ emitted: 28, acknowledged: 20, queued: 0, dropped });
    expect([...delivery.spool.book.journal.records]).toMatchObject([
      { reason: 'overflow', bootId: 'a', firstSeq: 10, lastSeq: 14, events: 5 },
      { reason: 'worker_died', bootId: 'b', firstSeq: 0, lastSeq: 2, events: 3 },
    ]);
  });

  it('makes a batch wait while the spool is behind, with its bytes untouched, and keeps the order', async () => {
    const folder = newFolder();
    const file = join(folder, 'x.ndjson');
    const delivery = await open(folder, { files: [{ format: 'ndjson', file }] });
    const waited: Promise<void>[] = [];
    const perBatch = 20_000;
    for (let n = 0; n < 12; n++) {
      const taken = delivery.take(batchOf('a', perBatch * n, perBatch));
      if (taken !== null) waited.push(taken);
    }
    expect(waited.length).toBeGreaterThan(0);
    expectSums(delivery);
    await Promise.all(waited);
    await delivery.stopWithin(20_000, counts);
    expect(delivery.counts()).toMatchObject({ written: 12 * perBatch, acknowledged: 12 * perBatch, queued: 0 });
    expect(seqsIn(file)['a']).toEqual(upTo(12 * perBatch));
  });

  it('refuses a stream that it was not opened for', async () => {
    const folder = newFolder();
    const delivery = await open(folder, { files: [{ format: 'ndjson', file: join(folder, 'x.ndjson') }] });
    expect(() => delivery.take(batchOf('stranger', 0, 1))).toThrow('stranger');
    expect(delivery.counts().written).toBe(0);
  });
});

describe('a sink that stands still', () => {
  it('does not stop a file, and at the stop its events are in the spool', async () => {
    const folder = newFolder();
    const file = join(folder, 'x.ndjson');
    const options = { hec: hecOf(folder, NOBODY), files: [{ format: 'ndjson', file } as const] };
    const delivery = await open(folder, { ...options, healthMs: 60_000 });
    await delivery.take(batchOf('a', 0, 100));
    await expect.poll(() => delivery.counts('ndjson').acknowledged).toBe(100);
    expect(delivery.counts('hec')).toMatchObject({ acknowledged: 0, queued: 100 });
    const startMs = performance.now();
    expect(await delivery.stopWithin(6_000, counts)).toEqual({ isStored: true, isDelivered: false });
    expect(performance.now() - startMs).toBeLessThan(6_000);
    expect(delivery.counts('hec')).toEqual({ written: 100, acknowledged: 0, queued: 100, dropped: {} });
    // With the health event of the end, in both.
    expect(delivery.counters('hec').queued).toBe(101);
    expect(Object.values(seqsIn(file)).map((seqs) => seqs.length)).toEqual([100, 1]);
  });

  it('loses its oldest events where the spool is full, counted, while a file gets all', async () => {
    const folder = newFolder();
    const file = join(folder, 'x.ndjson');
    const delivery = await open(folder, {
      hec: hecOf(folder, NOBODY),
      files: [{ format: 'ndjson', file }],
      spool: { folder: join(folder, 'spool'), maxBytes: 8 * 1024 * 1024, minFreeBytes: 0 },
    });
    for (let n = 0; n < 30; n++) {
      for (const bootId of ['a', 'b']) await delivery.take(batchOf(bootId, 50 * n, 50, 8_000));
      expectSums(delivery);
      // The file keeps up: who has the whole spool to get is no better than who stands still.
      await expect.poll(() => delivery.counts('ndjson').queued, { interval: 10 }).toBeLessThan(300);
    }
    expect((await delivery.stopWithin(10_000, counts)).isStored).toBe(true);
    expectSums(delivery);
    expect(delivery.counts('ndjson')).toEqual({ written: 3000, acknowledged: 3000, queued: 0, dropped: {} });
    // And the spool's report of the drops.
    expect(seqsIn(file)).toMatchObject({ a: upTo(1500), b: upTo(1500) });
    const { acknowledged, queued, dropped } = delivery.counts('hec');
    expect(acknowledged).toBe(0);
    expect(queued).toBeGreaterThan(0);
    expect(dropped).toEqual({ spool_full: 3000 - queued });
  });

  it('gets them from the next start', async () => {
    const folder = newFolder();
    const server = new HecServer({ tokens: { [TOKEN]: {} } });
    const first = await open(folder, { hec: hecOf(folder, NOBODY) });
    await first.take(batchOf('a', 0, 100));
    expect(await first.stopWithin(3_000, counts)).toEqual({ isStored: true, isDelivered: false });
    await server.start();
    onTestFinished(() => server.stop());
    const second = await open(folder, { bootIds: ['c'], hec: hecOf(folder, server.url) });
    await expect.poll(() => second.counters().queued, { timeout: 5_000 }).toBe(0);
    expect(second.counts()).toEqual({ written: 0, acknowledged: 0, queued: 0, dropped: {} });
    expect(server.ledger.runAccountingSearch()).toMatchObject([{ bootId: 'a', count: 100, missing: 0 }]);
  });

  it('is waited for at a stop while it gets on', async () => {
    const folder = newFolder();
    const server = new HecServer({ tokens: { [TOKEN]: { usesAck: true } }, indexDelayMs: 1_500 });
    await server.start();
    onTestFinished(() => server.stop());
    const delivery = await open(folder, { hec: hecOf(folder, server.url) });
    await delivery.take(batchOf('a', 0, 100));
    expect(await delivery.stopWithin(10_000, counts)).toEqual({ isStored: true, isDelivered: true });
  });

  it('is told when it is a file that can not be written, and goes on when it can', async () => {
    const folder = newFolder();
    const file = join(folder, 'x.ndjson');
    mkdirSync(file);
    const faults: [string, string][] = [];
    const delivery = await open(folder, {
      files: [
        { format: 'ndjson', file },
        { format: 'protobuf', file: join(folder, 'x.pb') },
      ],
      onFileFault: (format, fault) => faults.push([format, fault]),
    });
    await delivery.take(batchOf('a', 0, 10));
    await expect.poll(() => faults.length).toBe(1);
    expect(faults[0]).toEqual(['ndjson', expect.stringContaining(file)]);
    expect(delivery.fault).toBeNull();
    rmdirSync(file);
    await expect.poll(() => delivery.counts('ndjson').acknowledged, { timeout: 5_000 }).toBe(10);
    expect(faults[1]).toEqual(['ndjson', '']);
  });
});

it('opens files anew when told to, under the same name', async () => {
  const folder = newFolder();
  const file = join(folder, 'x.ndjson');
  const delivery = await open(folder, { files: [{ format: 'ndjson', file }] });
  await delivery.take(batchOf('a', 0, 10));
  await expect.poll(() => delivery.counts().acknowledged).toBe(10);
  renameSync(file, `${file}.1`);
  delivery.reload();
  await delivery.take(batchOf('a', 10, 10));
  await expect.poll(() => existsSync(file)).toBe(true);
  await delivery.stopWithin(5_000, counts);
  expect(seqsIn(`${file}.1`)).toEqual({ a: upTo(10) });
  expect(seqsIn(file)).toEqual({ a: upTo(20).slice(10) });
});

it('names all streams of the run in its health events, and what each sink has still to get', async () => {
  const folder = newFolder();
  const file = join(folder, 'x.ndjson');
  const delivery = await open(folder, {
    hec: hecOf(folder, NOBODY),
    files: [{ format: 'ndjson', file }],
    healthMs: 60_000,
  });
  await delivery.take(batchOf('b', 0, 7));
  await expect.poll(() => delivery.counts('ndjson').acknowledged).toBe(7);
  await delivery.stopWithin(3_000, counts);
  const last: { event: unknown } = JSON.parse(readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)!);
  expect(last.event).toMatchObject({
    seq: 0,
    run_boot_id: 'a b',
    final: true,
    emitted: 7,
    queued: 7,
    queued_by_sink: { hec: 7, ndjson: 0 },
  });
});
