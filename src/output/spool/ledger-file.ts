/**
 * The second witness: a file beside the store to which every commit appends what it added, removed and counted, without the
 * bodies. When the store is damaged, or a power cut took its last commits, the ledger knows which `seq` were in it.
 *
 *     magic     8    "SGLEDGR1"
 *     length    4    of the record, least significant byte first
 *     record    n    crc32, length, LedgerEntry
 *     length …
 *
 * Written after the store's commit, so it is at most one commit behind. A torn entry at the end is what a kill leaves and ends
 * the reading; what the entries before it say is whole. It is written anew when most of it is history.
 */
import { readFileSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { LEDGER_REWRITE_BYTES, MAX_LEDGER_ENTRY_BYTES } from './limits.ts';
import {
  type BatchHead,
  buildLedgerRecord,
  type LedgerEntry,
  parseLedgerRecord,
  type SinkState,
  type SpoolState,
} from './spool-record.ts';

const MAGIC = Buffer.from('SGLEDGR1');
const LENGTH_BYTES = 4;
const HEADS_PER_ENTRY = 4096;

/** What the ledger says of the spool. */
export interface LedgerView {
  readonly state: SpoolState;
  readonly heads: readonly BatchHead[];
  readonly sinks: readonly SinkState[];
}

/** Null where there is none, or not one whole entry. */
export function readLedger(file: string): LedgerView | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  let state: SpoolState | null = null;
  const heads = new Map<number, BatchHead>();
  const sinks = new Map<string, SinkState>();
  let at = MAGIC.length;
  while (at + LENGTH_BYTES <= bytes.length) {
    const end = at + LENGTH_BYTES + bytes.readUInt32LE(at);
    if (end > bytes.length || end - at > MAX_LEDGER_ENTRY_BYTES) break;
    const entry = parseLedgerRecord(bytes.subarray(at + LENGTH_BYTES, end));
    if (entry === null) break;
    state = entry.state;
    for (const head of entry.added) heads.set(head.id, head);
    for (const id of entry.removed) heads.delete(id);
    for (const sink of entry.sinks) sinks.set(sink.name, sink);
    at = end;
  }
  return state === null ? null : { state, heads: [...heads.values()], sinks: [...sinks.values()] };
}

export class LedgerFile {
  readonly #path: string;
  #file: FileHandle | null = null;
  #sizeBytes = 0;
  #freshBytes = 0;

  constructor(file: string) {
    this.#path = file;
  }

  /** True where the next entry should be all there is, for `rewrite`. */
  get needsRewrite(): boolean {
    return this.#file === null || this.#sizeBytes > Math.max(LEDGER_REWRITE_BYTES, 2 * this.#freshBytes);
  }

  /** Rejects where the disk is full; then the next one has to be `rewrite`. */
  async append(entry: LedgerEntry): Promise<void> {
    const file = this.#file;
    if (file === null) throw new Error('the ledger is open before it is appended to');
    const bytes = frame(entry);
    try {
      await writeAll(file, bytes);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#sizeBytes += bytes.length;
  }

  /** Begins anew with an entry that has everything. The old ledger stands until the new one is whole. */
  async rewrite(entry: LedgerEntry): Promise<void> {
    const temporary = `${this.#path}.new`;
    const file = await open(temporary, 'w');
    let sizeBytes = MAGIC.length;
    try {
      await writeAll(file, MAGIC);
      // In parts, so that a long queue does not hold up the thread.
      for (let at = 0; at === 0 || at < entry.added.length; at += HEADS_PER_ENTRY) {
        const bytes = frame({ ...entry, added: entry.added.slice(at, at + HEADS_PER_ENTRY) });
        await writeAll(file, bytes);
        sizeBytes += bytes.length;
      }
      await rename(temporary, this.#path);
    } catch (error) {
      await file.close();
      throw error;
    }
    await this.close();
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#freshBytes = sizeBytes;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }
}

function frame(entry: LedgerEntry): Buffer {
  const record = buildLedgerRecord(entry);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(record.length);
  return Buffer.concat([length, record]);
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  let at = 0;
  while (at < bytes.length) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}
