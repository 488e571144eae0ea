/**
 * The durable queue between the sensor and its sinks.
 *
 *     append ──> waiting ──> makeRoom ──> one commit ──> book ──> consumers wake
 *                  settles, drops, counts ────^   └──> ledger
 *
 * One commit runs at a time and takes all that came in the meantime: that is the group commit. Everything a batch, a settle or a
 * drop means is in one transaction, so a kill at any instruction leaves the account whole. An event counts as emitted when
 * its batch is committed. Memory runs ahead of the disk only with settles and drops, whose promises wait for their commit.
 *
 * A commit that fails changes nothing on disk. What it had to say is said again by the next one; its new batches give way as on a full
 * spool, by policy, and a `pause` waits for space.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../message-of.ts';
import type { BatchStore, Durability, NewBatch } from './batch-store.ts';
import { DiskRoom } from './disk-room.ts';
import type { EventRange } from './drop-journal.ts';
import type { LedgerFile } from './ledger-file.ts';
import {
  HOUSEKEEPING_MS,
  LAZY_COMMIT_BATCHES,
  LAZY_COMMIT_MS,
  MAX_COMMIT_BYTES,
  MAX_COMMIT_SHARE,
  MAX_FULL_TRIES,
  MAX_RETRY_COMMIT_MS,
  RETRY_COMMIT_MS,
} from './limits.ts';
import { makeRoom } from './make-room.ts';
import type { SinkAccount } from './sink-account.ts';
import type { SpoolConsumer } from './spool-batch.ts';
import { type Admitted, rangeOf, type SpoolBook } from './spool-book.ts';
import { AccountConsumer, type ConsumerHost } from './spool-consumer.ts';
import { SpoolError } from './spool-error.ts';
import type { SpoolLock } from './spool-lock.ts';
import { type BatchHead, buildBatchRecord, type LedgerEntry } from './spool-record.ts';
import type { SpoolReporter } from './spool-report.ts';

export interface SpoolOptions {
  readonly folder: string;
  readonly durability: Durability;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly minFreeBytes: number;
  readonly now: () => number;
}

/** A batch that has no id yet. */
export interface BatchDraft {
  readonly bootId: string;
  readonly firstSeq: number;
  readonly count: number;
  readonly jsonBytes: number;
  readonly gzip: Uint8Array;
  readonly eventEnds: Uint32Array;
  readonly createdMs: number;
}

/** What an open spool is made of; `openSpool` gathers it. */
export interface SpoolParts {
  readonly book: SpoolBook;
  readonly store: BatchStore;
  readonly ledger: LedgerFile;
  readonly lock: SpoolLock;
  readonly reporter: SpoolReporter;
}

interface Waiting {
  readonly draft: BatchDraft;
  /** The spool's own reports are small, few, and wanted most when it is full. */
  readonly isExempt: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** Sinks that do not get it, and for which it is counted: also when it is tried again. */
  readonly skipped: Set<SinkAccount>;
  tries: number;
}

interface Group {
  readonly waiting: Waiting[];
  readonly admitted: Admitted[];
}

export class Spool implements ConsumerHost {
  readonly book: SpoolBook;
  readonly store: BatchStore;
  readonly options: SpoolOptions;
  /** Whether a full spool makes the source wait instead of dropping. */
  readonly canPause: boolean;
  isClosed = false;
  /** Of the last failed commit; empty while all is well. */
  lastFault = '';
  readonly #ledger: LedgerFile;
  readonly #lock: SpoolLock;
  readonly #reporter: SpoolReporter;
  readonly #room: DiskRoom;
  #housekeeping: NodeJS.Timeout | undefined;
  #waiting: Waiting[] = [];
  #changeWaiters: (() => void)[] = [];
  #listeners: (() => void)[] = [];
  #running: Promise<void> | null = null;
  #isClosing = false;
  #isWanted = false;
  #mustCommit = false;
  #retryMs = RETRY_COMMIT_MS;
  #fileBytes = 0;
  #ledgerRetryMs = 0;
  #wakeUp = new AbortController();

  constructor(parts: SpoolParts, options: SpoolOptions) {
    this.book = parts.book;
    this.store = parts.store;
    this.#ledger = parts.ledger;
    this.#lock = parts.lock;
    this.#reporter = parts.reporter;
    this.options = options;
    this.canPause = this.book.accounts.some((account) => account.policy === 'pause');
    this.#room = new DiskRoom(options.folder, options);
    this.#fileBytes = this.store.fileBytes;
  }

  now(): number {
    return this.options.now();
  }

  get freeBytes(): number {
    return this.#room.freeBytes;
  }

  get fileBytes(): number {
    return this.#fileBytes;
  }

  /**
   * Commits what opening found, with the report of it: a kill has both or neither. False where the disk does not let it yet; then it is
   * tried again from time to time.
   */
  async start(forgottenSinks: readonly string[]): Promise<boolean> {
    await this.#room.look(this.#fileBytes);
    const found = this.#reporter.takeBatch(this.now());
    if (found !== null) this.#enqueue(found, true).catch((error: unknown) => this.#noteFault(error));
    const group = this.#admit();
    const isCommitted = await this.#commit(group, forgottenSinks);
    if (isCommitted) for (const { resolve } of group.waiting) resolve();
    else this.#kick();
    this.#housekeeping = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS);
    this.#housekeeping.unref();
    return isCommitted;
  }

  /**
   * Resolves when the batch is committed, or given up by policy and counted. Rejects with `SpoolError` `closed` where
   * the spool closed before: then it is neither.
   */
  append(draft: BatchDraft, isExempt = false): Promise<void> {
    if (this.#isClosing) return Promise.reject(new SpoolError('closed', 'the spool is closed'));
    const landed = this.#enqueue(draft, isExempt);
    this.#kick();
    if (!this.#isLazy) this.#wake();
    return landed;
  }

  /** Events that never came here, for want of room before: they are emitted and dropped at once. */
  countRefused(range: EventRange, reason: string): void {
    for (const account of this.book.accounts) this.book.refuse(account, range, reason, this.now());
    this.#kick();
  }

  /** One sink's hold. What an earlier hold had in its hands is to be read again. Throws `SpoolError` `unknown_sink`. */
  consumer(name: string): SpoolConsumer {
    const account = this.book.accounts.find((one) => one.name === name);
    if (account === undefined) throw new SpoolError('unknown_sink', `the spool was not opened for a sink ${name}`);
    account.inHands.clear();
    return new AccountConsumer(this, account);
  }

  commitChanges(): Promise<void> {
    return new Promise((resolve) => {
      this.#changeWaiters.push(resolve);
      this.#mustCommit = true;
      this.#kick();
    });
  }

  onNews(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Commits what waits, as far as the disk lets it, and lets go of the files. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    clearInterval(this.#housekeeping);
    this.#wake();
    this.#kick();
    while (this.#running !== null) await this.#running;
    this.isClosed = true;
    for (const { reject } of this.#waiting)
      reject(new SpoolError('closed', 'the spool closed before the batch fitted'));
    this.#waiting = [];
    this.#releaseChangeWaiters();
    this.#tellNews();
    await this.#ledger.close();
    await this.store.close();
    this.#lock.release();
  }

  #enqueue(draft: BatchDraft, isExempt: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ draft, isExempt, resolve, reject, skipped: new Set(), tries: 0 });
    });
  }

  #kick(): void {
    this.#isWanted = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
      // Something came when the loop had just looked.
      if (this.#isWanted && !this.isClosed) this.#kick();
    });
  }

  /** Durability `none` gathers before it commits, but not without end. */
  get #isLazy(): boolean {
    const isBusy = this.#waiting.length >= LAZY_COMMIT_BATCHES || this.#isClosing;
    return this.options.durability === 'none' && !isBusy;
  }

  async #run(): Promise<void> {
    // What is appended in the same turn belongs to the same commit.
    await Promise.resolve();
    while (!this.isClosed) {
      if (this.#isLazy) await this.#pause(LAZY_COMMIT_MS);
      this.#isWanted = false;
      const group = this.#admit();
      if (group.admitted.length === 0 && !this.book.hasChanges && !this.#mustCommit) return;
      this.#mustCommit = false;
      const waiters = this.#changeWaiters;
      this.#changeWaiters = [];
      if (await this.#commit(group)) {
        for (const { resolve } of group.waiting) resolve();
        for (const resolve of waiters) resolve();
        if (group.admitted.length > 0) this.#tellNews();
        continue;
      }
      this.#changeWaiters = [...waiters, ...this.#changeWaiters];
      this.#mustCommit ||= waiters.length > 0;
      // A disk that is full at the end stays so: what could not be said is said after the next start, by sending again.
      if (this.#isClosing) return;
      await this.#pause(this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_COMMIT_MS);
    }
  }

  /** Takes what fits into one commit, in order. */
  #admit(): Group {
    const group: Group = { waiting: [], admitted: [] };
    let bytes = 0;
    let id = this.book.nextId;
    const maxBytes = Math.min(MAX_COMMIT_BYTES, this.options.maxBytes * MAX_COMMIT_SHARE);
    while (bytes < maxBytes) {
      const waiting = this.#waiting[0];
      if (waiting === undefined) break;
      const { draft, isExempt } = waiting;
      const head: BatchHead = {
        id,
        bootId: draft.bootId,
        firstSeq: draft.firstSeq,
        count: draft.count,
        jsonBytes: draft.jsonBytes,
        createdMs: draft.createdMs,
        recordBytes: draft.gzip.length + 2 * draft.count + 128,
      };
      const ask = (more: number) =>
        isExempt ? null : this.#room.ask(bytes + more, this.book.liveBytes, this.#fileBytes);
      if (makeRoom(this.book, head, waiting.skipped, ask, this.now()) === 'wait') break;
      this.#waiting.shift();
      if (waiting.skipped.size === this.book.accounts.length) {
        // Nobody gets it, so the store need not have it; its count is committed with what follows.
        this.#changeWaiters.push(waiting.resolve);
        this.#mustCommit = true;
        continue;
      }
      group.waiting.push(waiting);
      group.admitted.push({ head, skipped: waiting.skipped });
      bytes += head.recordBytes;
      id += 1;
    }
    return group;
  }

  /** False where it failed; then its batches wait again, or were given up. */
  async #commit(group: Group, forgottenSinks: readonly string[] = []): Promise<boolean> {
    const fault = await this.#tryCommit(group, forgottenSinks);
    if (fault === null) return true;
    this.#noteFault(fault);
    await this.#giveWayToFullDisk(group);
    return false;
  }

  /** What went wrong, or null. */
  async #tryCommit(group: Group, forgottenSinks: readonly string[]): Promise<Error | null> {
    const admitted: Admitted[] = [];
    const batches: NewBatch[] = [];
    for (const [i, { head, skipped }] of group.admitted.entries()) {
      const { gzip, eventEnds } = group.waiting[i]!.draft;
      const record = buildBatchRecord(head, gzip, eventEnds);
      const exact = { ...head, recordBytes: record.length };
      admitted.push({ head: exact, skipped });
      batches.push({ head: exact, record });
    }
    const changes = this.book.takeChanges(admitted);
    this.book.generation += 1;
    const state = this.book.toState(this.book.nextId + admitted.length);
    const { sinks, removed, journal } = changes;
    const drops = { drops: journal.written, forgottenDrops: journal.deleted };
    try {
      const mayGrowBytes = this.#room.growBytes(this.#fileBytes);
      await this.store.commit({ state, batches, removed, sinks, ...drops, forgottenSinks }, mayGrowBytes);
    } catch (error) {
      this.book.putBack(changes);
      return error instanceof Error ? error : new Error(String(error));
    }
    this.lastFault = '';
    this.#retryMs = RETRY_COMMIT_MS;
    this.#fileBytes = this.store.fileBytes;
    for (const batch of admitted) this.book.add(batch);
    await this.#writeLedger({ state, added: admitted.map(({ head }) => head), sinks, removed });
    return null;
  }

  async #writeLedger(entry: LedgerEntry): Promise<void> {
    if (this.now() < this.#ledgerRetryMs) return;
    try {
      if (!this.#ledger.needsRewrite) await this.#ledger.append(entry);
      else {
        await this.#ledger.rewrite({
          state: entry.state,
          added: [...this.book.heads()],
          sinks: this.book.accounts.map((account) => account.toState()),
          removed: [],
        });
      }
    } catch (error) {
      // The second witness is not worth stopping the first. It is written anew when it can be.
      this.#ledgerRetryMs = this.now() + MAX_RETRY_COMMIT_MS;
      this.#noteFault(error);
    }
  }

  /** A commit failed: nothing may grow any more, and the batches of it come again, or are given up. */
  async #giveWayToFullDisk(group: Group): Promise<void> {
    this.#fileBytes = this.store.fileBytes;
    await this.#room.look(this.#fileBytes);
    this.#room.isDiskFull = true;
    const again: Waiting[] = [];
    for (const [i, waiting] of group.waiting.entries()) {
      waiting.tries += 1;
      if (waiting.tries < MAX_FULL_TRIES || this.canPause) again.push(waiting);
      else this.#giveUpNew(waiting, group.admitted[i]!.head);
    }
    this.#room.extraReserveBytes += again.reduce((bytes, { draft }) => bytes + draft.gzip.length, 0);
    this.#waiting = [...again, ...this.#waiting];
    if (again.length === 0 || !this.book.hasChanges) return;
    // Batches given up must leave first. Their pages can be used only by the second transaction after this one.
    for (let i = 0; i < 3; i++) {
      const fault = await this.#tryCommit({ waiting: [], admitted: [] }, []);
      if (fault !== null) return this.#noteFault(fault);
    }
  }

  #giveUpNew(waiting: Waiting, head: BatchHead): void {
    for (const account of this.book.accounts) {
      if (!waiting.skipped.has(account)) this.book.refuse(account, rangeOf(head), 'disk_full', this.now());
    }
    this.#changeWaiters.push(waiting.resolve);
    this.#mustCommit = true;
  }

  #keepHouse(): void {
    const now = this.now();
    for (const account of this.book.accounts) {
      if (account.policy === 'pause') continue;
      for (;;) {
        const head = this.book.droppable(account, 'oldest');
        if (head === null || head.createdMs + this.options.maxAgeMs >= now) break;
        this.book.giveUp(account, head, 'expired', now);
      }
    }
    this.#report();
    this.#room.look(this.#fileBytes).then(
      () => this.#kick(),
      (error: unknown) => this.#noteFault(error),
    );
  }

  #noteFault(error: unknown): void {
    this.lastFault = messageOf(error);
  }

  #report(): void {
    this.#reporter.noteDrops(this.book.accounts, this.now());
    const batch = this.#reporter.takeBatch(this.now());
    if (batch === null || this.#isClosing) return;
    this.append(batch, true).catch((error: unknown) => this.#noteFault(error));
  }

  #wake(): void {
    if (this.options.durability === 'none' || this.#isClosing) this.#wakeUp.abort();
  }

  async #pause(ms: number): Promise<void> {
    if (this.#wakeUp.signal.aborted && !this.#isClosing) this.#wakeUp = new AbortController();
    try {
      await sleep(ms, undefined, { signal: this.#wakeUp.signal });
    } catch {
      // Woken: there is enough to commit, or the spool closes.
    }
  }

  #releaseChangeWaiters(): void {
    for (const resolve of this.#changeWaiters) resolve();
    this.#changeWaiters = [];
  }

  #tellNews(): void {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}
