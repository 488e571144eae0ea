/**
 * How many requests may be under way to one endpoint: additive increase, multiplicative decrease, as TCP finds the width of a path.
 *
 * Until the first sign of congestion each success adds one; afterwards a whole round of successes does. A sign of congestion (503,
 * 429, a time-out) halves the number, once per round: requests that were sent before the last halving say nothing new.
 */
export class Aimd {
  readonly #max: number;
  #limit: number;
  #isStarting = true;
  #lastCutMs = Number.NEGATIVE_INFINITY;

  constructor(max: number) {
    this.#max = Math.max(1, max);
    this.#limit = Math.min(2, this.#max);
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  succeed(): void {
    this.#limit = Math.min(this.#max, this.#limit + (this.#isStarting ? 1 : 1 / this.#limit));
  }

  /** The server took it but asks for less. */
  slowDown(): void {
    this.#isStarting = false;
    this.#limit = Math.max(1, this.#limit - 1);
  }

  /** A request that began at `startedMs` met congestion. */
  congest(startedMs: number, nowMs: number): void {
    this.#isStarting = false;
    if (startedMs <= this.#lastCutMs) return;
    this.#lastCutMs = nowMs;
    this.#limit = Math.max(1, this.#limit / 2);
  }

  /** The endpoint was away: what was known of its width is old. */
  restart(): void {
    this.#isStarting = true;
    this.#limit = 1;
  }
}
