/** Runs sinks until nothing waits any more: the end of a replay, and `spanglass spool drain`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sink } from '../sink.ts';
import type { Spool } from './spool.ts';

/** How often a queue that is on its way is looked at. */
const LOOK_MS = 20;

export interface DrainResult {
  readonly isEmpty: boolean;
  /** Events that wait, by sink. */
  readonly queued: Readonly<Record<string, number>>;
}

/**
 * Resolves when every sink's queue is empty, or the signal is raised, or a sink gave up. Each sink runs by itself: one that stands still
 * keeps the others from nothing, but the drain from its end.
 */
export async function drainSpool(spool: Spool, sinks: readonly Sink[], signal: AbortSignal): Promise<DrainResult> {
  const stop = new AbortController();
  const onAbort = () => stop.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) stop.abort();
  const faults: unknown[] = [];
  const running = new Set<Sink>(sinks);
  const ends = sinks.map(async (sink) => {
    try {
      await sink.start(spool.consumer(sink.name), stop.signal);
    } catch (error) {
      faults.push(error);
    } finally {
      running.delete(sink);
    }
  });
  const waits = () => [...running].some((sink) => queuedOf(spool, sink) > 0);
  while (!stop.signal.aborted && waits()) await sleep(LOOK_MS);
  stop.abort();
  await Promise.all(ends);
  signal.removeEventListener('abort', onAbort);
  if (faults.length > 0) throw faults[0];
  const queued = Object.fromEntries(sinks.map((sink) => [sink.name, queuedOf(spool, sink)]));
  return { isEmpty: Object.values(queued).every((events) => events === 0), queued };
}

function queuedOf(spool: Spool, sink: Sink): number {
  return spool.book.accounts.find((account) => account.name === sink.name)?.queued ?? 0;
}
