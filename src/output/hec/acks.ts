/**
 * Acknowledgements of one endpoint: which parts wait for which ackId, on which channel, and when they are given up.
 *
 *     current    takes new requests
 *     draining   its token was replaced, or its server has too many acks: only asked for what waits on it
 *     dead       another indexer answers, or the same one forgot: all that waited is sent again
 *
 * An indexer keeps the state in memory, says `true` once and forgets. So an acknowledged entry stays until the spool has it
 * (`forget`), and is not asked for again. An ackId that comes twice on a channel means that its indexer was restarted or that there are two
 * of them: nothing that waits on it can be believed.
 *
 * Events that a server took of a body it then refused (partial acceptance) have no ackId. They ride on the next request of their channel
 * that began after their answer: the indexer takes what comes in order, so when that one is acknowledged, they are written, too; and if
 * it is lost, they are sent again with it. A restart of the indexer between the two shows by an ackId that comes twice; on a channel that
 * had none yet it would not show, so there they are sent again; which hardly happens, since one event goes first on each channel.
 *
 * When channels die one after the other with no acknowledgement between them, a load balancer is not sticky. The caller slows down
 * (`deathsInRow`); and if it was a cookie that changed each time, its changes are no longer taken for a move, or nothing would ever
 * be delivered. Then the 300 s decide.
 */
import { randomUUID } from 'node:crypto';
import { CookieJar } from './cookie-jar.ts';
import type { Part } from './part.ts';

/** Channels that drain; the oldest is given up for another. Each costs a request per poll. */
const MAX_DRAINING = 16;
/** A balancer that moves us this often, with nothing acknowledged in between, is not sticky or writes its cookie anew each time. */
const MAX_MOVES_IN_ROW = 5;
/** Then one part at a time is sent and waited for: all that several indexers tell of one channel can be believed only so. */
const MAX_DEATHS_IN_ROW = 3;
/** Acknowledgements without a death between them until parts are sent side by side again. */
const CALM_ACKS = 20;
/** Beyond it, old ackIds are no longer told from new ones; they come in order, so hardly any are held apart. */
const MAX_SEEN_APART = 10_000;

export interface AckEntry {
  readonly ackId: number;
  readonly part: Part;
  readonly sentMs: number;
  /** Taken before it on the same channel, without an ackId of their own. */
  readonly riders: readonly Part[];
  /** Acknowledged, and on its way into the spool. */
  isAcked: boolean;
}

interface Rider {
  readonly part: Part;
  /** Only a request that began later is behind it. */
  readonly takenMs: number;
}

export class AckChannel {
  readonly id: string = randomUUID();
  /** What asks for its acks; another one may have to, when this is revoked. */
  token: string;
  readonly jar: CookieJar;
  readonly pending = new Map<number, AckEntry>();
  /** They wait for a request to ride on. */
  riders: readonly Rider[] = [];
  isDead = false;
  /** All ackIds below were seen. */
  #seenBelow = 0;
  readonly #seenApart = new Set<number>();

  constructor(token: string, jar: CookieJar) {
    this.token = token;
    this.jar = jar;
  }

  get isWaiting(): boolean {
    return this.pending.size > 0 || this.riders.length > 0;
  }

  /** Whether it had no ackId yet. */
  get isFresh(): boolean {
    return this.#seenBelow === 0 && this.#seenApart.size === 0;
  }

  /** Notes an ackId; says whether it is new on this channel. */
  see(ackId: number): boolean {
    if (ackId < this.#seenBelow || this.#seenApart.has(ackId)) return false;
    if (this.#seenApart.size < MAX_SEEN_APART) this.#seenApart.add(ackId);
    while (this.#seenApart.delete(this.#seenBelow)) this.#seenBelow += 1;
    return true;
  }
}

export class AckTracker {
  #current: AckChannel | null = null;
  readonly #draining: AckChannel[] = [];
  #movesInRow = 0;
  #calmAcks = 0;
  /** Channels that died since the last acknowledgement. */
  deathsInRow = 0;
  /** More than one indexer answers: one part at a time. */
  isCareful = false;
  channelsOpened = 0;
  /** Found at run time: `null` until the first answer to events. */
  hasAcks: boolean | null = null;
  /** The server answers questions after acks, so it will give ackIds. */
  mayHaveAcks = false;
  /** The server said that its token has no acks, after it gave ackIds: they mean nothing. */
  isUnsupported = false;

  /** The channel for a request with this token. */
  channelFor(token: string): AckChannel {
    if (this.#current !== null && this.#current.token === token) return this.#current;
    return this.#open(token, this.#current?.jar.copy() ?? new CookieJar());
  }

  /**
   * Whether the next request with this token should be one event, and alone: the first ackId of a channel is what makes a restart of the
   * indexer visible, and a larger body might be taken in part, without an ackId.
   */
  isPriming(token: string): boolean {
    const expectsAcks = this.hasAcks ?? this.mayHaveAcks;
    return expectsAcks && (this.#current === null || this.#current.token !== token || this.#current.isFresh);
  }

  /** Channels that something waits on. */
  waiting(): readonly AckChannel[] {
    const all = this.#current === null ? this.#draining : [...this.#draining, this.#current];
    return all.filter((channel) => channel.isWaiting);
  }

  /** ackIds that are waited for. */
  get outstanding(): number {
    return this.waiting().reduce((sum, channel) => sum + channel.pending.size, 0);
  }

  /** Parts without an ackId that wait for a request to ride on. */
  get riding(): number {
    return this.waiting().reduce((sum, channel) => sum + channel.riders.length, 0);
  }

  /** `part`, sent at `startedMs`, was taken under `ackId`. Gives the parts that have to be sent again. */
  expect(channel: AckChannel, ackId: number, part: Part, nowMs: number, startedMs = nowMs): readonly Part[] {
    if (channel.isDead) return [part];
    const { isFresh } = channel;
    if (!channel.see(ackId)) return [part, ...this.bury(channel)];
    const unsure = isFresh ? this.takeRiders(channel) : [];
    const riders = channel.riders.filter((rider) => rider.takenMs <= startedMs).map((rider) => rider.part);
    channel.riders = channel.riders.filter((rider) => rider.takenMs > startedMs);
    channel.pending.set(ackId, { ackId, part, sentMs: nowMs, riders, isAcked: false });
    return unsure;
  }

  /** `part` was taken without an ackId. Gives it back where its channel is dead. */
  ride(channel: AckChannel, part: Part, nowMs: number): readonly Part[] {
    if (channel.isDead) return [part];
    channel.riders = [...channel.riders, { part, takenMs: nowMs }];
    return [];
  }

  /** What waits on `channel` for a request to ride on. */
  takeRiders(channel: AckChannel): readonly Part[] {
    const parts = channel.riders.map((rider) => rider.part);
    channel.riders = [];
    if (!channel.isWaiting) this.#undrain(channel);
    return parts;
  }

  /** The cookies of an answer on `channel`. Gives the parts that have to be sent again, if the answer came from another indexer. */
  takeCookies(channel: AckChannel, setCookies: readonly string[], nowMs: number): readonly Part[] | null {
    const changed = channel.jar.take(setCookies, nowMs);
    // Without acks it is all the same who answers.
    if (changed === null || channel.isDead || this.hasAcks !== true) return null;
    this.#movesInRow += 1;
    if (this.#movesInRow >= MAX_MOVES_IN_ROW) channel.jar.ignoreChangesOf(changed);
    return this.bury(channel);
  }

  /** Nothing more can be learned on this channel: gives what waited on it, to be sent again. */
  bury(channel: AckChannel): readonly Part[] {
    channel.isDead = true;
    this.deathsInRow += 1;
    this.#calmAcks = 0;
    if (this.deathsInRow >= MAX_DEATHS_IN_ROW) this.isCareful = true;
    if (channel === this.#current) this.#open(channel.token, channel.jar.copy());
    this.#undrain(channel);
    return this.#takeUnacked(channel);
  }

  /** A new channel for new requests; what waits on the present one is still asked for. */
  renew(): readonly Part[] {
    if (this.#current === null) return [];
    const [oldest] = this.#draining;
    const given = oldest !== undefined && this.#draining.length >= MAX_DRAINING ? this.bury(oldest) : [];
    this.#open(this.#current.token, this.#current.jar.copy());
    return given;
  }

  /** An answer to a question after acks. Gives what is newly acknowledged. */
  learn(channel: AckChannel, states: ReadonlyMap<number, boolean>): readonly AckEntry[] {
    const acked: AckEntry[] = [];
    for (const [ackId, state] of states) {
      const entry = channel.pending.get(ackId);
      if (!state || entry === undefined || entry.isAcked) continue;
      entry.isAcked = true;
      acked.push(entry);
    }
    if (acked.length > 0) {
      this.deathsInRow = 0;
      this.#movesInRow = 0;
      this.#calmAcks += acked.length;
      if (this.#calmAcks >= CALM_ACKS) this.isCareful = false;
    }
    return acked;
  }

  /** The spool has it. */
  forget(channel: AckChannel, entry: AckEntry): void {
    if (channel.pending.get(entry.ackId) === entry) channel.pending.delete(entry.ackId);
    if (!channel.isWaiting) this.#undrain(channel);
  }

  /** Gives the parts that were sent before `sentBeforeMs` and are still not acknowledged, to be sent again. */
  expire(sentBeforeMs: number): readonly Part[] {
    const parts: Part[] = [];
    for (const channel of this.waiting()) {
      for (const entry of channel.pending.values()) {
        // They stand in the order in which they were answered.
        if (entry.sentMs > sentBeforeMs) break;
        if (entry.isAcked) continue;
        channel.pending.delete(entry.ackId);
        parts.push(entry.part, ...entry.riders);
      }
      for (const rider of channel.riders) if (rider.takenMs <= sentBeforeMs) parts.push(rider.part);
      channel.riders = channel.riders.filter((rider) => rider.takenMs > sentBeforeMs);
      if (!channel.isWaiting) this.#undrain(channel);
    }
    return parts;
  }

  /** What an indexer owes us longest was sent then; infinite where it owes nothing. */
  oldestSentMs(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const channel of this.waiting()) {
      for (const entry of channel.pending.values()) {
        if (entry.isAcked) continue;
        oldest = Math.min(oldest, entry.sentMs);
        break;
      }
      for (const rider of channel.riders) oldest = Math.min(oldest, rider.takenMs);
    }
    return oldest;
  }

  #open(token: string, jar: CookieJar): AckChannel {
    const before = this.#current;
    if (before !== null && !before.isDead && before.isWaiting) this.#draining.push(before);
    this.channelsOpened += 1;
    this.#current = new AckChannel(token, jar);
    return this.#current;
  }

  #undrain(channel: AckChannel): void {
    const at = this.#draining.indexOf(channel);
    if (at >= 0) this.#draining.splice(at, 1);
  }

  #takeUnacked(channel: AckChannel): readonly Part[] {
    const parts: Part[] = [];
    for (const entry of channel.pending.values()) if (!entry.isAcked) parts.push(entry.part, ...entry.riders);
    for (const rider of channel.riders) parts.push(rider.part);
    channel.pending.clear();
    channel.riders = [];
    return parts;
  }
}
