/**
 * Opens a spool, whatever state its folder is in.
 *
 *     lock ─> look at the file ─> open the store, or set it aside and salvage ─> recover ─> commit what was found ─> report it
 *
 * Only two things refuse a start: another owner, and a folder that can't be written.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { messageOf } from '../message-of.ts';
import { BatchStore, type Durability, STORE_FILE, type StoreView } from './batch-store.ts';
import { LedgerFile, readLedger } from './ledger-file.ts';
import { DEFAULT_MAX_AGE_MS, DEFAULT_MAX_BYTES, DEFAULT_MIN_FREE_BYTES, MIN_SPOOL_BYTES } from './limits.ts';
import { type Recovery, recoverSpool, type SinkOptions } from './recover-spool.ts';
import { finishSetAside, resumeSetAside, salvageBatches, setStoreAside } from './set-aside.ts';
import { Spool, type SpoolOptions } from './spool.ts';
import { SpoolBook } from './spool-book.ts';
import { SpoolError } from './spool-error.ts';
import { SpoolLock } from './spool-lock.ts';
import type { BatchHead } from './spool-record.ts';
import { SpoolReporter } from './spool-report.ts';
import { findStoreFault } from './store-check.ts';

const LEDGER_FILE = 'ledger';

export interface OpenSpoolOptions {
  readonly folder: string;
  /** Name of the sensor, for the spool's own events. */
  readonly sensor: string;
  readonly sinks: readonly SinkOptions[];
  /** Other sinks that the spool has keep what waits for them; else it is dropped as `sink_removed`. */
  readonly keepsOtherSinks?: boolean;
  readonly durability?: Durability;
  readonly maxBytes?: number;
  readonly maxAgeMs?: number;
  readonly minFreeBytes?: number;
  readonly now?: () => number;
}

/** Numbers of errno with which LMDB says what the system said: EPERM, ENOENT, EACCES, EROFS, ENOSPC, EMFILE. */
const SYSTEM_REFUSALS = new Set([1, 2, 13, 24, 28, 30]);

interface OpenedStore {
  readonly store: BatchStore;
  readonly view: StoreView | null;
  /** What was wrong with the one before, and where it is now. */
  readonly fault: { readonly what: string; readonly aside: string } | null;
}

interface Salvage {
  readonly what: string;
  readonly aside: string;
  readonly heads: readonly BatchHead[];
}

/** Rejects with `SpoolError`: `locked`, `cannot_open`, `bad_option`. */
export async function openSpool(options: OpenSpoolOptions): Promise<Spool> {
  const spoolOptions = complete(options);
  try {
    mkdirSync(options.folder, { recursive: true });
  } catch (error) {
    throw cannotOpen(options.folder, error);
  }
  const lock = await SpoolLock.take(options.folder).catch((error: unknown) => {
    throw error instanceof SpoolError ? error : cannotOpen(options.folder, error);
  });
  try {
    return await openLocked(options, spoolOptions, lock);
  } catch (error) {
    lock.release();
    throw error instanceof SpoolError ? error : cannotOpen(options.folder, error);
  }
}

async function openLocked(options: OpenSpoolOptions, spoolOptions: SpoolOptions, lock: SpoolLock): Promise<Spool> {
  const { folder } = spoolOptions;
  const ledgerPath = path.join(folder, LEDGER_FILE);
  const ledgerView = readLedger(ledgerPath);
  const opened = await openStore(spoolOptions);
  const { view } = opened;
  const salvage = opened.fault === null ? null : { ...opened.fault, heads: [] as readonly BatchHead[] };
  if (salvage !== null) salvage.heads = await salvageBatches(salvage.aside, ledgerView, opened.store);

  const present = view?.heads ?? salvage?.heads ?? [];
  const recovery = recoverSpool(view, ledgerView, present, options.sinks, options.keepsOtherSinks);
  const book = new SpoolBook(recovery.state, recovery.accounts, recovery.heads, view?.drops ?? []);
  book.removeLeftovers(recovery.leftovers);
  book.touchAll();
  const reporter = new SpoolReporter(options.sensor, recovery.accounts);
  report(reporter, recovery, salvage, spoolOptions.now());
  const { store } = opened;
  const spool = new Spool({ book, store, ledger: new LedgerFile(ledgerPath), lock, reporter }, spoolOptions);
  const forgotten = recovery.removedSinks.map((account) => account.name);
  if (await spool.start(forgotten)) finishSetAside(folder);
  return spool;
}

/** Opens the store, or an empty one in its place. */
async function openStore({ folder, durability, maxBytes, now }: SpoolOptions): Promise<OpenedStore> {
  const unfinished = resumeSetAside(folder);
  if (unfinished !== null) {
    const fault = { what: 'a salvage was not finished', aside: unfinished };
    return { store: new BatchStore(folder, durability, maxBytes), view: null, fault };
  }
  const opened = await tryOpen(folder, durability, maxBytes);
  if (typeof opened !== 'string') return opened;
  const aside = setStoreAside(folder, now());
  return { store: new BatchStore(folder, durability, maxBytes), view: null, fault: { what: opened, aside } };
}

/** The store and what is in it, or what is wrong with it. */
async function tryOpen(folder: string, durability: Durability, maxBytes: number): Promise<OpenedStore | string> {
  const fault = findStoreFault(path.join(folder, STORE_FILE));
  if (fault !== null) return fault;
  let store: BatchStore | null = null;
  try {
    store = new BatchStore(folder, durability, maxBytes);
    return { store, view: store.readAll(), fault: null };
  } catch (error) {
    await store?.close();
    // LMDB's own faults and ours are damage; what the system says about the folder is not.
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (typeof code === 'string' || (typeof code === 'number' && SYSTEM_REFUSALS.has(code))) throw error;
    return messageOf(error);
  }
}

function report(reporter: SpoolReporter, recovery: Recovery, salvage: Salvage | null, nowMs: number): void {
  if (salvage !== null) reporter.setAside(salvage.what, salvage.aside, salvage.heads.length, nowMs);
  reporter.lost(recovery.lost, nowMs);
  for (const account of recovery.removedSinks) {
    reporter.sinkRemoved(account.name, account.dropped.get('sink_removed') ?? 0, nowMs);
  }
}

function complete(options: OpenSpoolOptions): SpoolOptions {
  const { folder, sinks, durability = 'crash', maxBytes = DEFAULT_MAX_BYTES } = options;
  if (sinks.length === 0) throw new SpoolError('bad_option', 'a spool has at least one sink');
  const names = new Set(sinks.map(({ name }) => name));
  if (names.size < sinks.length) throw new SpoolError('bad_option', 'two sinks of a spool have the same name');
  if (maxBytes < MIN_SPOOL_BYTES) {
    throw new SpoolError('bad_option', `a spool of ${maxBytes} bytes is too small: at least ${MIN_SPOOL_BYTES}`);
  }
  return {
    folder,
    durability,
    maxBytes,
    maxAgeMs: options.maxAgeMs ?? DEFAULT_MAX_AGE_MS,
    minFreeBytes: options.minFreeBytes ?? DEFAULT_MIN_FREE_BYTES,
    now: options.now ?? Date.now,
  };
}

function cannotOpen(folder: string, error: unknown): SpoolError {
  const reason = messageOf(error);
  return new SpoolError('cannot_open', `can't open the spool ${folder}: ${reason}`);
}
