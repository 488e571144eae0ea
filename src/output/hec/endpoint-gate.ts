/**
 * Whether, and how many, requests may go to an endpoint now.
 *
 *     probing ──> up <──> backing_off      busy or stumbling: waits a while, then tries one request
 *        ^         │
 *        │         ├────> backing_off      away or not well: a probe decides when it comes back
 *        └─────────┴────> holding          somebody has to mend something: the alarm; a slow probe
 *
 * What an endpoint said is weighed by when the request began: answers that were on their way when the gate closed say
 * nothing new, and must not double the waiting time for each of them.
 */
import { Aimd } from './aimd.ts';
import { Backoff, type BackoffTimes } from './backoff.ts';

export type GatePhase = 'probing' | 'up' | 'backing_off' | 'holding';

/** One failure may be one bad connection; two in a row are the endpoint. */
const STUMBLES_BEFORE_BACKING_OFF = 2;
/** Parts refused one after the other, with nothing taken in between, are the endpoint's fault and not the parts'. */
const REFUSALS_BEFORE_HOLDING = 3;

/** Why a gate closes. */
export interface GateFault {
  readonly reason: string;
  readonly text: string;
  readonly retryAfterMs: number | null;
}

export class EndpointGate {
  readonly #aimd: Aimd;
  readonly #backoff: Backoff;
  readonly #holdRetryMs: number;
  #phase: GatePhase = 'probing';
  #needsProbe = true;
  #isProvenByProbe = true;
  #isTrial = true;
  #retryAtMs = 0;
  #closedMs = Number.NEGATIVE_INFINITY;
  #stumbles = 0;
  #refusals = 0;
  reason = 'starting';
  text = '';
  inFlight = 0;

  constructor(
    config: BackoffTimes & { readonly holdRetryMs: number; readonly maxConcurrency: number },
    random: () => number,
  ) {
    this.#aimd = new Aimd(config.maxConcurrency);
    this.#backoff = new Backoff(config, random);
    this.#holdRetryMs = config.holdRetryMs;
  }

  get phase(): GatePhase {
    return this.#phase;
  }

  get limit(): number {
    return this.#isTrial ? 1 : this.#aimd.limit;
  }

  /** When something can happen without an answer; infinite while it is open. */
  get retryAtMs(): number {
    return this.#phase === 'up' ? Number.POSITIVE_INFINITY : this.#retryAtMs;
  }

  /** Whether one more request may begin. */
  get isFree(): boolean {
    return this.#phase === 'up' && this.inFlight < this.limit;
  }

  /** Says whether it is time to probe; a gate that needs no probe opens for one request. */
  isProbeDue(nowMs: number): boolean {
    if (this.#phase === 'up' || nowMs < this.#retryAtMs) return false;
    if (this.#needsProbe) return true;
    this.#open();
    return false;
  }

  /** A probe is under way: no other is due meanwhile. */
  beginProbe(): void {
    this.#retryAtMs = Number.POSITIVE_INFINITY;
    // What the probe finds is news, whatever the clock's grain.
    this.#closedMs = Number.NEGATIVE_INFINITY;
  }

  /** The probe found nothing amiss. */
  passProbe(): void {
    this.#open();
    if (!this.#isProvenByProbe) return;
    this.reason = '';
    this.text = '';
  }

  /** The server took events; `mayGrow` where it did not ask for less. */
  succeed(mayGrow: boolean): void {
    if (mayGrow) this.#aimd.succeed();
    this.#stumbles = 0;
    this.#refusals = 0;
    if (this.#phase !== 'up') return;
    this.#isTrial = false;
    this.#backoff.reset();
    this.reason = '';
    this.text = '';
  }

  slowDown(): void {
    this.#aimd.slowDown();
  }

  /** Busy: waits, then goes on by itself. */
  backOff(fault: GateFault, startedMs: number, nowMs: number): void {
    this.#aimd.congest(startedMs, nowMs);
    this.#close('backing_off', fault, false, startedMs, nowMs);
  }

  /** No answer, or one that says nothing: the first may be chance. */
  stumble(fault: GateFault, startedMs: number, nowMs: number): void {
    this.#aimd.congest(startedMs, nowMs);
    this.#stumbles += 1;
    if (this.#stumbles < STUMBLES_BEFORE_BACKING_OFF && !this.#isTrial) return;
    this.#close('backing_off', fault, true, startedMs, nowMs);
  }

  /** Away, or not well. */
  goDown(fault: GateFault, startedMs: number, nowMs: number): void {
    this.#aimd.restart();
    this.#close('backing_off', fault, true, startedMs, nowMs);
  }

  /** `isProvenByProbe`: a probe that passes shows that it is mended; else only events that are taken do. */
  hold(fault: GateFault, nowMs: number, isProvenByProbe = true): void {
    this.#aimd.restart();
    this.#hold(fault, true, nowMs);
    this.#isProvenByProbe = isProvenByProbe;
  }

  /** A part was refused: only a row of them holds the endpoint, and then one part at a time finds out whether it is mended. */
  refuse(fault: GateFault, nowMs: number): void {
    this.#refusals += 1;
    if (this.#refusals >= REFUSALS_BEFORE_HOLDING) this.#hold(fault, false, nowMs);
  }

  /** Something was mended, say a token: no more waiting. */
  retryNow(nowMs: number): void {
    if (this.#phase === 'holding' && this.#retryAtMs !== Number.POSITIVE_INFINITY) this.#retryAtMs = nowMs;
  }

  #open(): void {
    this.#phase = 'up';
    this.#isTrial = true;
  }

  #close(phase: GatePhase, fault: GateFault, needsProbe: boolean, startedMs: number, nowMs: number): void {
    const isOldNews = this.#phase !== 'up' && startedMs <= this.#closedMs;
    if (isOldNews) return;
    this.#phase = phase;
    this.#needsProbe = needsProbe;
    this.#isProvenByProbe = true;
    this.#closedMs = nowMs;
    this.#retryAtMs = nowMs + this.#backoff.next(fault.retryAfterMs);
    this.reason = fault.reason;
    this.text = fault.text;
  }

  #hold(fault: GateFault, needsProbe: boolean, nowMs: number): void {
    this.#phase = 'holding';
    this.#needsProbe = needsProbe;
    this.#closedMs = nowMs;
    this.#retryAtMs = nowMs + Math.max(this.#holdRetryMs, fault.retryAfterMs ?? 0);
    this.reason = fault.reason;
    this.text = fault.text;
  }
}
