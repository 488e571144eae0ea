/**
 * The spool's bookkeeping, without a file: which batches are there, how far each sink is, what was dropped. The commit loop
 * writes what changed here; a batch comes in here only once it is committed.
 *
 * A batch leaves when the last sink has settled it. Batches are kept in order of their ids:
 *
 *     #heads    [gone] [gone] [head 7] [head 8] [null] [head 10]
 *                              ^ #start          ^ settled by all, out of order
 */
import { DropJournal, type EventRange, type JournalChanges } from './drop-journal.ts';
import type { SinkAccount } from './sink-account.ts';
import { type BatchHead, type DropRecord, type SinkState, type SpoolState, storedBytes } from './spool-record.ts';

/** What a commit has to write. */
export interface BookChanges {
  readonly sinks: readonly SinkState[];
  readonly removed: readonly number[];
  readonly journal: JournalChanges;
}

interface LiveBatch {
  readonly head: BatchHead;
  /** Sinks that have not settled it. */
  openSinks: number;
}

/** A batch for the next commit, and the sinks that do not get it: for them it is counted already. */
export interface Admitted {
  readonly head: BatchHead;
  readonly skipped: ReadonlySet<SinkAccount>;
}

const COMPACT_AT = 1024;

export class SpoolBook {
  readonly accounts: readonly SinkAccount[];
  readonly journal: DropJournal;
  nextId: number;
  generation: number;
  /** What live batches take in the store. */
  liveBytes = 0;
  #heads: (LiveBatch | null)[] = [];
  #start = 0;
  #live = 0;
  readonly #changedSinks = new Set<SinkAccount>();
  #removed: number[] = [];

  constructor(
    state: SpoolState,
    accounts: readonly SinkAccount[],
    heads: readonly BatchHead[],
    drops: readonly DropRecord[],
  ) {
    this.nextId = state.nextId;
    this.generation = state.generation;
    this.accounts = accounts;
    this.journal = new DropJournal(state.nextDropId, drops);
    for (const head of heads) this.#keep(head);
  }

  get batches(): number {
    return this.#live;
  }

  get hasChanges(): boolean {
    return this.#changedSinks.size > 0 || this.#removed.length > 0 || this.journal.hasChanges;
  }

  /** A committed batch. */
  add({ head, skipped }: Admitted): void {
    for (const account of this.accounts) {
      if (skipped.has(account)) account.settled.add(head.id, head.id);
      else account.emitted += head.count;
    }
    this.nextId = Math.max(this.nextId, head.id + 1);
    this.#keep(head);
  }

  /** The head of a batch that the sink has not settled, else null. */
  unsettled(account: SinkAccount, id: number): BatchHead | null {
    if (account.settled.has(id)) return null;
    return this.#heads[this.#indexOf(id)]?.head ?? null;
  }

  /** Those that the sink has not settled, oldest first. */
  *unsettledAfter(account: SinkAccount, afterId: number): Generator<BatchHead> {
    // By id, not by index: while the caller looks at one, others may leave.
    let id = Math.max(afterId, account.settled.floor);
    for (;;) {
      const live = this.#firstAfter(account, id);
      if (live === null) return;
      id = live.id;
      yield live;
    }
  }

  hasUnsettledAfter(account: SinkAccount, afterId: number): boolean {
    return this.#firstAfter(account, Math.max(afterId, account.settled.floor)) !== null;
  }

  /** The newest batch that any sink waits for, or 0. */
  get newestId(): number {
    for (let i = this.#heads.length - 1; i >= this.#start; i--) {
      const live = this.#heads[i];
      if (live !== null && live !== undefined) return live.head.id;
    }
    return 0;
  }

  /** The oldest that is not in the sink's hands, or the newest. */
  droppable(account: SinkAccount, end: 'oldest' | 'newest'): BatchHead | null {
    const { floor } = account.settled;
    if (end === 'oldest') {
      for (const head of this.unsettledAfter(account, floor)) if (!account.inHands.has(head.id)) return head;
      return null;
    }
    for (let i = this.#heads.length - 1; i >= this.#start; i--) {
      const live = this.#heads[i];
      if (live === null || live === undefined) continue;
      if (live.head.id <= floor) return null;
      if (!account.settled.has(live.head.id) && !account.inHands.has(live.head.id)) return live.head;
    }
    return null;
  }

  settle(
    account: SinkAccount,
    head: BatchHead,
    acknowledged: number,
    dropped: Readonly<Record<string, number>>,
    nowMs: number,
  ): void {
    account.acknowledged += acknowledged;
    for (const [reason, events] of Object.entries(dropped)) {
      this.#countDrop(account, reason, rangeOf(head), events, nowMs);
    }
    this.#close(account, head);
  }

  giveUp(account: SinkAccount, head: BatchHead, reason: string, nowMs: number): void {
    this.#countDrop(account, reason, rangeOf(head), head.count, nowMs);
    this.#close(account, head);
  }

  /** Events that a sink does not get, and for it never were in the store: emitted and dropped at once. */
  refuse(account: SinkAccount, range: EventRange, reason: string, nowMs: number): void {
    const events = range.lastSeq - range.firstSeq + 1;
    account.emitted += events;
    this.#countDrop(account, reason, range, events, nowMs);
  }

  /** Batches found in the store that nobody waits for. */
  removeLeftovers(ids: readonly number[]): void {
    this.#removed.push(...ids);
  }

  /** Marks what is to be written even though nothing changed here: after recovery. */
  touchAll(): void {
    for (const account of this.accounts) this.#changedSinks.add(account);
  }

  /**
   * Takes what a commit with `admitted` has to write. The states are those after that commit; the book itself takes the batches in
   * with `add` when they are committed. `putBack` if they were not.
   */
  takeChanges(admitted: readonly Admitted[]): BookChanges {
    const sinks =
      admitted.length === 0
        ? [...this.#changedSinks].map((account) => account.toState())
        : this.accounts.map((account) => stateAfter(account, admitted));
    this.#changedSinks.clear();
    const removed = this.#removed;
    this.#removed = [];
    return { sinks, removed, journal: this.journal.takeChanges() };
  }

  putBack(changes: BookChanges): void {
    this.touchAll();
    this.#removed = [...changes.removed, ...this.#removed];
    this.journal.putBack(changes.journal);
  }

  toState(nextId = this.nextId): SpoolState {
    return { generation: this.generation, nextId, nextDropId: this.journal.nextId };
  }

  *heads(): Generator<BatchHead> {
    for (let i = this.#start; i < this.#heads.length; i++) {
      const live = this.#heads[i];
      if (live !== null && live !== undefined) yield live.head;
    }
  }

  #countDrop(account: SinkAccount, reason: string, range: EventRange, events: number, nowMs: number): void {
    account.drop(reason, events);
    this.journal.add(account.name, reason, range, events, nowMs);
    this.#changedSinks.add(account);
  }

  #keep(head: BatchHead): void {
    let openSinks = 0;
    for (const account of this.accounts) {
      if (account.settled.has(head.id)) continue;
      openSinks += 1;
      account.queuedBytes += storedBytes(head);
    }
    if (openSinks === 0) {
      this.#removed.push(head.id);
      return;
    }
    this.#heads.push({ head, openSinks });
    this.#live += 1;
    this.liveBytes += storedBytes(head);
  }

  #close(account: SinkAccount, head: BatchHead): void {
    account.settled.add(head.id, head.id);
    account.inHands.delete(head.id);
    account.queuedBytes -= storedBytes(head);
    this.#changedSinks.add(account);
    const at = this.#indexOf(head.id);
    const live = this.#heads[at];
    if (live === null || live === undefined) throw new Error('a batch with an open sink is in the book');
    live.openSinks -= 1;
    if (live.openSinks > 0) return;
    this.#removed.push(head.id);
    this.#live -= 1;
    this.liveBytes -= storedBytes(head);
    this.#remove(at);
  }

  #firstAfter(account: SinkAccount, id: number): BatchHead | null {
    for (let i = this.#lowerBound(id + 1); i < this.#heads.length; i++) {
      const live = this.#heads[i];
      if (live !== null && live !== undefined && !account.settled.has(live.head.id)) return live.head;
    }
    return null;
  }

  /** Ids are not without gaps, and removed entries have none: the index is searched over what is left. */
  #indexOf(id: number): number {
    const at = this.#lowerBound(id);
    const live = this.#heads[at];
    return live !== null && live !== undefined && live.head.id === id ? at : -1;
  }

  /** Index of the first live batch with this id or a higher one. */
  #lowerBound(id: number): number {
    let low = this.#start;
    let high = this.#heads.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      let probe = middle;
      while (probe < high && this.#heads[probe] === null) probe += 1;
      if (probe === high || this.#heads[probe]!.head.id >= id) high = middle;
      else low = probe + 1;
    }
    while (low < this.#heads.length && this.#heads[low] === null) low += 1;
    return low;
  }

  #remove(at: number): void {
    this.#heads[at] = null;
    while (this.#start < this.#heads.length && this.#heads[this.#start] === null) this.#start += 1;
    if (this.#heads.length < COMPACT_AT || this.#live * 2 > this.#heads.length) return;
    this.#heads = this.#heads.filter((live) => live !== null);
    this.#start = 0;
  }
}

export function rangeOf(head: BatchHead): EventRange {
  return { bootId: head.bootId, firstSeq: head.firstSeq, lastSeq: head.firstSeq + head.count - 1 };
}

function stateAfter(account: SinkAccount, admitted: readonly Admitted[]): SinkState {
  const after = account.clone();
  for (const { head, skipped } of admitted) {
    if (skipped.has(account)) after.settled.add(head.id, head.id);
    else after.emitted += head.count;
  }
  return after.toState();
}
