/**
 * How long to wait before the next try: full jitter (a random time between nothing and a limit that doubles), so that many sensors
 * that lost the same server don't come back at the same instant. There is no last try.
 */

/** A server with a wrong clock, or a date far away, must not stop delivery for hours. */
const MAX_RETRY_AFTER_MS = 300_000;

export interface BackoffTimes {
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
}

export class Backoff {
  readonly #times: BackoffTimes;
  readonly #random: () => number;
  tries = 0;

  /** `random` gives numbers from 0 to less than 1. */
  constructor(times: BackoffTimes, random: () => number) {
    this.#times = times;
    this.#random = random;
  }

  /** How long to wait now; the server's own wish comes first, with the jitter on top of it. */
  next(retryAfterMs: number | null): number {
    const jitter = fullJitter(this.tries, this.#times, this.#random);
    this.tries += 1;
    return jitter + (retryAfterMs ?? 0);
  }

  reset(): void {
    this.tries = 0;
  }
}

/** A time for the try after `tries` failures. */
export function fullJitter(tries: number, times: BackoffTimes, random: () => number): number {
  // Beyond 30 doublings the cap has long been reached.
  const limit = Math.min(times.backoffCapMs, times.backoffBaseMs * 2 ** Math.min(tries, 30));
  return Math.round(random() * limit);
}

/** `Retry-After` in milliseconds from now: seconds or a date (RFC 9110 10.2.3). `null` where it says neither. */
export function readRetryAfter(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  const text = value.trim();
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text) * 1000, MAX_RETRY_AFTER_MS);
  // A date has a name of a day or month in it; `Date.parse` would take much else.
  const at = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : Math.min(Math.max(0, at - nowMs), MAX_RETRY_AFTER_MS);
}
