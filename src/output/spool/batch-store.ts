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
import { StoreReader } from './store-reader.ts';
import { StoreSpace } from './store-space.ts';

export type Durability = 'power-loss' | 'crash' | 'none';

export const STORE_FILE = 'data.mdb';

const KEY = { body: 0x62, drop: 0x64, head: 0x68, state: 0x6d, sink: 0x73 } as const;
const NUMBER_BYTES = 6;
/** After so many removals, each some 64 KB of the map, the file is mapped anew. */
const REMOVALS_PER_MAP = 256;

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
  readonly #reader: StoreReader;
  readonly #open: () => RootDatabase<Uint8Array, Uint8Array>;
  /** Null between closing and the next use. */
  #db: RootDatabase<Uint8Array, Uint8Array> | null;
  #removedSinceOpen = 0;

  /** Throws what LMDB throws. `maxBytes` is the bound that the spool keeps. */
  constructor(folder: string, durability: Durability, maxBytes: number, isReadOnly = false) {
    this.#open = () =>
      open<Uint8Array, Uint8Array>({
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
    this.#db = this.#open();
    const file = path.join(folder, STORE_FILE);
    this.#reader = new StoreReader(file, STORE_PAGE_BYTES);
    this.#space = new StoreSpace(file, Math.min(STORE_TAIL_BYTES, maxBytes * STORE_TAIL_SHARE));
  }

  get fileBytes(): number {
    return this.#space.fileBytes;
  }

  /** Null where there is no state: a new store. Throws where a record is damaged. */
  readAll(): StoreView | null {
    const db = this.#database();
    const stateRecord = db.getBinary(Uint8Array.of(KEY.state));
    if (stateRecord === undefined) {
      if (db.getCount({ limit: 1 }) > 0) throw new Error('the store has no state');
      return null;
    }
    const view = {
      state: whole(parseStateRecord(stateRecord), 'state'),
      heads: readKind(db, KEY.head, parseHeadRecord),
      sinks: readKind(db, KEY.sink, parseSinkRecord),
      drops: readKind(db, KEY.drop, parseDropRecord),
    };
    db.resetReadTxn();
    return view;
  }

  /** While the store is opened again no commit is on its way, and the reader by itself is exact. */
  readBatch(id: number): Uint8Array | undefined {
    const key = numberKey(KEY.body, id);
    return this.#reader.read(key) ?? this.#db?.getBinary(key);
  }

  /** Lets go of the snapshot that reading holds, so that its pages can be used again. */
  endRead(): void {
    this.#db?.resetReadTxn();
  }

  /** Rejects where the disk is full (`StoreFullError`) or fails; then nothing of it is there. */
  async commit(commit: StoreCommit, mayGrowBytes: number): Promise<void> {
    await this.#reserve(commit.batches, mayGrowBytes);
    await this.#write((db) => [
      ...putBatches(db, commit.batches),
      ...commit.removed.flatMap((id) => [db.remove(numberKey(KEY.body, id)), db.remove(numberKey(KEY.head, id))]),
      ...commit.sinks.map((sink) => db.put(nameKey(KEY.sink, sink.name), buildSinkRecord(sink))),
      ...commit.forgottenSinks.map((name) => db.remove(nameKey(KEY.sink, name))),
      ...commit.drops.map((drop) => db.put(numberKey(KEY.drop, drop.id), buildDropRecord(drop))),
      ...commit.forgottenDrops.map((id) => db.remove(numberKey(KEY.drop, id))),
      db.put(Uint8Array.of(KEY.state), buildStateRecord(commit.state)),
    ]);
    this.#removedSinceOpen += commit.removed.length;
    if (this.#removedSinceOpen >= REMOVALS_PER_MAP) await this.#mapAgain();
  }

  /** Batches without a state: for a salvage, which is begun anew if it does not come to its end. */
  async addBatches(batches: readonly NewBatch[]): Promise<void> {
    if (batches.length === 0) return;
    await this.#reserve(batches, Number.POSITIVE_INFINITY);
    await this.#write((db) => putBatches(db, batches));
  }

  async close(): Promise<void> {
    this.#reader.close();
    await this.#space.close();
    await this.#db?.close();
    this.#db = null;
  }

  async #reserve(batches: readonly NewBatch[], mayGrowBytes: number): Promise<void> {
    const batchBytes = batches.reduce((bytes, { head }) => bytes + storedBytes(head), 0);
    await this.#space.ensure((lastPageOf(this.#database()) + 1) * STORE_PAGE_BYTES, batchBytes, mayGrowBytes);
  }

  /** One transaction. lmdb gives a promise for each write, and all of them are rejected with it. */
  async #write(put: (db: RootDatabase<Uint8Array, Uint8Array>) => Promise<unknown>[]): Promise<void> {
    const db = this.#database();
    let writes: Promise<unknown>[] = [];
    const done = db.batch(() => {
      writes = put(db);
    });
    const outcomes = await Promise.allSettled([done, ...writes]);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw await causeOf(failed.reason);
  }

  #database(): RootDatabase<Uint8Array, Uint8Array> {
    this.#db ??= this.#open();
    return this.#db;
  }

  /**
   * Lets go of LMDB's map of the file and makes a new one. To remove a record LMDB touches its first page, and the kernel maps those around
   * it as well; all of it counts as this process's memory until the map goes.
   */
  async #mapAgain(): Promise<void> {
    const db = this.#db;
    this.#db = null;
    this.#removedSinceOpen = 0;
    await db?.close();
  }
}

function putBatches(db: RootDatabase<Uint8Array, Uint8Array>, batches: readonly NewBatch[]): Promise<unknown>[] {
  return batches.flatMap(({ head, record }) => [
    db.put(numberKey(KEY.body, head.id), record),
    db.put(numberKey(KEY.head, head.id), buildHeadRecord(head)),
  ]);
}

function readKind<T>(
  db: RootDatabase<Uint8Array, Uint8Array>,
  kind: number,
  parse: (record: Uint8Array) => T | null,
): T[] {
  const records: T[] = [];
  for (const { value } of db.getRange({ start: Uint8Array.of(kind), end: Uint8Array.of(kind + 1) })) {
    records.push(whole(parse(value), String.fromCharCode(kind)));
  }
  return records;
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
