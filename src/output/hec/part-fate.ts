/**
 * What becomes of the events of a request after its answer, and of the gate of its endpoint. One branch per `Action`.
 *
 * Three rules hold in each branch: an event is either settled or put back, never neither and never both; what may have been
 * taken already is marked before it goes back; and a part that fails alone waits alone.
 */
import { fullJitter } from './backoff.ts';
import { Action } from './codes.ts';
import type { HecCounters } from './counters.ts';
import type { EndpointLine, SentPart } from './endpoint-line.ts';
import type { HecConfig } from './hec-config.ts';
import { countOf, forFallbackIndex, jsonBytesOf, type Part, pieceOf } from './part.ts';
import type { PartsInHand } from './parts-in-hand.ts';
import type { Quarantine } from './quarantine.ts';
import type { Verdict } from './response.ts';
import { steadyMs } from './steady-clock.ts';

/** Code 6: the only one of its kind that also means "too large", when it names event 0. */
const INVALID_FORMAT = 6;
/** A part that failed this often while others were taken holds something the server chokes on: halving finds out what. */
const MAX_WHOLE_TRIES = 8;
/** Events refused one after the other, with nothing taken in between, are no bad events: the server, or all of what we send, is wrong. */
const MAX_REFUSED_IN_ROW = 100;
/** A part goes out again without waiting, changed to a server's wish, this often. */
const MAX_TRIES_AT_ONCE = 4;
/** Each refusal doubles a parked part's wait, up to this many times the first. */
const MAX_PARK_FACTOR = 32;

/** Gives single events of the part that was sent, by their position in the batch. */
type EventReader = () => Promise<(at: number) => Uint8Array>;

export class PartFate {
  readonly #config: HecConfig;
  readonly #hands: PartsInHand;
  readonly #counters: HecCounters;
  readonly #quarantine: Quarantine;
  readonly #random: () => number;
  #lastTakenMs = Number.NEGATIVE_INFINITY;
  #refusedInRow = 0;

  constructor(
    config: HecConfig,
    hands: PartsInHand,
    counters: HecCounters,
    quarantine: Quarantine,
    random: () => number,
  ) {
    this.#config = config;
    this.#hands = hands;
    this.#counters = counters;
    this.#quarantine = quarantine;
    this.#random = random;
  }

  /** Parts whose acknowledgement can no longer come are sent again. */
  lose(line: EndpointLine, parts: readonly Part[]): void {
    for (const part of parts) {
      part.isMaybeTaken = true;
      this.#counters.resends += 1;
      this.#hands.putBackUnacked(part);
    }
    const { deathsInRow } = line.acks;
    if (parts.length === 0 || deathsInRow < 2) return;
    // One channel after the other dies: sending faster would only double more events.
    const nowMs = steadyMs();
    const retryAfterMs = fullJitter(deathsInRow, this.#config, this.#random);
    const text = 'another indexer answers each time: the load balancer is not sticky';
    line.gate.backOff({ reason: 'not_sticky', text, retryAfterMs }, nowMs, nowMs);
  }

  /** After a stop: events that the next start sends again though they may have been taken. */
  countSentAgain(lines: readonly EndpointLine[]): number {
    let events = this.#hands.countTaken();
    for (const { acks } of lines) {
      for (const { pending, riders } of acks.waiting()) {
        const entries = [...pending.values()].filter((entry) => !entry.isAcked);
        const parts = [...entries.flatMap((entry) => [entry.part, ...entry.riders]), ...riders.map(({ part }) => part)];
        for (const part of parts) events += countOf(part);
      }
    }
    return events;
  }

  /** Two parts in place of one. */
  halve(part: Part): void {
    const middle = part.from + Math.ceil(countOf(part) / 2);
    this.#counters.cuts += 1;
    this.#hands.replace(part, [
      [part.from, middle],
      [middle, part.to],
    ]);
  }

  async decide(
    part: Part,
    line: EndpointLine,
    sent: SentPart,
    isGzip: boolean,
    readEvents: EventReader,
  ): Promise<void> {
    const { verdict, startedMs } = sent;
    const { gate } = line;
    const nowMs = steadyMs();
    switch (verdict.action) {
      case Action.Accept:
        return this.#accept(part, line, sent);
      case Action.AcceptSlower:
        gate.slowDown();
        return this.#accept(part, line, sent);
      case Action.AcceptPollSooner:
        await this.#accept(part, line, sent);
        line.pollSoon();
        return;
      case Action.Isolate:
        return this.#isolate(part, line, sent, readEvents);
      case Action.Split:
        if (countOf(part) === 1) return this.#refuseEvent(part, part.from, line, sent, readEvents);
        line.learnMaxBody(jsonBytesOf(part));
        this.halve(part);
        return;
      case Action.Retry:
        gate.stumble(verdict, startedMs, nowMs);
        this.#retryLater(part, nowMs);
        return;
      case Action.BackOff:
        gate.backOff(verdict, startedMs, nowMs);
        return this.#resume(part, line, sent);
      case Action.FailOver:
        gate.goDown(verdict, startedMs, nowMs);
        this.#again(part);
        return;
      case Action.Hold:
      case Action.Healthy:
        gate.hold(verdict, nowMs);
        part.isMaybeTaken ||= verdict.isAmbiguous;
        this.#again(part);
        return;
      case Action.HoldToken:
        if (!line.switchToken(sent.token, nowMs)) gate.hold(verdict, nowMs);
        this.#again(part);
        return;
      case Action.HoldIndex:
        this.#otherIndex(part, line, verdict, nowMs);
        return;
      case Action.Park:
        this.#park(part, line, verdict, nowMs);
        return;
      case Action.AddChannel:
        this.#atOnce(part, line, verdict, line.addChannel());
        return;
      case Action.NewChannel:
        this.lose(line, line.acks.bury(sent.channel));
        this.#atOnce(part, line, verdict, true);
        return;
      case Action.DrainAcks:
        this.lose(line, line.drainAcks());
        gate.backOff(verdict, startedMs, nowMs);
        this.#again(part);
        return;
      case Action.WithoutAck:
        this.#counters.ackUnsupported += 1;
        this.#atOnce(part, line, verdict, line.omitChannel());
        return;
      case Action.PlainBody:
        line.acceptsGzip = false;
        this.#atOnce(part, line, verdict, isGzip);
        return;
    }
  }

  async #accept(part: Part, line: EndpointLine, { verdict, channel, startedMs }: SentPart): Promise<void> {
    const nowMs = steadyMs();
    this.#taken(line, nowMs, verdict.action !== Action.AcceptSlower);
    line.noteAccepted();
    part.tries = 0;
    if (verdict.ackId === null || line.acks.isUnsupported) {
      this.#counters.eventsAccepted += countOf(part);
      await this.#hands.finish(part);
      // There is nothing to ride on.
      for (const rider of line.acks.takeRiders(channel)) {
        this.#counters.eventsAccepted += countOf(rider);
        await this.#hands.acknowledge(rider.batch, countOf(rider));
      }
      return;
    }
    const lost = line.acks.expect(channel, verdict.ackId, part, nowMs, startedMs);
    this.#hands.awaitAck(part);
    line.pollLater(nowMs);
    this.lose(line, lost);
  }

  /** The events before the bad one are taken, where the server works so; it goes into quarantine; the rest goes on. */
  async #isolate(part: Part, line: EndpointLine, sent: SentPart, readEvents: EventReader): Promise<void> {
    const count = countOf(part);
    const { badAt, code } = sent.verdict;
    if (count === 1) return this.#refuseEvent(part, part.from, line, sent, readEvents);
    // Number 0 of code 6 may mean that the body is too large. Cutting is right either way.
    if (badAt === null || badAt >= count || (badAt === 0 && code === INVALID_FORMAT)) {
      this.halve(part);
      return;
    }
    await this.#refuseEvent(part, part.from + badAt, line, sent, readEvents);
  }

  /** Event `at` of the batch is refused for good; those before it in `part` are taken, those behind it are not. */
  async #refuseEvent(
    part: Part,
    at: number,
    line: EndpointLine,
    sent: SentPart,
    readEvents: EventReader,
  ): Promise<void> {
    const { verdict } = sent;
    const nowMs = steadyMs();
    const taken = at - part.from;
    const event = (await readEvents())(at);
    const result = await this.#quarantine.add(line.endpoint.name, verdict, event);
    if (taken > 0) await this.#takePartly(part, taken, line, sent);
    if (result === 'failed') {
      // It must not be lost: tried again when the file can be written.
      const rest = pieceOf(part, at, part.to);
      rest.notBeforeMs = nowMs + this.#config.holdRetryMs;
      this.#hands.replaceBy(rest);
      this.#hands.replace(part, []);
      return;
    }
    this.#refusedInRow += 1;
    if (this.#refusedInRow >= MAX_REFUSED_IN_ROW) {
      const text = `${this.#refusedInRow} events in a row were refused: ${verdict.text}`;
      line.gate.hold({ reason: 'all_refused', text, retryAfterMs: null }, nowMs, false);
    }
    if (at + 1 < part.to) this.#counters.cuts += 1;
    this.#hands.replace(part, [[at + 1, part.to]]);
    if (result === 'kept') this.#counters.quarantined += 1;
    else this.#counters.quarantineFull += 1;
    await this.#hands.drop(part.batch, 1, result === 'kept' ? 'quarantined' : 'quarantine_full');
  }

  /** Busy, but it may have taken the first events. */
  async #resume(part: Part, line: EndpointLine, sent: SentPart): Promise<void> {
    const { isPartial, badAt } = sent.verdict;
    const taken = isPartial ? (badAt ?? 0) : 0;
    if (taken <= 0 || taken > countOf(part)) {
      this.#again(part);
      return;
    }
    this.#counters.retries += 1;
    this.#hands.replace(part, [[part.from + taken, part.to]]);
    await this.#takePartly(part, taken, line, sent);
  }

  /** The first `taken` events of a refused body are indexed, but no ackId says so: they ride on the next that has one. */
  async #takePartly(part: Part, taken: number, line: EndpointLine, { channel }: SentPart): Promise<void> {
    const nowMs = steadyMs();
    this.#taken(line, nowMs, false);
    // As long as it is not known whether there are acks, it may ride.
    if (line.acks.hasAcks !== false) {
      this.lose(line, line.acks.ride(channel, pieceOf(part, part.from, part.from + taken), nowMs));
      return;
    }
    this.#counters.eventsAccepted += taken;
    await this.#hands.acknowledge(part.batch, taken);
  }

  /** Nobody knows whether it was taken. It waits by itself, since it may be what the server chokes on. */
  #retryLater(part: Part, nowMs: number): void {
    const othersPass = this.#lastTakenMs > part.failedMs;
    part.isMaybeTaken = true;
    part.tries += 1;
    part.failedMs = nowMs;
    this.#counters.retries += 1;
    if (part.tries >= MAX_WHOLE_TRIES && othersPass && countOf(part) > 1) {
      this.halve(part);
      return;
    }
    part.notBeforeMs = nowMs + fullJitter(part.tries - 1, this.#config, this.#random);
    this.#hands.putBack(part);
  }

  #otherIndex(part: Part, line: EndpointLine, verdict: Verdict, nowMs: number): void {
    if (this.#config.fallbackIndex === undefined || part.isForFallbackIndex) {
      this.#park(part, line, verdict, nowMs);
      return;
    }
    const badAt = Math.min(verdict.badAt ?? 0, countOf(part) - 1);
    // Whether those before it were taken is not known of this code.
    this.#counters.possibleDuplicates += badAt;
    this.#counters.retries += 1;
    this.#hands.replaceBy(forFallbackIndex(pieceOf(part, part.from + badAt, part.to)));
    this.#hands.replace(part, [[part.from, part.from + badAt]]);
  }

  #park(part: Part, line: EndpointLine, verdict: Verdict, nowMs: number): void {
    line.gate.refuse(verdict, nowMs);
    part.isMaybeTaken ||= verdict.isAmbiguous || (verdict.badAt ?? 0) > 0;
    const waitMs = this.#config.holdRetryMs * Math.min(MAX_PARK_FACTOR, 2 ** part.tries);
    part.tries += 1;
    part.notBeforeMs = nowMs + waitMs * (0.5 + this.#random() / 2);
    this.#counters.retries += 1;
    this.#hands.park(part, verdict.reason);
  }

  /** The request is another one now, so that it may pass; a server that is never content makes the part wait. */
  #atOnce(part: Part, line: EndpointLine, verdict: Verdict, isOther: boolean): void {
    part.tries += 1;
    if (isOther && part.tries <= MAX_TRIES_AT_ONCE) this.#again(part);
    else this.#park(part, line, verdict, steadyMs());
  }

  #again(part: Part): void {
    this.#counters.retries += 1;
    this.#hands.putBack(part);
  }

  #taken(line: EndpointLine, nowMs: number, mayGrow = true): void {
    this.#lastTakenMs = nowMs;
    this.#refusedInRow = 0;
    line.gate.succeed(mayGrow);
  }
}
