/**
 * Who gives way when a batch comes and the spool is full.
 *
 * A batch takes room as long as one sink has not settled it, so the sink with the largest queue is the one to blame, and its policy
 * decides: `drop-oldest` and `drop-newest` give up one of its batches, and the question is asked again; `pause` makes the source
 * wait. What is in a sink's hands is not given up. Where nothing else is left, the new batch is refused.
 */
import type { SinkAccount } from './sink-account.ts';
import { rangeOf, type SpoolBook } from './spool-book.ts';
import { type BatchHead, storedBytes } from './spool-record.ts';

export type FullReason = 'spool_full' | 'disk_full';

/** Null where `bytes` more fit, else what they exceed. */
export type AskRoom = (bytes: number) => FullReason | null;

/**
 * Makes room for a batch as far as it goes. The sinks that do not get it come into `skipped`, and it is counted as dropped for them;
 * where all are in there, nothing is to be stored. `wait` where a paused source has to.
 */
export function makeRoom(
  book: SpoolBook,
  head: BatchHead,
  skipped: Set<SinkAccount>,
  askRoom: AskRoom,
  nowMs: number,
): 'fits' | 'wait' {
  while (skipped.size < book.accounts.length) {
    const reason = askRoom(storedBytes(head));
    if (reason === null) break;
    const step = giveWay(book, head, skipped, reason, nowMs);
    if (step === 'wait') return 'wait';
    if (step === 'nothing') for (const account of book.accounts) refuse(book, head, skipped, account, reason, nowMs);
  }
  return 'fits';
}

/** One step: a batch given up, the new one refused for one sink, or nothing that could be. */
function giveWay(
  book: SpoolBook,
  head: BatchHead,
  skipped: Set<SinkAccount>,
  reason: FullReason,
  nowMs: number,
): 'gave' | 'wait' | 'nothing' {
  const byQueue = book.accounts.toSorted((a, b) => b.queuedBytes - a.queuedBytes);
  for (const account of byQueue) {
    if (account.policy === 'pause') return 'wait';
    if (account.policy === 'drop-newest' && !skipped.has(account)) {
      // The new batch is the newest.
      refuse(book, head, skipped, account, reason, nowMs);
      return 'gave';
    }
    const victim = book.droppable(account, account.policy === 'drop-oldest' ? 'oldest' : 'newest');
    if (victim === null) continue;
    book.giveUp(account, victim, reason, nowMs);
    return 'gave';
  }
  return 'nothing';
}

function refuse(
  book: SpoolBook,
  head: BatchHead,
  skipped: Set<SinkAccount>,
  account: SinkAccount,
  reason: FullReason,
  nowMs: number,
): void {
  if (skipped.has(account)) return;
  skipped.add(account);
  book.refuse(account, rangeOf(head), reason, nowMs);
}
