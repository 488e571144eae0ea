/**
 * What goes wrong, and when: scripted one by one by a test, or drawn from a seed so that a failure can be played again.
 *
 * `isTaken` says on which side of indexing the fault strikes: only one that strikes after it makes a duplicate.
 */

export type Fault =
  /** The answer waits; everything else is as usual. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** The connection is reset instead of an answer. */
  | { readonly kind: 'reset'; readonly isTaken: boolean }
  /** The server sends FIN, and no answer. */
  | { readonly kind: 'half-close'; readonly isTaken: boolean }
  /** Nothing comes back, ever; the connection stays open. */
  | { readonly kind: 'time-out'; readonly isTaken: boolean }
  /** The head of a 200 and half of its body, then the end. */
  | { readonly kind: 'cut-answer' }
  /** An answer by code (`hec.md`), nothing indexed. */
  | { readonly kind: 'code'; readonly code: number; readonly retryAfter?: string }
  /** An answer by status alone, with HTML, nothing indexed. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
  /** 503 code 9 with `invalid-event-number`: the first `share` of the objects are indexed. */
  | { readonly kind: 'busy-after'; readonly share: number }
  /** Success, with code 24 or 25. */
  | { readonly kind: 'warning'; readonly code: 24 | 25 }
  /** All indexers restart before this request is looked at. */
  | { readonly kind: 'restart'; readonly losesUnwritten: boolean }
  /** Cookies no longer lead where they led. */
  | { readonly kind: 'flip-cookies' };

export type RequestKind = 'event' | 'ack' | 'health';

export interface FaultPlan {
  /** Asked once for each request; null when all is well. */
  next(request: RequestKind): Fault | null;
}

/** mulberry32: 32 bits of state, good enough to choose faults, the same on every machine. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

export interface SeededFaultOptions {
  readonly seed: number;
  /** Of the requests, how many meet a fault: 0 to 1. */
  readonly rate: number;
  /** Faults to choose from; one twice in the list comes twice as often. */
  readonly eventFaults: readonly Fault[];
  /** For acknowledgement requests; none by default. */
  readonly ackFaults?: readonly Fault[];
}

export class SeededFaults implements FaultPlan {
  readonly drawn: Record<string, number> = {};
  readonly #random: () => number;
  readonly #options: SeededFaultOptions;

  constructor(options: SeededFaultOptions) {
    this.#random = seededRandom(options.seed);
    this.#options = options;
  }

  next(request: RequestKind): Fault | null {
    const faults = request === 'event' ? this.#options.eventFaults : (this.#options.ackFaults ?? []);
    if (request === 'health' || faults.length === 0 || this.#random() >= this.#options.rate) return null;
    const fault = faults[Math.floor(this.#random() * faults.length)]!;
    const name = nameOf(fault);
    this.drawn[name] = (this.drawn[name] ?? 0) + 1;
    return fault;
  }
}

/** Faults in the order given, each for one event request; then none. */
export class ScriptedFaults implements FaultPlan {
  readonly #queues: Record<RequestKind, Fault[]> = { event: [], ack: [], health: [] };

  constructor(faults: readonly Fault[] = []) {
    this.#queues.event.push(...faults);
  }

  add(request: RequestKind, ...faults: readonly Fault[]): void {
    this.#queues[request].push(...faults);
  }

  next(request: RequestKind): Fault | null {
    return this.#queues[request].shift() ?? null;
  }
}

function nameOf(fault: Fault): string {
  if (fault.kind === 'code') return `code ${fault.code}`;
  if (fault.kind === 'status') return `status ${fault.status}`;
  if ('isTaken' in fault) return `${fault.kind}${fault.isTaken ? ' after' : ' before'}`;
  return fault.kind;
}

/**
 * Everything that may befall a request of events, in one list. Short times, so that a run of seconds meets them all. A 413 is not in it:
 * a server that says so now and then at random would have single events refused; tests lower the cap instead.
 */
export const EVERY_EVENT_FAULT: readonly Fault[] = [
  { kind: 'slow', ms: 150 },
  { kind: 'reset', isTaken: false },
  { kind: 'reset', isTaken: true },
  { kind: 'half-close', isTaken: false },
  { kind: 'half-close', isTaken: true },
  { kind: 'time-out', isTaken: false },
  { kind: 'time-out', isTaken: true },
  { kind: 'cut-answer' },
  { kind: 'code', code: 9 },
  { kind: 'code', code: 9, retryAfter: '1' },
  { kind: 'code', code: 23 },
  { kind: 'code', code: 8 },
  { kind: 'code', code: 26, retryAfter: '1' },
  { kind: 'code', code: 27 },
  { kind: 'code', code: 3 },
  { kind: 'code', code: 4 },
  { kind: 'code', code: 10 },
  { kind: 'code', code: 11 },
  { kind: 'status', status: 400 },
  { kind: 'status', status: 303 },
  { kind: 'status', status: 404 },
  { kind: 'status', status: 408 },
  { kind: 'status', status: 502 },
  { kind: 'status', status: 504 },
  { kind: 'busy-after', share: 0 },
  { kind: 'busy-after', share: 0.4 },
  { kind: 'busy-after', share: 0.9 },
  { kind: 'warning', code: 24 },
  { kind: 'warning', code: 25 },
  { kind: 'restart', losesUnwritten: true },
  { kind: 'flip-cookies' },
];

export const EVERY_ACK_FAULT: readonly Fault[] = [
  { kind: 'slow', ms: 150 },
  { kind: 'reset', isTaken: false },
  { kind: 'code', code: 9 },
  { kind: 'code', code: 4 },
  { kind: 'restart', losesUnwritten: true },
];
