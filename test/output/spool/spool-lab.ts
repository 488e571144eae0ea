/** Spools in folders of their own, and events whose content can be checked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { type OpenSpoolOptions, openSpool } from '../../../src/output/spool/open-spool.ts';
import type { BatchDraft, Spool } from '../../../src/output/spool/spool.ts';
import type { SpoolBatch, SpoolConsumer, SpoolCounters } from '../../../src/output/spool/spool-batch.ts';

export const BOOT = '6f0a2b6e-6d0e-4f0e-9a43-0d6a4a1c7b11';
/** For tests of the bounds: the disk of the machine has nothing to say. */
const ANY_DISK = { minFreeBytes: 0 };
const READ_ALL = 1e9;

/** A folder that goes with the test, its set-aside siblings included: the spool's is one below. */
export function makeFolder(): string {
  const parent = mkdtempSync(path.join(tmpdir(), 'spool-'));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  return path.join(parent, 'spool');
}

/** Opened for one sink unless said otherwise, and closed with the test. */
export async function openLabSpool(folder: string, options: Partial<OpenSpoolOptions> = {}): Promise<Spool> {
  const sinks = [{ name: 'hec', policy: 'drop-oldest' as const }];
  const spool = await openSpool({ folder, sensor: 'lab', sinks, ...ANY_DISK, ...options });
  onTestFinished(() => spool.close());
  return spool;
}

export function eventLine(seq: number, bootId = BOOT): Buffer {
  return Buffer.from(`{"time":1.000000,"event":{"boot_id":"${bootId}","seq":${seq}}}\n`);
}

/** `paddingBytes` of what does not compress, behind the lines: the size in the store. */
export function makeDraft(firstSeq: number, count: number, paddingBytes = 0, createdMs = Date.now()): BatchDraft {
  const lines = Array.from({ length: count }, (_, i) => eventLine(firstSeq + i));
  const json = Buffer.concat(lines);
  let end = 0;
  const eventEnds = Uint32Array.from(lines, (line) => (end += line.length));
  const gzip = Buffer.concat([gzipSync(json), Buffer.alloc(paddingBytes, 0xa5)]);
  return { bootId: BOOT, firstSeq, count, jsonBytes: json.length, gzip, eventEnds, createdMs };
}

export function readAll(consumer: SpoolConsumer): SpoolBatch[] {
  return consumer.read(0, READ_ALL);
}

/** `seq` of all events of the lab's run. */
export function seqsOf(batches: readonly SpoolBatch[]): number[] {
  return batches
    .filter((batch) => batch.bootId === BOOT)
    .flatMap((batch) => Array.from({ length: batch.count }, (_, i) => batch.firstSeq + i));
}

/** The spool's own reports. */
export function reportsOf(batches: readonly SpoolBatch[]): Record<string, unknown>[] {
  return batches
    .filter((batch) => batch.bootId !== BOOT)
    .flatMap((batch) => gunzipSync(batch.gzip).toString().trim().split('\n'))
    .map((line): { sourcetype: string; event: Record<string, unknown> } => JSON.parse(line))
    .filter(({ sourcetype }) => sourcetype === 'spanglass:spool')
    .map(({ event }) => event);
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** `emitted` minus everything else: 0 where the account holds. */
export function missing({ emitted, acknowledged, queued, dropped }: SpoolCounters): number {
  return emitted - acknowledged - queued - Object.values(dropped).reduce((sum, events) => sum + events, 0);
}
