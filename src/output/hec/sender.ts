/**
 * The sink that delivers to Splunk's HTTP Event Collector and loses nothing.
 *
 *     spool ─> two lanes ─┐                      ┌─ acknowledged, or 200 without acks ──> settled
 *                         ├─> part ─> endpoint ──┤
 *     parts put back ─────┘      (its gate)      ├─ cut, halved, refused, lost ──> parts put back, or quarantine
 *                                                └─ an endpoint holds, backs off, is probed
 *
 * One loop starts whatever is due and sleeps until something happens. What an answer means is data (`codes.ts`, `response.ts`); what
 * becomes of its events is `part-fate.ts`. Nothing is dropped here but single events that a server refuses by name, and those are in the
 * quarantine file. After a stop everything that is not settled is in the spool, and is sent again by the next start.
 *
 * The order of events is not kept: a part that has to wait stops no other, and newest events go beside a backlog.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Sink } from '../sink.ts';
import type { SpoolConsumer } from '../spool/spool-batch.ts';
import { SpoolError } from '../spool/spool-error.ts';
import { cutLines, cutWithIndex, packLines, unpackBatch } from './batch-cutter.ts';
import { type HecCounters, newCounters, observe } from './counters.ts';
import { EndpointLine } from './endpoint-line.ts';
import type { HecConfig } from './hec-config.ts';
import { HecError } from './hec-error.ts';
import { type HecStatus, readStatus } from './hec-status.ts';
import { countOf, jsonBytesOf, type Part } from './part.ts';
import { PartFate } from './part-fate.ts';
import { PartsInHand } from './parts-in-hand.ts';
import { Quarantine } from './quarantine.ts';
import { ReadAhead } from './read-ahead.ts';
import { Redactor } from './redactor.ts';
import { steadyMs } from './steady-clock.ts';
import { TokenSource } from './token-source.ts';
import { Wake } from './wake.ts';

/** Sleeps are no longer: whatever was overlooked is seen a second later. */
const MAX_SLEEP_MS = 1_000;
/** Parts put back; beyond it a channel has died, say, and hundreds go out again. */
const LONG_QUEUE = 32;
/** Acks are asked for this often while a stop waits for them. */
const STOP_POLL_MS = 200;
/** What a stop waits for after all connections are closed: the spool, whose disk may be full. */
const STOP_SPOOL_MS = 1_000;
/** A spool that wakes us with nothing to read must not make us spin; if it does so again and again, it is closed. */
const DRY_WAKE_MS = 10;
const MAX_DRY_WAKES = 20;

export interface HecSinkOptions {
  /** From 0 to less than 1, for jitter; a seeded one makes a test repeatable. */
  readonly random?: () => number;
  /** Called when the state or its reason changes. */
  readonly onChange?: (status: HecStatus) => void;
}

export class HecSink implements Sink {
  readonly name: string;
  readonly counters: HecCounters = newCounters();
  readonly #config: HecConfig;
  readonly #redactor = new Redactor();
  readonly #random: () => number;
  readonly #onChange: ((status: HecStatus) => void) | null;
  readonly #tokens: TokenSource;
  readonly #quarantine: Quarantine;
  readonly #lines: readonly EndpointLine[];
  readonly #wake = new Wake();
  readonly #tasks = new Set<Promise<void>>();
  #consumer: SpoolConsumer | null = null;
  #hands: PartsInHand | null = null;
  #ahead: ReadAhead | null = null;
  #fate: PartFate | null = null;
  #state: 'idle' | 'running' | 'stopping' | 'stopped' = 'idle';
  #isWaiting = false;
  #stopTimeoutMs: number;
  #liveCredit = 0;
  #dryWakes = 0;
  #failure: unknown = null;
  #lastSeen = '';

  /** Throws `HecError` where the configuration can't work: a URL, a file of TLS, a token. */
  constructor(config: HecConfig, { random = Math.random, onChange }: HecSinkOptions = {}) {
    if (config.endpoints.length === 0) throw new HecError('bad_endpoint', 'no HEC endpoint is set');
    this.name = config.name;
    this.#config = config;
    this.#stopTimeoutMs = config.stopTimeoutMs;
    this.#random = random;
    this.#onChange = onChange ?? null;
    this.#tokens = new TokenSource(config, this.#redactor);
    this.#quarantine = new Quarantine(config.quarantineFile, config.quarantineMaxBytes, this.#redactor);
    this.#lines = config.endpoints.map(
      (one) => new EndpointLine(one, config, this.#tokens, this.counters, this.#redactor, random),
    );
  }

  /** Takes every secret this sink knows out of a text. */
  redact(text: string): string {
    return this.#redactor.redact(text);
  }

  status(): HecStatus {
    return readStatus({
      isRunning: this.#state === 'running' || this.#state === 'stopping',
      lines: this.#lines,
      hands: this.#hands,
      isCatchingUp: this.#ahead?.hasBacklog ?? false,
      tokenFault: this.#tokens.fault,
      tlsFault: this.#lines.find(({ endpoint }) => endpoint.tls.fault !== null)?.endpoint.tls.fault ?? null,
      quarantineFault: this.#quarantine.fault,
    });
  }

  async start(consumer: SpoolConsumer, signal: AbortSignal): Promise<void> {
    // Its connections are gone after a stop.
    if (this.#state !== 'idle') throw new Error('a HEC sink starts once');
    const hands = new PartsInHand(consumer);
    this.#consumer = consumer;
    this.#hands = hands;
    this.#ahead = new ReadAhead(consumer, this.#config.liveAfterMs);
    this.#fate = new PartFate(this.#config, hands, this.counters, this.#quarantine, this.#random);
    this.#state = 'running';
    this.#tokens.watch(() => {
      for (const line of this.#lines) line.reloadTokens(steadyMs());
      this.#wake.wake();
    });
    for (const line of this.#lines) line.watchTls(() => this.#wake.wake());
    const onAbort = (): void => this.#wake.wake();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted && this.#failure === null) {
        this.#turn(signal);
        this.#report();
        await this.#wake.sleep(this.#sleepMs());
      }
    } catch (error) {
      this.#failure = error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      await this.#stop();
    }
    const isClosed = this.#failure instanceof SpoolError && this.#failure.code === 'closed';
    if (this.#failure !== null && !isClosed) throw this.#failure;
  }

  /** Reads the token's file and those of TLS anew, now. */
  reload(): void {
    this.#tokens.read();
    for (const line of this.#lines) line.endpoint.tls.read();
  }

  /** A stop waits no longer than this for requests under way and for acknowledgements. */
  limitStop(timeoutMs: number): void {
    this.#stopTimeoutMs = Math.min(this.#stopTimeoutMs, timeoutMs);
  }

  /** Starts whatever is due. */
  #turn(signal: AbortSignal): void {
    const nowMs = steadyMs();
    for (const line of this.#lines) {
      const probe = line.probeIfDue(nowMs);
      if (probe !== null) this.#track(probe.then((lost) => this.#fate!.lose(line, lost)));
      this.#fate!.lose(line, line.acks.expire(nowMs - this.#config.ackTimeoutMs));
    }
    this.#pollAcks(nowMs);
    for (let free = this.#freeLines(); free.length > 0; free = this.#freeLines()) {
      const part = this.#nextPart(nowMs, signal);
      if (part === null) break;
      this.#launch(part, chooseLine(free));
    }
  }

  #pollAcks(nowMs: number): void {
    for (const line of this.#lines) if (line.pollAtMs <= nowMs) this.#track(this.#poll(line));
  }

  /** Parts put back come first, as their batches keep the spool from going on; if they are many, newest events take turns with them. */
  #nextPart(nowMs: number, signal: AbortSignal): Part | null {
    const hands = this.#hands!;
    const prefersLive = this.#liveCredit + this.#config.liveShare >= 1;
    const yields = prefersLive && hands.queued > LONG_QUEUE;
    const part = yields
      ? (this.#readPart(prefersLive, signal) ?? hands.next(nowMs))
      : (hands.next(nowMs) ?? this.#readPart(prefersLive, signal));
    if (part !== null) this.#liveCredit += this.#config.liveShare - (prefersLive ? 1 : 0);
    return part;
  }

  #readPart(prefersLive: boolean, signal: AbortSignal): Part | null {
    const hands = this.#hands!;
    const outstanding = this.#lines.reduce((sum, { acks }) => sum + acks.outstanding + acks.riding, hands.queued);
    if (hands.bytes >= this.#config.maxInHandBytes || outstanding >= this.#config.maxOutstanding) return null;
    // The age of a batch is a matter of dates.
    const batch = this.#ahead!.next(prefersLive, Date.now());
    if (batch === null) {
      this.#waitForSpool(signal);
      return null;
    }
    this.#dryWakes = 0;
    return hands.take(batch);
  }

  #waitForSpool(signal: AbortSignal): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#track(this.#sleepUntilSpooled(signal));
  }

  async #sleepUntilSpooled(signal: AbortSignal): Promise<void> {
    const begunMs = steadyMs();
    await this.#consumer!.wait(this.#ahead!.liveAt, signal);
    if (steadyMs() - begunMs < 2) {
      this.#dryWakes += 1;
      if (this.#dryWakes >= MAX_DRY_WAKES) throw new SpoolError('closed', 'the spool gives nothing any more');
      await delay(DRY_WAKE_MS);
    }
    this.#isWaiting = false;
  }

  /** Those that may take one more part. One of weight 0 goes only where no other can be hoped for. */
  #freeLines(): readonly EndpointLine[] {
    const isAway = ({ gate }: EndpointLine): boolean => gate.phase === 'backing_off' || gate.phase === 'holding';
    const areAllAway = this.#lines.every((line) => line.weight === 0 || isAway(line));
    return this.#lines.filter((line) => line.isFree && (line.weight > 0 || areAllAway));
  }

  #launch(part: Part, line: EndpointLine): void {
    line.gate.inFlight += 1;
    const done = this.#deliver(part, line).finally(() => {
      line.gate.inFlight -= 1;
    });
    this.#track(done);
  }

  async #deliver(part: Part, line: EndpointLine): Promise<void> {
    const fate = this.#fate!;
    const batch = this.#hands!.load(part);
    if (batch === null) {
      this.#hands!.forget(part);
      return;
    }
    if (countOf(part) > 1 && line.isPriming) {
      this.#hands!.replace(part, [
        [part.from, part.from + 1],
        [part.from + 1, part.to],
      ]);
      return;
    }
    // What it refused before, it refuses again.
    if (countOf(part) > 1 && jsonBytesOf(part) > line.maxBodyBytes) {
      fate.halve(part);
      return;
    }
    const isGzip = line.acceptsGzip;
    let body = batch.gzip;
    const isWhole = countOf(part) === batch.count && !part.isForFallbackIndex;
    if (!isWhole || !isGzip) {
      try {
        const json = await unpackBatch(batch);
        const lines = part.isForFallbackIndex
          ? cutWithIndex(json, batch.eventEnds, part.from, part.to, this.#config.fallbackIndex ?? '')
          : cutLines(json, batch.eventEnds, part.from, part.to);
        body = isGzip ? await packLines(lines) : lines;
      } catch {
        // Neither zlib nor the sums know these bytes: no later try will.
        await this.#hands!.abandon(part, 'damaged');
        return;
      }
    }
    if (part.isMaybeTaken) this.counters.possibleDuplicates += countOf(part);
    part.isMaybeTaken = false;
    const sent = await line.send(body, isGzip);
    fate.lose(line, sent.lost);
    await fate.decide(part, line, sent, isGzip, () => this.#firstEventOf(part));
  }

  /** A single event of a part that was just sent. */
  async #firstEventOf(part: Part): Promise<(at: number) => Uint8Array> {
    const batch = this.#hands!.load(part);
    if (batch === null) return () => new Uint8Array(0);
    const json = await unpackBatch(batch);
    return (at) => cutLines(json, batch.eventEnds, at, at + 1);
  }

  async #poll(line: EndpointLine): Promise<void> {
    const { acked, lost } = await line.poll();
    this.#fate!.lose(line, lost);
    const settled = acked.map(async ({ channel, entry }) => {
      observe(this.counters.ackSeconds, (steadyMs() - entry.sentMs) / 1000);
      for (const part of [entry.part, ...entry.riders]) {
        this.counters.eventsAcknowledged += countOf(part);
        await this.#hands!.acknowledge(part.batch, countOf(part));
      }
      line.acks.forget(channel, entry);
    });
    await Promise.all(settled);
  }

  /** No task is left floating: a stop waits for all of them, and a failure ends the sink. */
  #track(task: Promise<void>): void {
    const tracked = task
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#tasks.delete(tracked);
        this.#wake.wake();
      });
    this.#tasks.add(tracked);
  }

  #sleepMs(): number {
    const nowMs = steadyMs();
    let untilMs = nowMs + MAX_SLEEP_MS;
    // Else a turn is of no use before a line is free, which wakes us.
    if (this.#freeLines().length > 0) untilMs = Math.min(untilMs, this.#hands!.nextTurnMs());
    for (const line of this.#lines) {
      const ackMs = line.acks.oldestSentMs() + this.#config.ackTimeoutMs;
      untilMs = Math.min(untilMs, line.pollAtMs, line.gate.retryAtMs, ackMs);
    }
    return Math.max(1, untilMs - nowMs);
  }

  /** Waits a while for answers and acknowledgements, then closes. What is not settled stays in the spool. */
  async #stop(): Promise<void> {
    this.#state = 'stopping';
    const deadlineMs = steadyMs() + this.#stopTimeoutMs;
    while (steadyMs() < deadlineMs && this.#failure === null && this.#hasHope()) {
      for (const line of this.#lines) line.pollSoon();
      this.#pollAcks(steadyMs());
      await this.#wake.sleep(Math.min(STOP_POLL_MS, deadlineMs - steadyMs()));
    }
    this.#tokens.close();
    await Promise.all(this.#lines.map((line) => line.endpoint.close()));
    const patience = new AbortController();
    await Promise.race([
      Promise.all(this.#tasks),
      delay(STOP_SPOOL_MS, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
    this.counters.possibleDuplicates += this.#fate!.countSentAgain(this.#lines);
    this.#state = 'stopped';
    this.#report();
  }

  /** Whether waiting may still settle something. */
  #hasHope(): boolean {
    return this.#lines.some(
      (line) => line.gate.inFlight > 0 || (line.acks.outstanding > 0 && line.gate.phase === 'up'),
    );
  }

  #report(): void {
    if (this.#onChange === null) return;
    const status = this.status();
    const seen = `${status.state} ${status.reason}`;
    if (seen === this.#lastSeen) return;
    this.#lastSeen = seen;
    this.#onChange(status);
  }
}

/** Smooth weighted round: each gains its weight, the richest goes and pays for all. */
function chooseLine(free: readonly EndpointLine[]): EndpointLine {
  let chosen = free[0]!;
  let total = 0;
  for (const line of free) {
    line.credit += line.weight;
    total += line.weight;
    if (line.credit > chosen.credit) chosen = line;
  }
  chosen.credit -= total;
  return chosen;
}
