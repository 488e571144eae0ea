import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import protobuf from 'protobufjs/minimal.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeEvent } from '../../src/event/generated/event-message.ts';
import type { EventBatch } from '../../src/sensor/event-batch.ts';
import type { EventDelivery } from '../../src/sensor/event-delivery.ts';
import { FileDelivery, type FileDeliveryOptions } from '../../src/sensor/file-delivery.ts';
import type { SensorCounts } from '../../src/sensor/live-counts.ts';
import { SensorMetrics } from '../../src/sensor/metrics.ts';
import { NO_COUNTS } from '../../src/sensor/pipeline-counts.ts';

function counts(): SensorCounts {
  return { pipeline: NO_COUNTS, live: null };
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spanglass-files-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function open(more: Partial<FileDeliveryOptions>): FileDelivery {
  const delivery = new FileDelivery({
    sensor: 'lab',
    bootIds: ['a', 'b'],
    index: null,
    files: [],
    isSynced: false,
    healthMs: 0,
    ...more,
  });
  onTestFinished(() => delivery.close(0));
  return delivery;
}

/** In memory that it fills, as a batch of a busy worker does; of `paddingBytes` more for each event. */
function batchOf(bootId: string, firstSeq: number, count: number, paddingBytes = 0): EventBatch {
  const texts = Array.from({ length: count }, (_, i) => {
    const seq = firstSeq + i;
    const event = { sensor: 'lab', boot_id: bootId, seq, event_id: `${bootId}-${seq}`, pad: 'x'.repeat(paddingBytes) };
    return `${JSON.stringify({ time: 1, sourcetype: 'stream:ssl', event })}\n`;
  });
  let at = 0;
  const ends = Uint32Array.from(texts, (text) => (at += text.length));
  return { bootId, firstSeq, count, lines: new TextEncoder().encode(texts.join('')).slice(), ends };
}

/** written = acknowledged + queued + dropped, for every file, and nothing is less than none. */
function expectSums(delivery: EventDelivery): void {
  for (const name of delivery.sinkNames) {
    const { written, acknowledged, queued, dropped } = delivery.counts(name);
    expect(acknowledged + queued + Object.values(dropped).reduce((sum, n) => sum + n, 0)).toBe(written);
    expect(Math.min(acknowledged, queued)).toBeGreaterThanOrEqual(0);
  }
}

interface Line {
  readonly sourcetype: string;
  readonly event: Readonly<Record<string, unknown>> & { readonly boot_id: string; readonly seq: number };
}

function linesIn(...files: string[]): Line[] {
  return files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line): Line => JSON.parse(line)),
  );
}

function seqsOf(bootId: string, lines: readonly Line[]): number[] {
  return lines.filter(({ event }) => event.boot_id === bootId).map(({ event }) => event.seq);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

describe('events to files alone', () => {
  it('are in every file, each once and in order, and counted', async () => {
    const folder = newFolder();
    const [ndjson, messages] = [join(folder, 'x.ndjson'), join(folder, 'x.pb')];
    const delivery = open({
      files: [
        { format: 'ndjson', file: ndjson },
        { format: 'protobuf', file: messages },
      ],
    });
    expect(delivery.sinkNames).toEqual(['ndjson', 'protobuf']);
    const taken: Promise<void>[] = [];
    for (let n = 0; n < 20; n++) {
      for (const bootId of ['a', 'b']) taken.push(delivery.take(batchOf(bootId, 50 * n, 50))!);
      expectSums(delivery);
      if (n % 5 === 0) await new Promise(setImmediate);
    }
    await Promise.all(taken);
    expectSums(delivery);
    for (const name of delivery.sinkNames)
      expect(delivery.counts(name)).toEqual({ written: 2000, acknowledged: 2000, queued: 0, dropped: {} });
    expect(await delivery.stopWithin(5_000, counts)).toEqual({ isStored: true, isDelivered: true });
    const lines = linesIn(ndjson);
    for (const bootId of ['a', 'b']) expect(seqsOf(bootId, lines)).toEqual(upTo(1000));
    const reader = protobuf.Reader.create(readFileSync(messages));
    let read = 0;
    while (reader.pos < reader.len) {
      const { boot_id, seq } = lines[read++]!.event;
      expect(decodeEvent(reader.bytes())).toMatchObject({ boot_id, seq });
    }
    expect(read).toBe(2000);
  });

  it('are counted where no batch brought them', async () => {
    const delivery = open({ files: [{ format: 'ndjson', file: join(newFolder(), 'x') }] });
    await delivery.take(batchOf('a', 0, 10));
    delivery.countDropped({ bootId: 'a', firstSeq: 10, count: 5, reason: 'overflow' });
    delivery.countDropped({ bootId: 'b', firstSeq: 0, count: 3, reason: 'worker_died' });
    const dropped = { overflow: 5, worker_died: 3 };
    expect(delivery.counts()).toEqual({ written: 18, acknowledged: 10, queued: 0, dropped });
    expect(delivery.counters()).toEqual({ emitted: 18, acknowledged: 10, queued: 0, dropped });
    expect(await delivery.stopWithin(5_000, counts)).toEqual({ isStored: true, isDelivered: false });
  });

  it('are borrowed until they are written, but for a batch that fills little of its memory', async () => {
    const file = join(newFolder(), 'x');
    const delivery = open({ files: [{ format: 'ndjson', file }] });
    const full = batchOf('a', 0, 100);
    const taken = delivery.take(full);
    expect(taken).toBeInstanceOf(Promise);
    const sparse = batchOf('a', 100, 10);
    const memory = new Uint8Array(3 * sparse.lines.length);
    memory.set(sparse.lines);
    const lines = memory.subarray(0, sparse.lines.length);
    expect(delivery.take({ ...sparse, lines })).toBeNull();
    memory.fill(0);
    sparse.ends.fill(0);
    await taken;
    full.lines.fill(0);
    await delivery.stopWithin(5_000, counts);
    expect(seqsOf('a', linesIn(file))).toEqual(upTo(110));
  });

  it('go on behind the last whole event where a kill tore one', async () => {
    const file = join(newFolder(), 'x');
    const first = open({ files: [{ format: 'ndjson', file }] });
    await first.take(batchOf('a', 0, 10));
    await first.close();
    appendFileSync(file, '{"time":1,"sourcetype":"stream:ssl","event":{"se');
    const second = open({ files: [{ format: 'ndjson', file }] });
    await second.take(batchOf('a', 10, 10));
    await second.close();
    expect(seqsOf('a', linesIn(file))).toEqual(upTo(20));
  });

  it('are in files set aside by size, and not one is cut', async () => {
    const folder = newFolder();
    const file = join(folder, 'x.ndjson');
    const delivery = open({ files: [{ format: 'ndjson', file, maxBytes: 100_000 }], isSynced: true });
    for (let n = 0; n < 20; n++) await delivery.take(batchOf('a', 100 * n, 100));
    await delivery.stopWithin(5_000, counts);
    expect(readdirSync(folder).length).toBeGreaterThan(2);
    const lines = readdirSync(folder).flatMap((name) => linesIn(join(folder, name)));
    expect(seqsOf('a', lines).toSorted((a, b) => a - b)).toEqual(upTo(2000));
  });

  it('go to a new file of the same name after a reload', async () => {
    const file = join(newFolder(), 'x');
    const delivery = open({ files: [{ format: 'ndjson', file }] });
    await delivery.take(batchOf('a', 0, 10));
    renameSync(file, `${file}.1`);
    delivery.reload();
    await delivery.take(batchOf('a', 10, 10));
    expect(seqsOf('a', linesIn(`${file}.1`))).toEqual(upTo(10));
    expect(seqsOf('a', linesIn(file))).toEqual(upTo(20).slice(10));
  });

  it('have health events among them, as a stream of its own, and metrics without a spool', async () => {
    const file = join(newFolder(), 'x');
    const delivery = open({ files: [{ format: 'ndjson', file }], healthMs: 20 });
    delivery.reportHealth(counts);
    await delivery.take(batchOf('b', 0, 7));
    await expect.poll(() => linesIn(file).length).toBeGreaterThan(8);
    const metrics = new SensorMetrics(counts, delivery);
    await delivery.stopWithin(5_000, counts);
    const health = linesIn(file).filter(({ sourcetype }) => sourcetype === 'spanglass:health');
    expect(health.map(({ event }) => event.seq)).toEqual(upTo(health.length));
    const last = health.at(-1)!.event;
    expect(last).toMatchObject({ run_boot_id: 'a b', final: true, emitted: 7, acknowledged: 7, queued: 0, dropped: 0 });
    expect(Object.keys(last).filter((name) => /spool|hec/.test(name))).toEqual([]);
    expect(delivery.counts()).toEqual({ written: 7, acknowledged: 7, queued: 0, dropped: {} });
    const all = 7 + health.length;
    expect(delivery.counters()).toEqual({ emitted: all, acknowledged: all, queued: 0, dropped: {} });
    const text = await metrics.metrics();
    expect(text).toContain(`spanglass_events_acknowledged_total{sink="ndjson"} ${all}\n`);
    expect(text).toContain('spanglass_run_events_written_total 7\n');
    expect(text).not.toContain('spanglass_spool');
    expect(metrics.health()).toMatchObject({ isWell: true, fields: { state: 'delivering', emitted: all, queued: 0 } });
  });
});

describe('a file that can not be written', () => {
  const PER_BATCH = 100;
  const QUEUE_BYTES = 100_000;

  it('loses its own oldest events, counted, and no other file loses any; it goes on when it can', async () => {
    const folder = newFolder();
    const [stuck, well] = [join(folder, 'x'), join(folder, 'x.pb')];
    mkdirSync(stuck);
    const faults: [string, string][] = [];
    const delivery = open({
      files: [
        { format: 'ndjson', file: stuck },
        { format: 'protobuf', file: well },
      ],
      maxQueueBytes: QUEUE_BYTES,
      onFileFault: (format, fault) => faults.push([format, fault]),
    });
    let released = 0;
    for (let n = 0; n < 30; n++) {
      for (const bootId of ['a', 'b']) {
        void delivery.take(batchOf(bootId, PER_BATCH * n, PER_BATCH))?.then(() => (released += 1));
        expectSums(delivery);
      }
      await expect.poll(() => delivery.counts('protobuf').queued, { interval: 2 }).toBe(0);
    }
    const { acknowledged, queued, dropped } = delivery.counts('ndjson');
    expect(acknowledged).toBe(0);
    expect(dropped).toEqual({ queue_full: 6000 - queued });
    // No more is borrowed than waits.
    expect(released).toBe((6000 - queued) / PER_BATCH);
    expect(faults).toEqual([['ndjson', expect.stringContaining(stuck)]]);
    expect(delivery.fault).toBeNull();
    expect(new SensorMetrics(counts, delivery).health()).toMatchObject({
      isWell: false,
      fields: { fault: expect.stringContaining(stuck) },
    });
    rmdirSync(stuck);
    await expect.poll(() => delivery.counts('ndjson').queued, { timeout: 5_000 }).toBe(0);
    expect(faults.at(-1)).toEqual(['ndjson', '']);
    expect(new SensorMetrics(counts, delivery).health().isWell).toBe(true);
    expect(delivery.counts('protobuf')).toEqual({ written: 6000, acknowledged: 6000, queued: 0, dropped: {} });
    // The batch in hand when it began, and the newest of each stream.
    const [a, b] = ['a', 'b'].map((bootId) => seqsOf(bootId, linesIn(stuck)));
    expect(a).toEqual([...upTo(PER_BATCH), ...upTo(3000).slice(PER_BATCH - a!.length)]);
    expect(b).toEqual(upTo(3000).slice(-b!.length));
    expect(a!.length + b!.length).toBe(queued);
  });

  it('is given up at a stop, in time, and what it has not is counted', async () => {
    const folder = newFolder();
    const [stuck, well] = [join(folder, 'x'), join(folder, 'x.pb')];
    mkdirSync(stuck);
    const delivery = open({
      files: [
        { format: 'ndjson', file: stuck },
        { format: 'protobuf', file: well },
      ],
      healthMs: 60_000,
    });
    let released = 0;
    for (let n = 0; n < 3; n++) void delivery.take(batchOf('a', 100 * n, 100))?.then(() => (released += 1));
    const startMs = performance.now();
    expect(await delivery.stopWithin(1_000, counts)).toEqual({ isStored: false, isDelivered: false });
    expect(performance.now() - startMs).toBeLessThan(1_100);
    expect(delivery.counts('ndjson')).toEqual({
      written: 300,
      acknowledged: 0,
      queued: 0,
      dropped: { not_written: 300 },
    });
    expect(delivery.counts('protobuf')).toEqual({ written: 300, acknowledged: 300, queued: 0, dropped: {} });
    // With the health event of the end.
    expect(delivery.counters('protobuf')).toMatchObject({ emitted: 301, acknowledged: 301 });
    expect(released).toBe(3);
  });

  it('has whole events when its disk was full, and all of them when there is room again', async (context) => {
    const disk = newFolder();
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { encoding: 'utf8' });
    if (mounted.status !== 0) context.skip(`no tmpfs can be mounted here: ${mounted.stderr ?? mounted.error?.message}`);
    onTestFinished(() => void spawnSync('umount', [disk]));
    const [file, filler] = [join(disk, 'x'), join(disk, 'filler')];
    writeFileSync(filler, new Uint8Array(700_000));
    const faults: string[] = [];
    const delivery = open({
      files: [{ format: 'ndjson', file }],
      onFileFault: (_, fault) => faults.push(fault),
    });
    for (let n = 0; n < 30; n++) void delivery.take(batchOf('a', 20 * n, 20, 900));
    await expect.poll(() => faults, { timeout: 5_000 }).toEqual([expect.stringContaining('ENOSPC')]);
    expectSums(delivery);
    const { acknowledged, queued, dropped } = delivery.counts();
    expect(queued).toBeGreaterThan(0);
    expect(dropped).toEqual({});
    // Nothing torn is left behind by the try that failed.
    expect(seqsOf('a', linesIn(file))).toEqual(upTo(acknowledged));
    rmSync(filler);
    await expect.poll(() => delivery.counts().queued, { timeout: 5_000 }).toBe(0);
    expect(faults).toEqual([expect.stringContaining('ENOSPC'), '']);
    expect(seqsOf('a', linesIn(file))).toEqual(upTo(600));
    expect(await delivery.stopWithin(5_000, counts)).toEqual({ isStored: true, isDelivered: true });
    expect(existsSync(filler)).toBe(false);
  });
});
