/**
 * All that is known of one endpoint, and the three things that are asked of it: to take events, to say what is acknowledged, and
 * whether it is well. Its gate says when; `sender.ts` decides what becomes of the parts.
 */
import type { AckChannel, AckEntry } from './acks.ts';
import { AckTracker } from './acks.ts';
import { Action } from './codes.ts';
import { countRequest, type HecCounters, observe } from './counters.ts';
import { type HecAnswer, HecEndpoint } from './endpoint.ts';
import { EndpointGate } from './endpoint-gate.ts';
import type { HecConfig, HecEndpointConfig } from './hec-config.ts';
import type { Part } from './part.ts';
import type { Redactor } from './redactor.ts';
import type { Verdict } from './response.ts';
import { steadyMs } from './steady-clock.ts';
import type { TokenSource } from './token-source.ts';

/** After so many accepted bodies a larger one is tried again: an administrator may have raised the limit, or it was another proxy's. */
const BODIES_PER_LIMIT = 64;
const SUCCESS = 0;
/** An answer to the empty body of a probe that shows that the token and the path are right; the events decide about the rest. */
const PROBE_PASSES: ReadonlySet<Action> = new Set([
  Action.Accept,
  Action.AcceptSlower,
  Action.AcceptPollSooner,
  Action.Isolate,
  Action.HoldIndex,
  Action.Park,
  Action.AddChannel,
  Action.NewChannel,
  Action.WithoutAck,
]);

export interface SentPart {
  readonly verdict: Verdict;
  readonly channel: AckChannel;
  readonly token: string;
  readonly startedMs: number;
  /** Parts whose acknowledgement can no longer come. */
  readonly lost: readonly Part[];
}

export interface PollResult {
  readonly acked: readonly { readonly channel: AckChannel; readonly entry: AckEntry }[];
  readonly lost: readonly Part[];
}

export class EndpointLine {
  readonly endpoint: HecEndpoint;
  readonly weight: number;
  readonly gate: EndpointGate;
  readonly acks = new AckTracker();
  readonly #config: HecConfig;
  readonly #tokens: TokenSource;
  readonly #counters: HecCounters;
  /** For the smooth weighted round of the sender. */
  credit = 0;
  acceptsGzip = true;
  #sendsChannel = true;
  #fullInRow = 0;
  #tokenAt = 0;
  #preferAgainAtMs = Number.POSITIVE_INFINITY;
  #maxBodyBytes = Number.POSITIVE_INFINITY;
  #acceptedInRow = 0;
  #isProbing = false;
  #isPolling = false;
  #pollDelayMs: number;
  #pollAtMs = 0;

  constructor(
    endpoint: HecEndpointConfig,
    config: HecConfig,
    tokens: TokenSource,
    counters: HecCounters,
    redactor: Redactor,
    random: () => number,
  ) {
    this.endpoint = new HecEndpoint(endpoint, config, redactor);
    this.weight = endpoint.weight;
    this.gate = new EndpointGate(config, random);
    this.#config = config;
    this.#tokens = tokens;
    this.#counters = counters;
    this.#pollDelayMs = config.ackPollMs;
  }

  /** Whether one more part may be sent. */
  get isFree(): boolean {
    if (!this.gate.isFree || (this.gate.inFlight > 0 && this.isPriming)) return false;
    return !this.acks.isCareful || (this.gate.inFlight === 0 && this.acks.outstanding === 0);
  }

  /** Whether the next request should be a single event. */
  get isPriming(): boolean {
    return this.acks.isPriming(this.#token(steadyMs()));
  }

  /** The largest body this endpoint takes, as far as it is known; uncompressed. */
  get maxBodyBytes(): number {
    return this.#maxBodyBytes;
  }

  learnMaxBody(refusedBytes: number): void {
    this.#maxBodyBytes = Math.min(this.#maxBodyBytes, refusedBytes - 1);
    this.#acceptedInRow = 0;
  }

  /** The tokens are others now. */
  reloadTokens(nowMs: number): void {
    this.#tokenAt = 0;
    this.gate.retryNow(nowMs);
  }

  /** After a change of the files of TLS whatever was wrong may be mended. */
  watchTls(onChange: () => void): void {
    this.endpoint.watchTls(() => {
      this.gate.retryNow(steadyMs());
      onChange();
    });
  }

  /** After `token` was refused: whether another one is worth a try. */
  switchToken(token: string, nowMs: number): boolean {
    // Another request, sent at the same time, has switched already.
    if (token !== this.#token(nowMs)) return true;
    if (this.#tokenAt + 1 >= this.#tokens.tokens.length) {
      this.#tokenAt = 0;
      return false;
    }
    this.#tokenAt += 1;
    this.#preferAgainAtMs = nowMs + this.#config.holdRetryMs;
    this.#counters.tokenSwitches += 1;
    return true;
  }

  /** The server wants no channel: its token has no acks. Says whether it had one. */
  omitChannel(): boolean {
    const did = this.#sendsChannel;
    this.#sendsChannel = false;
    return did;
  }

  /** Too many acks wait: asks for them, and the second time in a row leaves them on their channel. Gives parts to be sent again. */
  drainAcks(): readonly Part[] {
    this.pollSoon();
    this.#fullInRow += 1;
    if (this.#fullInRow < 2) return [];
    this.#fullInRow = 0;
    return this.acks.renew();
  }

  noteAccepted(): void {
    this.#fullInRow = 0;
    this.#acceptedInRow += 1;
    if (this.#acceptedInRow % BODIES_PER_LIMIT === 0) this.#maxBodyBytes *= 2;
  }

  /** The server wants a channel. Says whether it had none. */
  addChannel(): boolean {
    const did = !this.#sendsChannel;
    this.#sendsChannel = true;
    return did;
  }

  async send(body: Uint8Array, isGzip: boolean): Promise<SentPart> {
    const token = this.#token(steadyMs());
    const channel = this.acks.channelFor(token);
    const answer = await this.#ask('event', token, channel, body, isGzip);
    this.#counters.bytesSent += body.length;
    observe(this.#counters.requestSeconds, answer.elapsedMs / 1000);
    const { verdict, startedMs } = answer;
    if (verdict.ackId !== null && !this.acks.isUnsupported) this.acks.hasAcks = true;
    else if (verdict.code === SUCCESS) this.acks.hasAcks = false;
    return { verdict, channel, token, startedMs, lost: this.#takeCookies(channel, answer) };
  }

  /** Begins a probe if it is time for one; `null` if not. Gives parts whose acknowledgement can no longer come. */
  probeIfDue(nowMs: number): Promise<readonly Part[]> | null {
    if (this.#isProbing || !this.gate.isProbeDue(nowMs)) return null;
    this.#isProbing = true;
    this.gate.beginProbe();
    return this.#probe().finally(() => {
      this.#isProbing = false;
    });
  }

  /** When acknowledgements are asked for next; infinite where none is waited for. */
  get pollAtMs(): number {
    return this.#isPolling || this.acks.outstanding === 0 ? Number.POSITIVE_INFINITY : this.#pollAtMs;
  }

  pollSoon(): void {
    this.#pollAtMs = 0;
    this.#pollDelayMs = this.#config.ackPollMs;
  }

  /** An acknowledgement is waited for since now: the first question has to wait, too. */
  pollLater(nowMs: number): void {
    if (this.acks.outstanding === 1) {
      this.#pollDelayMs = this.#config.ackPollMs;
      this.#pollAtMs = nowMs + this.#pollDelayMs;
    }
  }

  async poll(): Promise<PollResult> {
    this.#isPolling = true;
    const acked: { channel: AckChannel; entry: AckEntry }[] = [];
    const lost: Part[] = [];
    for (const channel of this.acks.waiting()) {
      const ids = [...channel.pending.values()].filter((entry) => !entry.isAcked).map((entry) => entry.ackId);
      if (ids.length === 0) continue;
      const answer = await this.#ask('ack', channel.token, channel, JSON.stringify({ acks: ids }), false);
      const given = this.acks.takeCookies(channel, answer.setCookies, Date.now());
      // Another indexer answered, and knows nothing of what was asked.
      if (given !== null) {
        lost.push(...given);
        this.#counters.channelsLost += 1;
      } else if (answer.acks !== null) {
        for (const entry of this.acks.learn(channel, answer.acks)) acked.push({ channel, entry });
      } else lost.push(...this.#refuseAcks(channel, answer.verdict));
    }
    // As long as some come, others will; if none does, the indexer has much to do.
    if (acked.length > 0) this.#pollDelayMs = this.#config.ackPollMs;
    else this.#pollDelayMs = Math.min(this.#config.ackPollMaxMs, this.#pollDelayMs * 1.5);
    this.#pollAtMs = steadyMs() + this.#pollDelayMs;
    this.#isPolling = false;
    return { acked, lost };
  }

  /** A refusal is no acknowledgement, whatever it says. */
  #refuseAcks(channel: AckChannel, verdict: Verdict): readonly Part[] {
    const nowMs = steadyMs();
    if (verdict.action === Action.HoldToken) {
      const other = this.#tokens.tokens.find((token) => token !== channel.token);
      // Its channel stays: with luck the server looks only at that.
      if (other !== undefined && channel.token !== this.#token(nowMs)) channel.token = other;
      else if (!this.switchToken(channel.token, nowMs)) this.gate.hold(verdict, nowMs);
      return [];
    }
    if (verdict.action === Action.Hold) {
      this.gate.hold({ ...verdict, reason: `ack_${verdict.reason}` }, nowMs);
      return [];
    }
    if (verdict.http < 400 || verdict.http >= 500 || verdict.action === Action.Retry) return [];
    if (verdict.action === Action.BackOff || verdict.action === Action.DrainAcks) return [];
    if (verdict.action === Action.WithoutAck) {
      this.acks.isUnsupported = true;
      this.acks.hasAcks = false;
      this.#counters.ackUnsupported += 1;
    }
    this.#counters.channelsLost += 1;
    return this.acks.bury(channel);
  }

  #takeCookies(channel: AckChannel, answer: HecAnswer): readonly Part[] {
    const lost = this.acks.takeCookies(channel, answer.setCookies, Date.now());
    if (lost === null) return [];
    this.#counters.channelsLost += 1;
    return lost;
  }

  /** Health first: it says what is the matter. Then an empty body, which a token that works answers with "no data". */
  async #probe(): Promise<readonly Part[]> {
    const token = this.#token(steadyMs());
    if (token === '') {
      const text = this.#tokens.fault ?? '';
      this.gate.hold({ reason: 'token_missing', text, retryAfterMs: null }, steadyMs());
      return [];
    }
    const channel = this.acks.channelFor(token);
    const health = await this.#ask('health', token, channel, '', false);
    const lost = this.#takeCookies(channel, health);
    if (health.verdict.http === 0 || health.verdict.action === Action.FailOver) {
      this.#failProbe(health, token);
      return lost;
    }
    // Whatever else it says: a proxy may hide the health from us, and the token says more.
    const answer = await this.#ask('event', token, channel, '', false);
    if (PROBE_PASSES.has(answer.verdict.action)) {
      if (this.acks.hasAcks === null) await this.#probeAcks(token, channel);
      this.gate.passProbe();
    } else this.#failProbe(answer, token);
    return [...lost, ...this.#takeCookies(channel, answer)];
  }

  /** There is no ackId on this channel yet: one without acks answers with code 14, all others with an answer of acks. */
  async #probeAcks(token: string, channel: AckChannel): Promise<void> {
    const answer = await this.#ask('ack', token, channel, '{"acks":[0]}', false);
    this.acks.mayHaveAcks = answer.acks !== null;
  }

  #failProbe({ verdict, startedMs }: HecAnswer, token: string): void {
    const nowMs = steadyMs();
    const hasOther = verdict.action === Action.HoldToken && this.switchToken(token, nowMs);
    if (isHold(verdict.action)) this.gate.hold(verdict, nowMs);
    else if (verdict.action === Action.BackOff) this.gate.backOff(verdict, startedMs, nowMs);
    else this.gate.goDown(verdict, startedMs, nowMs);
    if (hasOther) this.gate.retryNow(nowMs);
  }

  async #ask(
    what: 'event' | 'ack' | 'health',
    token: string,
    channel: AckChannel,
    body: Uint8Array | string,
    isGzip: boolean,
  ): Promise<HecAnswer> {
    const answer = await this.endpoint.request({
      what,
      token,
      channel: this.#sendsChannel || what === 'ack' ? channel.id : null,
      cookie: channel.jar.header(),
      body,
      isGzip,
    });
    const kind = what === 'event' && body.length === 0 ? 'probe' : what;
    countRequest(this.#counters, kind, answer.acks === null ? answer.verdict.reason : 'success');
    return answer;
  }

  /** Empty where there is none. While the old one is in use, the preferred one is tried from time to time. */
  #token(nowMs: number): string {
    if (nowMs >= this.#preferAgainAtMs) {
      this.#tokenAt = 0;
      this.#preferAgainAtMs = Number.POSITIVE_INFINITY;
    }
    return this.#tokens.tokens[this.#tokenAt] ?? this.#tokens.tokens[0] ?? '';
  }
}

function isHold(action: Action): boolean {
  return action === Action.Hold || action === Action.HoldToken || action === Action.Healthy;
}
