/**
 * Tells drops when they begin and when they have ended, and not every second that they last.
 *
 *     ring drops      0 0 0 5 9 0 0 2 0 0 … 0
 *                           ^ begun         ^ ended, 16 packets: after `CALM_MS` without one
 */
import { sumOf } from '../sensor/counters.ts';
import type { LiveCounts } from '../sensor/live-counts.ts';
import type { LogFields, LogLevel } from './log.ts';
import { toCountOf, toDurationText } from './quantity-text.ts';

export interface LiveNotice {
  readonly level: LogLevel;
  readonly event: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** Drops that come again sooner are the same trouble. */
const CALM_MS = 10_000;

interface Drops {
  readonly event: string;
  readonly noun: string;
  /** What it means, and what to do. */
  readonly cause: string;
  read(counts: LiveCounts): number;
}

const KINDS: readonly Drops[] = [
  {
    event: 'ring_drops',
    noun: 'packet',
    cause: 'the ring is full: the sensor does not keep up; raise --workers, or --ring where it comes in bursts',
    read: ({ kernel }) => kernel.ringDropped,
  },
  {
    event: 'event_drops',
    noun: 'event',
    cause: 'the main thread does not take them as fast as they come',
    read: ({ handover }) => sumOf(handover.dropped),
  },
  {
    event: 'flow_evictions',
    noun: 'connection',
    cause: 'given up because the table was full; raise --max-flows',
    read: ({ pipeline }) => pipeline.flows.evicted,
  },
];

export class LiveWatch {
  readonly #states = KINDS.map((kind) => new DropState(kind));

  /** To be called about once a second. */
  look(counts: LiveCounts, nowMs: number): readonly LiveNotice[] {
    return this.#states.flatMap((state) => state.look(counts, nowMs) ?? []);
  }
}

class DropState {
  readonly #kind: Drops;
  #seen = 0;
  /** Count and time before the drops began; null while there are none. */
  #begun: { readonly count: number; readonly atMs: number } | null = null;
  #lastMs = 0;

  constructor(kind: Drops) {
    this.#kind = kind;
  }

  look(counts: LiveCounts, nowMs: number): LiveNotice | null {
    const { event, noun, cause } = this.#kind;
    const count = this.#kind.read(counts);
    const isMore = count > this.#seen;
    const before = this.#seen;
    this.#seen = count;
    if (isMore) this.#lastMs = nowMs;
    if (isMore && this.#begun === null) {
      this.#begun = { count: before, atMs: nowMs };
      const message = `${toCountOf(count - before, noun)} dropped: ${cause}`;
      return { level: 'warn', event, message, fields: { state: 'begun', dropped: count - before } };
    }
    if (this.#begun === null || nowMs - this.#lastMs < CALM_MS) return null;
    const dropped = count - this.#begun.count;
    const lastedS = Math.max(1, (this.#lastMs - this.#begun.atMs) / 1000);
    this.#begun = null;
    const message = `no more ${noun}s dropped; they were ${toCountOf(dropped, noun)} in ${toDurationText(lastedS)}`;
    return { level: 'info', event, message, fields: { state: 'ended', dropped, lasted_s: Math.round(lastedS) } };
  }
}
