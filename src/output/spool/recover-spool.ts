/**
 * What the spool is after a stop of any kind: made of the store, or of what was salvaged from it, and of the ledger.
 *
 * The witness with the higher generation is right about the accounts and about which batches there were. A batch that it has, that a
 * sink had not settled, and whose body is nowhere, is lost: it is dropped as `damaged` for that sink, so that the sum still holds, and
 * returned as a range of `seq` to be reported. Pure.
 */

import { SinkAccount, type SpoolPolicy } from './sink-account.ts';
import type { BatchHead, SinkState, SpoolState } from './spool-record.ts';

/** What one witness says. */
export interface Witness {
  readonly state: SpoolState;
  readonly heads: readonly BatchHead[];
  readonly sinks: readonly SinkState[];
}

export interface SinkOptions {
  readonly name: string;
  readonly policy: SpoolPolicy;
}

/** Of a sink that nobody serves at present. */
const KEPT_POLICY: SpoolPolicy = 'drop-oldest';

/** A batch whose events are gone, and the sinks that had not settled it. */
export interface LostBatch {
  readonly head: BatchHead;
  readonly sinks: readonly SinkAccount[];
}

/** Where the spool goes on. */
export interface Recovery {
  readonly state: SpoolState;
  /** Of the sinks that are configured. */
  readonly accounts: readonly SinkAccount[];
  /** Of sinks that are not: what they had left is dropped as `sink_removed`. */
  readonly removedSinks: readonly SinkAccount[];
  readonly heads: readonly BatchHead[];
  /** In the store, but settled by all. */
  readonly leftovers: readonly number[];
  readonly lost: readonly LostBatch[];
}

/**
 * `present` are the heads whose bodies can be read. `store` is null where the store was damaged or never was, `ledger` where there
 * is none.
 */
export function recoverSpool(
  store: Witness | null,
  ledger: Witness | null,
  present: readonly BatchHead[],
  wanted: readonly SinkOptions[],
  keepsOthers = false,
): Recovery {
  const newest = pickNewest(store, ledger);
  const others = (newest?.sinks ?? []).filter(({ name }) => !wanted.some((one) => one.name === name));
  const options = keepsOthers ? [...wanted, ...others.map(({ name }) => ({ name, policy: KEPT_POLICY }))] : wanted;
  const known = newest?.heads ?? [];
  const nextId = present.reduce((id, head) => Math.max(id, head.id + 1), newest?.state.nextId ?? 1);
  const accounts = options.map(({ name, policy }) => {
    const state = newest?.sinks.find((sink) => sink.name === name);
    if (state !== undefined) return new SinkAccount(state, policy);
    // Without a witness everything found belongs to everyone; else a sink gets what comes after it.
    return SinkAccount.create(name, policy, newest === null ? 0 : nextId - 1);
  });
  const removedSinks = keepsOthers ? [] : others.map((state) => new SinkAccount(state, KEPT_POLICY));

  const heads: BatchHead[] = [];
  const leftovers: number[] = [];
  const presentIds = new Set<number>();
  const knownIds = new Set(known.map((head) => head.id));
  for (const head of present.toSorted((a, b) => a.id - b.id)) {
    if (presentIds.has(head.id)) continue;
    presentIds.add(head.id);
    // Not known, though older than the witness: it was removed. Not older: the witness is a commit behind.
    const isNew = newest === null || head.id >= newest.state.nextId;
    if (isNew) {
      for (const account of [...accounts, ...removedSinks]) {
        if (!account.settled.has(head.id)) account.emitted += head.count;
      }
    }
    const isOpen = accounts.some((account) => !account.settled.has(head.id));
    if ((isNew || knownIds.has(head.id)) && isOpen) heads.push(head);
    else leftovers.push(head.id);
  }

  const lost: LostBatch[] = [];
  for (const head of known) {
    if (presentIds.has(head.id)) continue;
    const sinks = [...accounts, ...removedSinks].filter((account) => !account.settled.has(head.id));
    for (const sink of sinks) {
      sink.drop('damaged', head.count);
      sink.settled.add(head.id, head.id);
    }
    if (sinks.length > 0) lost.push({ head, sinks });
  }
  for (const account of removedSinks) account.drop('sink_removed', account.queued);
  fillGaps(accounts, heads, nextId);
  const state = {
    generation: (newest?.state.generation ?? 0) + 1,
    nextId,
    nextDropId: Math.max(store?.state.nextDropId ?? 1, ledger?.state.nextDropId ?? 1),
  };
  return { state, accounts, removedSinks, heads, leftovers, lost };
}

function pickNewest(store: Witness | null, ledger: Witness | null): Witness | null {
  if (store === null || ledger === null) return store ?? ledger;
  return ledger.state.generation > store.state.generation ? ledger : store;
}

/** Ids that no batch has are settled for everyone: else a sink's place would stay behind them for ever. */
function fillGaps(accounts: readonly SinkAccount[], heads: readonly BatchHead[], nextId: number): void {
  let next = 1;
  for (const { id } of heads) {
    for (const account of accounts) account.settled.add(next, id - 1);
    next = id + 1;
  }
  for (const account of accounts) account.settled.add(next, nextId - 1);
}
