/** What became of events: `written` is all of them, and at every moment `acknowledged + queued + the sum of dropped`. */
import type { RunCounts } from './run-account.ts';

export class EventTally {
  written = 0;
  acknowledged = 0;
  readonly #dropped = new Map<string, number>();

  /** `reason` in the form of a metric's label. */
  drop(events: number, reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + events);
  }

  toCounts(): RunCounts {
    const { written, acknowledged } = this;
    let queued = written - acknowledged;
    for (const events of this.#dropped.values()) queued -= events;
    return { written, acknowledged, queued, dropped: Object.fromEntries(this.#dropped) };
  }
}
