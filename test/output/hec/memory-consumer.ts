/**
 * A spool in memory, with all that the contract promises but durability: batches over arrays, settled in any order, sums that must be
 * right. `restart` gives the view that a sink has after a crash: what was not settled is there again.
 */
import { gzipSync } from 'node:zlib';
import type { SettleOutcome, SpoolBatch, SpoolConsumer, SpoolCounters } from '../../../src/output/spool/spool-batch.ts';
import { SpoolError } from '../../../src/output/spool/spool-error.ts';

export const BOOT_ID = '11111111-2222-3333-4444-555555555555';

/** One envelope, as the event builder writes it, with its newline. */
export function envelope(seq: number, { padding = 0, index = '' } = {}): string {
  const event = {
    sensor: 's1',
    boot_id: BOOT_ID,
    seq,
    event_id: `e${seq}`,
    ...(padding > 0 && { pad: 'x'.repeat(padding) }),
  };
  const indexKey = index === '' ? '' : `,"index":"${index}"`;
  return `{"time":1700000000.${String(seq % 1_000_000).padStart(6, '0')},"host":"s1","source":"stream:ssl","sourcetype":"stream:ssl"${indexKey},"event":${JSON.stringify(event)}}\n`;
}

export class MemoryConsumer implements SpoolConsumer {
  readonly name = 'hec';
  readonly settled = new Map<number, SettleOutcome>();
  readonly #batches = new Map<number, SpoolBatch>();
  readonly #dropped: Record<string, number> = {};
  readonly #listeners = new Set<() => void>();
  #nextId = 1;
  #nextSeq = 0;
  #emitted = 0;
  #acknowledged = 0;
  isClosed = false;
  /** Awaited within `settle`, before anything changes. */
  beforeSettle: () => Promise<void> = async () => undefined;

  /** Puts lines in the spool as one batch; the events get the next numbers. */
  append(lines: readonly string[], createdMs: number = Date.now()): number {
    const id = this.#nextId;
    // Not every number is used.
    this.#nextId += 1 + (id % 3);
    const ends = new Uint32Array(lines.length);
    let at = 0;
    for (const [i, line] of lines.entries()) {
      at += Buffer.byteLength(line);
      ends[i] = at;
    }
    this.#batches.set(id, {
      id,
      bootId: BOOT_ID,
      firstSeq: this.#nextSeq,
      lastSeq: this.#nextSeq + lines.length - 1,
      count: lines.length,
      jsonBytes: at,
      gzip: gzipSync(lines.join(''), { level: 1 }),
      eventEnds: ends,
      createdMs,
    });
    this.#nextSeq += lines.length;
    this.#emitted += lines.length;
    for (const listener of this.#listeners) listener();
    return id;
  }

  /** Appends `count` good events. */
  appendEvents(
    count: number,
    options: { readonly padding?: number; readonly index?: string; readonly createdMs?: number } = {},
  ): number {
    const first = this.#nextSeq;
    return this.append(
      Array.from({ length: count }, (_, i) => envelope(first + i, options)),
      options.createdMs,
    );
  }

  get nextSeq(): number {
    return this.#nextSeq;
  }

  read(afterId: number, maxBytes: number): SpoolBatch[] {
    const batches: SpoolBatch[] = [];
    if (this.isClosed) return batches;
    let bytes = 0;
    for (const batch of this.#batches.values()) {
      if (batch.id <= afterId || this.settled.has(batch.id)) continue;
      if (batches.length > 0 && bytes + batch.gzip.length > maxBytes) break;
      batches.push(batch);
      bytes += batch.gzip.length;
      if (bytes >= maxBytes) break;
    }
    return batches;
  }

  async settle(id: number, outcome: SettleOutcome): Promise<void> {
    await this.beforeSettle();
    if (this.isClosed) throw new SpoolError('closed', 'the spool is closed');
    const batch = this.#batches.get(id);
    if (batch === undefined) throw new Error(`batch ${id} was never there`);
    if (this.settled.has(id)) throw new Error(`batch ${id} was settled twice`);
    const dropped = Object.values(outcome.dropped ?? {}).reduce((sum, n) => sum + n, 0);
    if (outcome.acknowledged + dropped !== batch.count) {
      throw new SpoolError('wrong_sum', `${outcome.acknowledged} + ${dropped} is not ${batch.count}`);
    }
    this.settled.set(id, outcome);
    this.#acknowledged += outcome.acknowledged;
    for (const [reason, n] of Object.entries(outcome.dropped ?? {})) {
      this.#dropped[reason] = (this.#dropped[reason] ?? 0) + n;
    }
  }

  get newestId(): number {
    return Math.max(0, ...this.#batches.keys());
  }

  get settledId(): number {
    let floor = 0;
    for (const id of this.#batches.keys()) {
      if (!this.settled.has(id)) break;
      floor = id;
    }
    return floor;
  }

  async wait(afterId: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.isClosed && this.read(afterId, 1).length === 0) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#listeners.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.#listeners.add(done);
        signal.addEventListener('abort', done);
      });
    }
  }

  close(): void {
    this.isClosed = true;
    for (const listener of this.#listeners) listener();
  }

  get counters(): SpoolCounters {
    const dropped = Object.values(this.#dropped).reduce((sum, n) => sum + n, 0);
    return {
      emitted: this.#emitted,
      acknowledged: this.#acknowledged,
      queued: this.#emitted - this.#acknowledged - dropped,
      dropped: { ...this.#dropped },
    };
  }
}
