/**
 * The spool's own events: what it lost and what it dropped. They go through the spool like all others, as a stream of their own with
 * its own `boot_id` and `seq`, so that the search that proves completeness holds for them too.
 */
import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { MAX_LOST_REPORTS, REPORT_INTERVAL_MS } from './limits.ts';
import type { LostBatch } from './recover-spool.ts';
import type { SinkAccount } from './sink-account.ts';
import type { BatchDraft } from './spool.ts';

const SPOOL_SOURCETYPE = 'spanglass:spool';

/** Text and numbers by field name. */
type ReportFields = Readonly<Record<string, string | number | readonly string[]>>;

type ReportAction = 'store_set_aside' | 'events_lost' | 'events_dropped' | 'sink_removed';

/** Consecutive events of one run that the same sinks lost. */
interface LostRange {
  readonly bootId: string;
  readonly firstSeq: number;
  lastSeq: number;
  readonly sinks: readonly string[];
}

export class SpoolReporter {
  readonly bootId = randomUUID();
  readonly #sensor: string;
  #seq = 0;
  #lines: Buffer[] = [];
  #reportedMs = Number.NEGATIVE_INFINITY;
  /** Drops that have been reported, or were there when the spool opened, by sink and reason. */
  readonly #reported = new Map<string, number>();

  constructor(sensor: string, accounts: readonly SinkAccount[]) {
    this.#sensor = sensor;
    for (const { name, dropped } of accounts) {
      for (const [reason, events] of dropped) this.#reported.set(`${name} ${reason}`, events);
    }
  }

  setAside(fault: string, folder: string, salvagedBatches: number, nowMs: number): void {
    this.#add('store_set_aside', { fault, folder, salvaged_batches: salvagedBatches }, nowMs);
  }

  lost(batches: readonly LostBatch[], nowMs: number): void {
    const ranges = toRanges(batches);
    for (const { bootId, firstSeq, lastSeq, sinks } of ranges.slice(0, MAX_LOST_REPORTS)) {
      const range = { lost_boot_id: bootId, first_seq: firstSeq, last_seq: lastSeq, sinks };
      this.#add('events_lost', { ...range, events: lastSeq - firstSeq + 1, reason: 'damaged' }, nowMs);
    }
    const others = ranges.slice(MAX_LOST_REPORTS);
    if (others.length === 0) return;
    const events = others.reduce((sum, { firstSeq, lastSeq }) => sum + lastSeq - firstSeq + 1, 0);
    this.#add('events_lost', { ranges: others.length, events, reason: 'damaged' }, nowMs);
  }

  sinkRemoved(name: string, events: number, nowMs: number): void {
    this.#add('sink_removed', { sink: name, events }, nowMs);
  }

  /** Reports what was dropped since the last report, at once and then once per interval. */
  noteDrops(accounts: readonly SinkAccount[], nowMs: number): void {
    if (nowMs - this.#reportedMs < REPORT_INTERVAL_MS) return;
    for (const account of accounts) {
      for (const [reason, total] of account.dropped) {
        const key = `${account.name} ${reason}`;
        const events = total - (this.#reported.get(key) ?? 0);
        if (events === 0) continue;
        this.#reported.set(key, total);
        this.#reportedMs = nowMs;
        this.#add('events_dropped', { sink: account.name, reason, events, events_in_all: total }, nowMs);
      }
    }
  }

  /** What has gathered, as one batch, or null. */
  takeBatch(nowMs: number): BatchDraft | null {
    const lines = this.#lines;
    if (lines.length === 0) return null;
    this.#lines = [];
    const json = Buffer.concat(lines);
    let end = 0;
    const eventEnds = Uint32Array.from(lines, (line) => (end += line.length));
    return {
      bootId: this.bootId,
      firstSeq: this.#seq - lines.length,
      count: lines.length,
      jsonBytes: json.length,
      gzip: gzipSync(json),
      eventEnds,
      createdMs: nowMs,
    };
  }

  #add(action: ReportAction, fields: ReportFields, nowMs: number): void {
    const seq = this.#seq++;
    const event = {
      sensor: this.#sensor,
      boot_id: this.bootId,
      seq,
      event_id: `${this.bootId}-${seq}`,
      vendor_product: 'spanglass',
      action,
      ...fields,
    };
    const envelope = { host: this.#sensor, source: SPOOL_SOURCETYPE, sourcetype: SPOOL_SOURCETYPE, event };
    // The time is text of whole milliseconds: as a number it would lose its zeros.
    const time = `${Math.floor(nowMs / 1000)}.${String(Math.floor(nowMs) % 1000).padStart(3, '0')}000`;
    this.#lines.push(Buffer.from(`{"time":${time},${JSON.stringify(envelope).slice(1)}\n`));
  }
}

function toRanges(batches: readonly LostBatch[]): LostRange[] {
  const ranges: LostRange[] = [];
  for (const { head, sinks } of batches.toSorted((a, b) => a.head.id - b.head.id)) {
    const names = sinks.map((sink) => sink.name);
    const last = ranges.at(-1);
    const lastSeq = head.firstSeq + head.count - 1;
    const isNext = last?.bootId === head.bootId && last.lastSeq + 1 === head.firstSeq;
    if (last !== undefined && isNext && last.sinks.join() === names.join()) last.lastSeq = lastSeq;
    else ranges.push({ bootId: head.bootId, firstSeq: head.firstSeq, lastSeq, sinks: names });
  }
  return ranges;
}
