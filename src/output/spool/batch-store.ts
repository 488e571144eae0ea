/**
 * The spool's records in one LMDB file. A key is one letter and a number or a name; the batches' bodies are apart from their heads,
 * so that a start reads kilobytes and not gigabytes.
 *
 *     'b' id:6    body         'd' id:6    drop record      's' name    sink
 *     'h' id:6    head         'm'         the spool's state
 *
 * A commit is one transaction of LMDB, written by a thread of libuv's pool, so the packet path waits neither for the disk nor for
 * the kernel's write-back. What makes each durability's promise hold:
 *
 *     power-loss   LMDB's default. Pages are written, fdatasync, then the meta page through a descriptor opened with O_DSYNC; only then
 *                  the promise resolves. Pages in use are never overwritten and the two meta pages take turns, so whatever write the power
 *                  cut hits, one of them still describes a whole tree.
 *     crash        MDB_NOSYNC: the same writes in the same order, without the two syncs. All have been handed to the kernel by
 *                  pwrite when the promise resolves; SIGKILL at any instruction takes nothing from the page cache, and a kill between
 *                  two writes leaves the older meta page valid. A power cut may tear the file: then it is set aside and salvaged.
 *     none         as `crash`, but commits are a second apart.
 *
 * Never MDB_WRITEMAP: a full disk would be SIGBUS instead of an error. Never lmdb's overlapping sync: its promise does not say
 * which of three meta pages is on the disk.
 */
import path from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { STORE_PAGE_BYTES, STORE_TAIL_BYTES, STORE_TAIL_SHARE } from './limits.ts';
import {
  type BatchHead,
  buildDropRecord,
  buildHeadRecord,
  buildSinkRecord,
  buildStateRecord,
  type DropRecord,
  parseDropRecord,
  parseHeadRecord,
  parseSinkRecord,
  parseStateRecord,
  type SinkState,
  type SpoolState,
  storedBytes,
} from './spool-record.ts';
import { StoreSpace } from './store-space.ts';

export type Durability = 'power-loss' | 'crash' | 'none';

export const STORE_FILE = 'data.mdb';

const KEY = { body: 0x62, drop: 0x64, head: 0x68, state: 0x6d, sink: 0x73 } as const;
const NUMBER_BYTES = 6;

/** A batch on its way into the store. */
export interface NewBatch {
  readonly head: BatchHead;
  readonly record: Uint8Array;
}

/** All that one commit writes; all of it or nothing is there afterwards. */
export interface StoreCommit {
  readonly state: SpoolState;
  readonly batches: readonly NewBatch[];
  readonly removed: readonly number[];
  readonly sinks: readonly SinkState[];
  readonly drops: readonly DropRecord[];
  readonly forgottenDrops: readonly number[];
  readonly forgottenSinks: readonly string[];
}

/** Everything but the bodies. */
export interface StoreView {
  readonly state: SpoolState;
  readonly heads: readonly BatchHead[];
  readonly sinks: readonly SinkState[];
  readonly drops: readonly DropRecord[];
}

export class BatchStore {
  readonly #space: StoreSpace;
  readonly #db: RootDatabase<Uint8Array, Uint8Array>;

  /** Throws what LMDB throws. `maxBytes` is the bound that the spool keeps. */
  constructor(folder: string, durability: Durability, maxBytes: number, isReadOnly = false) {
    this.#db = open<Uint8Array, Uint8Array>({
      path: folder,
      noSubdir: false,
      pageSize: STORE_PAGE_BYTES,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
      noSync: durability !== 'power-loss',
      readOnly: isReadOnly,
      // With it, lmdb keeps a promise to itself whose rejection nobody can handle: a full disk would end the process.
      eventTurnBatching: false,
      // The file holds what leaves the sensor anyway, but nothing of its memory besides.
      noMemInit: false,
    });
    this.#space = new StoreSpace(
      path.join(folder, STORE_FILE),
      Math.min(STORE_TAIL_BYTES, maxBytes * STORE_TAIL_SHARE),
    );
  }

  get fileBytes(): number {
    return this.#space.fileBytes;
  }

  /** Null where there is no state: a new store. Throws where a record is damaged. */
  readAll(): StoreView | null {
    this.#db.resetReadTxn();
    const stateRecord = this.#db.getBinary(Uint8Array.of(KEY.state));
    if (stateRecord === undefined) {
      if (this.#db.getCount({ limit: 1 }) > 0) throw new Error('the store has no state');
      return null;
    }
    const view = {
      state: whole(parseStateRecord(stateRecord), 'state'),
      heads: this.#readKind(KEY.head, parseHeadRecord),
      sinks: this.#readKind(KEY.sink, parseSinkRecord),
      drops: this.#readKind(KEY.drop, parseDropRecord),
    };
    this.#db.resetReadTxn();
    return view;
  }

  readBatch(id: number): Uint8Array | undefined {
    return this.#db.getBinary(numberKey(KEY.body, id));
  }

  /** Lets go of the snapshot that reading holds, so that its pages can be used again. */
  endRead(): void {
    this.#db.resetReadTxn();
  }

  /** Rejects where the disk is full (`StoreFullError`) or fails; then nothing of it is there. */
  async commit(commit: StoreCommit, mayGrowBytes: number): Promise<void> {
    await this.#reserve(commit.batches, mayGrowBytes);
    await this.#write((writes) => {
      this.#putBatches(commit.batches, writes);
      for (const id of commit.removed) {
        writes.push(this.#db.remove(numberKey(KEY.body, id)));
        writes.push(this.#db.remove(numberKey(KEY.head, id)));
      }
      for (const sink of commit.sinks) {
        writes.push(this.#db.put(nameKey(KEY.sink, sink.name), buildSinkRecord(sink)));
      }
      for (const drop of commit.drops) {
        writes.push(this.#db.put(numberKey(KEY.drop, drop.id), buildDropRecord(drop)));
      }
      for (const id of commit.forgottenDrops) writes.push(this.#db.remove(numberKey(KEY.drop, id)));
      for (const name of commit.forgottenSinks) writes.push(this.#db.remove(nameKey(KEY.sink, name)));
      writes.push(this.#db.put(Uint8Array.of(KEY.state), buildStateRecord(commit.state)));
    });
  }

  /** Batches without a state: for a salvage, which is begun anew if it does not come to its end. */
  async addBatches(batches: readonly NewBatch[]): Promise<void> {
    if (batches.length === 0) return;
    await this.#reserve(batches, Number.POSITIVE_INFINITY);
    await this.#write((writes) => this.#putBatches(batches, writes));
  }

  async close(): Promise<void> {
    await this.#space.close();
    await this.#db.close();
  }

  async #reserve(batches: readonly NewBatch[], mayGrowBytes: number): Promise<void> {
    const batchBytes = batches.reduce((bytes, { head }) => bytes + storedBytes(head), 0);
    await this.#space.ensure((lastPageOf(this.#db) + 1) * STORE_PAGE_BYTES, batchBytes, mayGrowBytes);
  }

  #putBatches(batches: readonly NewBatch[], writes: Promise<unknown>[]): void {
    for (const { head, record } of batches) {
      writes.push(this.#db.put(numberKey(KEY.body, head.id), record));
      writes.push(this.#db.put(numberKey(KEY.head, head.id), buildHeadRecord(head)));
    }
  }

  /** One transaction. lmdb gives a promise for each write, and all of them are rejected with it. */
  async #write(put: (writes: Promise<unknown>[]) => void): Promise<void> {
    const writes: Promise<unknown>[] = [];
    const done = this.#db.batch(() => put(writes));
    const outcomes = await Promise.allSettled([done, ...writes]);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw await causeOf(failed.reason);
  }

  #readKind<T>(kind: number, parse: (record: Uint8Array) => T | null): T[] {
    const records: T[] = [];
    for (const { value } of this.#db.getRange({ start: Uint8Array.of(kind), end: Uint8Array.of(kind + 1) })) {
      records.push(whole(parse(value), String.fromCharCode(kind)));
    }
    return records;
  }
}

/** The last page that the store has ever used. */
function lastPageOf(db: RootDatabase<Uint8Array, Uint8Array>): number {
  const stats = db.getStats();
  if (!('lastPageNumber' in stats) || typeof stats.lastPageNumber !== 'number') {
    throw new Error('lmdb says which page is its last');
  }
  return stats.lastPageNumber;
}

/** lmdb rejects every write of a failed commit with a promise of the cause inside. */
async function causeOf(reason: unknown): Promise<Error> {
  const error = reason instanceof Error ? reason : new Error(String(reason));
  if (!('commitError' in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (cause) {
    return cause instanceof Error ? cause : error;
  }
}

function whole<T>(record: T | null, kind: string): T {
  if (record === null) throw new Error(`a record of kind ${kind} is damaged or of another format`);
  return record;
}

/** Six bytes are enough for ids up to 2^48: at a thousand batches per second, some nine thousand years. */
function numberKey(kind: number, id: number): Uint8Array {
  const key = Buffer.alloc(1 + NUMBER_BYTES);
  key[0] = kind;
  key.writeUIntBE(id, 1, NUMBER_BYTES);
  return key;
}

function nameKey(kind: number, name: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(kind), Buffer.from(name)]);
}
