/**
 * A damaged store does not stop a start: it is moved to a sibling folder, for whoever wants to look at it, and what can be read of it is
 * put into a new one. A note says that this is going on, so that a kill in the middle leads to the same again and not to half of it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { type BatchStore, type NewBatch, STORE_FILE } from './batch-store.ts';
import { IdRanges } from './id-ranges.ts';
import type { LedgerView } from './ledger-file.ts';
import { MAX_COMMIT_BYTES, MAX_SET_ASIDE } from './limits.ts';
import { type BatchHead, parseBatchRecord } from './spool-record.ts';
import { readRecords } from './store-check.ts';

const STORE_LOCK_FILE = 'lock.mdb';
const NOTE_FILE = 'salvage-from';

/** Moves the store's files and returns their new folder: beside the spool, or in it where that can't be written. */
export function setStoreAside(folder: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replace(/[-:.]/g, '');
  try {
    return moveStore(folder, `${path.resolve(folder)}.damaged-`, stamp);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && /EACCES|EPERM|EROFS|EXDEV/.test(String(error.code))))
      throw error;
    return moveStore(folder, path.join(folder, 'damaged-'), stamp);
  }
}

/** The folder of a salvage that was not finished, or null. What it had put into the spool's folder is removed. */
export function resumeSetAside(folder: string): string | null {
  const note = path.join(folder, NOTE_FILE);
  if (!fs.existsSync(note)) return null;
  const aside = fs.readFileSync(note, 'utf8');
  // Killed before the files were moved: the store is where it was, and will be looked at anew.
  if (!fs.existsSync(path.join(aside, STORE_FILE))) return null;
  for (const name of [STORE_FILE, STORE_LOCK_FILE]) fs.rmSync(path.join(folder, name), { force: true });
  return aside;
}

export function finishSetAside(folder: string): void {
  fs.rmSync(path.join(folder, NOTE_FILE), { force: true });
}

/**
 * Puts every whole batch of the damaged store that somebody still waits for into the new one, and returns what was found. The ledger
 * says who waits; without one, all that stands is taken, also what was delivered and not yet overwritten: twice is better than never.
 */
export async function salvageBatches(
  aside: string,
  ledger: LedgerView | null,
  store: BatchStore,
): Promise<BatchHead[]> {
  const file = path.join(aside, STORE_FILE);
  if (!fs.existsSync(file)) return [];
  const isWanted = wantedBy(ledger);
  const found = new Map<number, BatchHead>();
  let group: NewBatch[] = [];
  let bytes = 0;
  for (const record of readRecords(file)) {
    const batch = parseBatchRecord(record);
    if (batch === null || found.has(batch.id)) continue;
    const { id, bootId, firstSeq, count, jsonBytes, createdMs } = batch;
    const head = { id, bootId, firstSeq, count, jsonBytes, createdMs, recordBytes: record.length };
    if (!isWanted(head)) continue;
    found.set(id, head);
    group.push({ head, record: new Uint8Array(record) });
    bytes += record.length;
    if (bytes < MAX_COMMIT_BYTES) continue;
    await store.addBatches(group);
    group = [];
    bytes = 0;
  }
  await store.addBatches(group);
  return [...found.values()];
}

function wantedBy(ledger: LedgerView | null): (head: BatchHead) => boolean {
  if (ledger === null) return () => true;
  const settled = ledger.sinks.map((sink) => new IdRanges(sink.settledId, sink.settledAbove));
  const heads = new Map(ledger.heads.map((head) => [head.id, head]));
  return (head) => {
    // Newer than the ledger, which may be a commit behind.
    if (head.id >= ledger.state.nextId) return true;
    const known = heads.get(head.id);
    // Another batch of this id was written by a commit that failed.
    if (known === undefined || known.bootId !== head.bootId || known.firstSeq !== head.firstSeq) return false;
    return known.count === head.count && settled.some((ids) => !ids.has(head.id));
  };
}

function moveStore(folder: string, prefix: string, stamp: string): string {
  let aside = `${prefix}${stamp}`;
  for (let n = 2; fs.existsSync(aside); n++) aside = `${prefix}${stamp}-${n}`;
  fs.mkdirSync(aside);
  fs.writeFileSync(path.join(folder, NOTE_FILE), aside);
  for (const name of [STORE_LOCK_FILE, STORE_FILE]) {
    const file = path.join(folder, name);
    if (fs.existsSync(file)) fs.renameSync(file, path.join(aside, name));
  }
  forgetOldest(prefix);
  return aside;
}

function forgetOldest(prefix: string): void {
  const parent = path.dirname(prefix);
  const kept = fs
    .readdirSync(parent)
    .filter((name) => name.startsWith(path.basename(prefix)))
    .toSorted();
  for (const name of kept.slice(0, -MAX_SET_ASIDE))
    fs.rmSync(path.join(parent, name), { recursive: true, force: true });
}
