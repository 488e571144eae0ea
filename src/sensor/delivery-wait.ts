/**
 * Waits for a delivery that may never end: as long as it gets on, and a while longer.
 *
 * An indexer that has taken all may take minutes to acknowledge it, and says nothing meanwhile. So the patience is another one as long
 * as acknowledgements are outstanding at a server that is well.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HecStatus } from '../output/hec/hec-status.ts';
import type { HecSink } from '../output/hec/sender.ts';
import type { SpoolCounters } from '../output/spool/spool-batch.ts';
import { sumOf } from './counters.ts';

/** Often enough for a progress line that moves. */
const LOOK_MS = 50;

export interface DeliveryPatience {
  /** Time without progress after which the wait ends. */
  readonly idleMs: number;
  /** The same while acknowledgements are outstanding. */
  readonly ackMs: number;
}

/** The delivery that is waited for. */
export interface AwaitedDelivery {
  isDone(): boolean;
  /** It gave up by itself: nothing more will come. */
  hasFailed(): boolean;
  /** Any number that is another one when the delivery got on. */
  progress(): number;
  /** Of the sink that delivers to Splunk; null where there is none. */
  status(): HecStatus | null;
}

export type WaitEnd = 'done' | 'failed' | 'no_progress' | 'interrupted';

/** `onLook` is called each time when nothing was done yet. */
export async function waitForDelivery(
  delivery: AwaitedDelivery,
  patience: DeliveryPatience,
  signal: AbortSignal,
  onLook: () => void,
): Promise<WaitEnd> {
  let seen = delivery.progress();
  let movedAtMs = performance.now();
  for (;;) {
    if (delivery.isDone()) return 'done';
    if (delivery.hasFailed()) return 'failed';
    if (signal.aborted) return 'interrupted';
    const now = delivery.progress();
    if (now !== seen) {
      seen = now;
      movedAtMs = performance.now();
    }
    const status = delivery.status();
    const isAckWait = status?.state === 'delivering' && status.outstandingAcks > 0;
    if (performance.now() - movedAtMs >= (isAckWait ? patience.ackMs : patience.idleMs)) return 'no_progress';
    onLook();
    await sleep(LOOK_MS);
  }
}

/** Rises when something was taken, acknowledged or given up; not with what comes in, health events among it. */
export function progressOf({ acknowledged, dropped }: SpoolCounters, hec: HecSink | null): number {
  const gone = sumOf(dropped);
  return acknowledged + gone + (hec?.counters.requests.get('event success') ?? 0);
}

/** False where it took longer; then nobody waits for it any more. */
export async function isInTime(done: Promise<void>, timeoutMs: number): Promise<boolean> {
  const late = sleep(timeoutMs, false, { ref: false });
  return Promise.race([done.then(() => true), late]);
}
