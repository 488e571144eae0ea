/** What `spanglass spool status` and the metrics show: the account of each sink, and what the spool takes. Of an open spool or of a folder. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { messageOf } from '../message-of.ts';
import { BatchStore, type Durability, STORE_FILE } from './batch-store.ts';
import { SinkAccount } from './sink-account.ts';
import type { Spool } from './spool.ts';
import type { SpoolCounters } from './spool-batch.ts';
import { SpoolBook } from './spool-book.ts';
import { SpoolError } from './spool-error.ts';
import { isSpoolLocked } from './spool-lock.ts';
import type { BatchHead, DropRecord } from './spool-record.ts';
import { findStoreFault } from './store-check.ts';

interface SinkStatus extends SpoolCounters {
  readonly name: string;
  /** Of its queue, in the store. */
  readonly queuedBytes: number;
  readonly queuedBatches: number;
  /** Since the oldest waiting batch was gathered; 0 where none waits. */
  readonly oldestAgeMs: number;
}

export interface SpoolStatus {
  readonly folder: string;
  /** Of the process that has it open; null where it is looked at from outside. */
  readonly durability: Durability | null;
  readonly isOpen: boolean;
  readonly liveBytes: number;
  readonly fileBytes: number;
  readonly sinks: readonly SinkStatus[];
  /** Where events were dropped, oldest first. */
  readonly drops: readonly DropRecord[];
  /** Of the last commit that failed; empty while all is well. */
  readonly fault: string;
}

export function spoolStatus(spool: Spool): SpoolStatus {
  const { book, options } = spool;
  return {
    folder: options.folder,
    durability: options.durability,
    isOpen: !spool.isClosed,
    liveBytes: book.liveBytes,
    fileBytes: spool.fileBytes,
    sinks: book.accounts.map((account) => sinkStatus(account, book, spool.now())),
    drops: [...book.journal.records].map((record) => ({ ...record })),
    fault: spool.lastFault,
  };
}

/**
 * Looks into a folder, whether a sensor has it open or not, and changes nothing. Rejects with `SpoolError` `cannot_open` where there is no
 * spool, or a damaged one (which the next start mends).
 */
export async function readSpoolStatus(folder: string, nowMs: number): Promise<SpoolStatus> {
  // LMDB would make the folder.
  if (!existsSync(path.join(folder, STORE_FILE))) throw new SpoolError('cannot_open', `no spool in ${folder}`);
  const isOpen = isSpoolLocked(folder);
  // While its owner writes, a page may be newer than the tree that leads to it: the check would see damage that is none.
  const fault = isOpen ? null : findStoreFault(path.join(folder, STORE_FILE));
  if (fault !== null)
    throw new SpoolError('cannot_open', `the spool ${folder} is damaged (${fault}): the next start mends it`);
  let store: BatchStore;
  try {
    store = new BatchStore(folder, 'crash', 0, true);
  } catch (error) {
    throw new SpoolError('cannot_open', `no spool in ${folder}: ${messageOf(error)}`);
  }
  try {
    const view = store.readAll();
    if (view === null) throw new SpoolError('cannot_open', `no spool in ${folder}`);
    const accounts = view.sinks.map((state) => new SinkAccount(state, 'drop-oldest'));
    const book = new SpoolBook(view.state, accounts, view.heads, view.drops);
    return {
      folder,
      durability: null,
      isOpen,
      liveBytes: book.liveBytes,
      fileBytes: store.fileBytes,
      sinks: accounts.map((account) => sinkStatus(account, book, nowMs)),
      drops: view.drops,
      fault: '',
    };
  } finally {
    await store.close();
  }
}

function sinkStatus(account: SinkAccount, book: SpoolBook, nowMs: number): SinkStatus {
  let oldest: BatchHead | null = null;
  let queuedBatches = 0;
  for (const head of book.unsettledAfter(account, 0)) {
    oldest ??= head;
    queuedBatches += 1;
  }
  return {
    name: account.name,
    ...account.toCounters(),
    queuedBytes: account.queuedBytes,
    queuedBatches,
    oldestAgeMs: oldest === null ? 0 : Math.max(0, nowMs - oldest.createdMs),
  };
}
