/**
 * What the spool takes per second, for `docs/operating.md`: events appended as lines, compressed, committed and read back by one
 * sink that acknowledges everything at once.
 *
 *     node dist/bench/spool.js [seconds [events.ndjson]]
 *
 * Durability and event size vary, or the lines of a file are taken instead: gzip takes most of the time, and real events are easier
 * for it than made ones. The folder is the current one's `out/`, so the disk is the one that counts; memory is the peak
 * of the process.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Durability } from '../src/output/spool/batch-store.ts';
import { BatchWriter } from '../src/output/spool/batch-writer.ts';
import { openSpool } from '../src/output/spool/open-spool.ts';
import type { Spool } from '../src/output/spool/spool.ts';

const SECONDS = Number(process.argv[2] ?? 5);
const FILE = process.argv[3];
const EVENTS_PER_TURN = 64;
const READ_BYTES = 4 * 1024 * 1024;

for (const durability of ['none', 'crash', 'power-loss'] as const) {
  if (FILE === undefined) {
    for (const bytes of [1024, 4600])
      await measure(
        durability,
        Array.from({ length: 512 }, (_, i) => makeLine(i, bytes)),
      );
  } else {
    await measure(
      durability,
      readFileSync(FILE, 'utf8')
        .split(/(?<=\n)/)
        .map((line) => Buffer.from(line)),
    );
  }
}

async function measure(durability: Durability, lines: readonly Buffer[]): Promise<void> {
  mkdirSync('out', { recursive: true });
  const folder = mkdtempSync(path.join('out', 'bench-spool-'));
  const sinks = [{ name: 'bench', policy: 'pause' as const }];
  const spool = await openSpool({ folder, sensor: 'bench', sinks, durability });
  const stop = new AbortController();
  const drained = drain(spool, stop.signal);
  const writer = new BatchWriter(spool, { bootId: 'bench' });
  const eventBytes = lines.reduce((sum, line) => sum + line.length, 0) / lines.length;
  const start = performance.now();
  const cpu = process.cpuUsage();
  let seq = 0;
  while (performance.now() - start < SECONDS * 1000) {
    for (let i = 0; i < EVENTS_PER_TURN; i++) writer.append(lines[seq++ % lines.length]!, seq);
    if (writer.isFull) await writer.room();
    else await turn();
  }
  await writer.flush();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const fileMb = spool.fileBytes / 1e6;
  stop.abort();
  await drained;
  const { emitted, acknowledged, queued } = spool.consumer('bench').counters;
  await spool.close();
  rmSync(folder, { recursive: true });
  const mbPerS = (emitted * eventBytes) / 1e6 / seconds;
  console.log(
    `${durability.padEnd(10)} ${eventBytes.toFixed(0)} B: ${Math.round(emitted / seconds)} events/s, ${mbPerS.toFixed(0)} MB/s of JSON, ` +
      `${((user + system) / 1e6 / seconds).toFixed(2)} cores, file ${fileMb.toFixed(0)} MB, ` +
      `peak ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB, acknowledged ${acknowledged}, queued ${queued}`,
  );
}

async function drain(spool: Spool, signal: AbortSignal): Promise<void> {
  const consumer = spool.consumer('bench');
  let after = 0;
  while (!signal.aborted) {
    await consumer.wait(after, signal);
    const batches = consumer.read(after, READ_BYTES);
    after = batches.at(-1)?.id ?? after;
    await Promise.all(batches.map((batch) => consumer.settle(batch.id, { acknowledged: batch.count })));
  }
}

/** Names that repeat and values that do not, about as an event has them. */
function makeLine(i: number, bytes: number): Buffer {
  let text = `{"time":1700000000.${String(i).padStart(6, '0')},"sourcetype":"spanglass:tls","event":{"seq":${i}`;
  for (let n = 0; text.length < bytes - 3; n++) {
    const value = n % 4 === 0 ? createHash('sha256').update(`${i} ${n}`).digest('hex') : `value of field ${n % 17}`;
    text += `,"ssl_field_number_${n % 40}":"${value}"`;
  }
  return Buffer.from(`${text.slice(0, bytes - 4).replace(/["\\:,]+$/, '')}"}}\n`);
}
