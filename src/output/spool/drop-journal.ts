/**
 * Which events were dropped, for which sink and why: the account has the sums, this has the places. Consecutive events with the
 * same reason make one record, so an outage of a day is a few lines.
 */
import { MAX_DROP_RECORDS } from './limits.ts';
import type { DropRecord } from './spool-record.ts';

/** Events with consecutive `seq` of one run. */
export interface EventRange {
  readonly bootId: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** What has to be written: records new or grown, and ids to delete. */
export interface JournalChanges {
  readonly written: readonly DropRecord[];
  readonly deleted: readonly number[];
}

const NO_DROPS: ReadonlyMap<string, number> = new Map();

export class DropJournal {
  nextId: number;
  readonly #records = new Map<number, DropRecord>();
  /** The last record of each sink and reason. */
  readonly #tails = new Map<string, DropRecord>();
  readonly #changed = new Set<DropRecord>();
  /** By run and sink, of what was added here: records are forgotten, sums are not. */
  readonly #sums = new Map<string, Map<string, number>>();
  #deleted: number[] = [];

  constructor(nextId: number, records: readonly DropRecord[]) {
    this.nextId = nextId;
    for (const record of records) {
      this.#records.set(record.id, record);
      this.#tails.set(keyOf(record.sink, record.reason), record);
    }
  }

  get records(): Iterable<DropRecord> {
    return this.#records.values();
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0 || this.#deleted.length > 0;
  }

  /** `events` may be fewer than the range has: then it is a part of a batch, and which one is for the sink to say. */
  add(sink: string, reason: string, range: EventRange, events: number, nowMs: number): void {
    if (events <= 0) return;
    this.#addToSum(sink, reason, range.bootId, events);
    const key = keyOf(sink, reason);
    const tail = this.#tails.get(key);
    const isWhole = events === range.lastSeq - range.firstSeq + 1;
    if (tail !== undefined && isWhole && continues(tail, range)) {
      tail.lastSeq = range.lastSeq;
      tail.events += events;
      tail.lastMs = nowMs;
      this.#changed.add(tail);
      return;
    }
    const record = { id: this.nextId++, sink, reason, ...toPlain(range), events, firstMs: nowMs, lastMs: nowMs };
    this.#records.set(record.id, record);
    this.#tails.set(key, record);
    this.#changed.add(record);
    if (this.#records.size > MAX_DROP_RECORDS) this.#forgetOldest();
  }

  /** Events of a run that were dropped since the journal was opened, by reason. */
  droppedOf(sink: string, bootId: string): ReadonlyMap<string, number> {
    return this.#sums.get(keyOf(sink, bootId)) ?? NO_DROPS;
  }

  takeChanges(): JournalChanges {
    const changes = { written: [...this.#changed], deleted: this.#deleted };
    this.#changed.clear();
    this.#deleted = [];
    return changes;
  }

  /** The commit with these changes failed. */
  putBack(changes: JournalChanges): void {
    for (const record of changes.written) if (this.#records.has(record.id)) this.#changed.add(record);
    this.#deleted = [...changes.deleted, ...this.#deleted];
  }

  #addToSum(sink: string, reason: string, bootId: string, events: number): void {
    const key = keyOf(sink, bootId);
    const sums = this.#sums.get(key) ?? new Map<string, number>();
    sums.set(reason, (sums.get(reason) ?? 0) + events);
    this.#sums.set(key, sums);
  }

  #forgetOldest(): void {
    for (const [id, record] of this.#records) {
      this.#records.delete(id);
      this.#changed.delete(record);
      this.#deleted.push(id);
      return;
    }
  }
}

/** Neither a reason nor a run's id has a space. */
function keyOf(sink: string, reasonOrRun: string): string {
  return `${reasonOrRun} ${sink}`;
}

function continues(tail: DropRecord, range: EventRange): boolean {
  const isWhole = tail.events === tail.lastSeq - tail.firstSeq + 1;
  return isWhole && tail.bootId === range.bootId && tail.lastSeq + 1 === range.firstSeq;
}

function toPlain({ bootId, firstSeq, lastSeq }: EventRange): EventRange {
  return { bootId, firstSeq, lastSeq };
}
