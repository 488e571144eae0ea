/** Findings on their way from a worker to the screen: a few at a time, and of a flood only as many as a person can read. */
import type { EventFacts } from '../event/event-facts.ts';
import { type Finding, toFinding } from './finding.ts';
import { FINDINGS_EVERY_MS, MAX_FINDINGS_SHOWN } from './limits.ts';

export class ShownFindings {
  /** Findings that were too many to be shown. */
  notShown = 0;
  readonly #show: (findings: readonly Finding[]) => void;
  #gathered: Finding[] = [];
  #dueMs = 0;

  constructor(show: (findings: readonly Finding[]) => void) {
    this.#show = show;
  }

  add(facts: EventFacts): void {
    if (this.#gathered.length < MAX_FINDINGS_SHOWN) this.#gathered.push(toFinding(facts));
    else this.notShown += 1;
  }

  /** The first of a quiet time is shown at once, those that follow a quarter of a second later. */
  tick(nowMs: number): void {
    if (this.#gathered.length === 0 || nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + FINDINGS_EVERY_MS;
    this.flush();
  }

  flush(): void {
    if (this.#gathered.length === 0) return;
    this.#show(this.#gathered);
    this.#gathered = [];
  }
}
