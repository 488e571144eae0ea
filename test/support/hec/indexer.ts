/**
 * One indexer: takes events, makes them searchable after a while, and keeps the acknowledgements of its channels in memory only.
 *
 *     accept ──> waiting (indexDelayMs) ──> ledger ──> ackId is true, once; then it is forgotten, and false again
 *
 * A restart forgets all channels. It may also lose what was accepted but not yet written, as a crash does.
 */
import type { EventLedger } from './event-ledger.ts';
import type { ReadEvent } from './read-envelopes.ts';

export const HEALTH = { healthy: 17, queuesFull: 18, ackUnavailable: 19, bothBad: 20, shuttingDown: 23 } as const;
export type Health = keyof typeof HEALTH;

export interface IndexerOptions {
  /** Until an accepted event is searchable, and its ackId true. */
  readonly indexDelayMs: number;
  /** Unanswered ackIds that a channel may hold; at it, code 27. */
  readonly maxAcksPerChannel: number;
}

interface Batch {
  readonly events: readonly (ReadEvent | null)[];
  readonly dueMs: number;
}

class AckChannel {
  nextId = 0;
  /** ackId to the batch it stands for. */
  readonly open = new Map<number, Batch>();
}

export class Indexer {
  readonly name: string;
  health: Health = 'healthy';
  /** Events that a restart lost after a 200. Only a sender that waits for acknowledgements sends them again. */
  lost = 0;
  restarts = 0;
  readonly #ledger: EventLedger;
  readonly #options: IndexerOptions;
  readonly #channels = new Map<string, AckChannel>();
  readonly #waiting: Batch[] = [];
  #nextWaiting = 0;

  constructor(name: string, ledger: EventLedger, options: IndexerOptions) {
    this.name = name;
    this.#ledger = ledger;
    this.#options = options;
  }

  /** Whether the channel has room for one more ackId. */
  hasAckRoom(channel: string): boolean {
    return (this.#channels.get(channel)?.open.size ?? 0) < this.#options.maxAcksPerChannel;
  }

  /** The ackId, or null where the token has no acknowledgements. */
  accept(channel: string | null, events: readonly (ReadEvent | null)[], nowMs: number): number | null {
    this.indexDue(nowMs);
    const batch = { events, dueMs: nowMs + this.#options.indexDelayMs };
    if (this.#options.indexDelayMs === 0) this.index(events);
    else this.#waiting.push(batch);
    if (channel === null) return null;
    let state = this.#channels.get(channel);
    if (state === undefined) {
      state = new AckChannel();
      this.#channels.set(channel, state);
    }
    const id = state.nextId++;
    // The events are in the ledger or in `waiting`; holding them here as well would keep millions alive.
    state.open.set(id, { events: [], dueMs: batch.dueMs });
    return id;
  }

  poll(channel: string, ids: readonly number[], nowMs: number): Record<string, boolean> {
    this.indexDue(nowMs);
    const open = this.#channels.get(channel)?.open;
    const answer: Record<string, boolean> = {};
    for (const id of ids) {
      const batch = open?.get(id);
      const isDone = batch !== undefined && batch.dueMs <= nowMs;
      if (isDone) open!.delete(id);
      answer[String(id)] = isDone;
    }
    return answer;
  }

  /** Writes what has waited long enough; all of it when `nowMs` is infinite. */
  indexDue(nowMs: number): void {
    while (this.#nextWaiting < this.#waiting.length && this.#waiting[this.#nextWaiting]!.dueMs <= nowMs)
      this.index(this.#waiting[this.#nextWaiting++]!.events);
    if (this.#nextWaiting > 64 || this.#nextWaiting === this.#waiting.length) {
      this.#waiting.splice(0, this.#nextWaiting);
      this.#nextWaiting = 0;
    }
  }

  restart(losesUnwritten: boolean): void {
    this.restarts += 1;
    this.#channels.clear();
    if (losesUnwritten)
      for (let i = this.#nextWaiting; i < this.#waiting.length; i++) this.lost += this.#waiting[i]!.events.length;
    else this.indexDue(Number.POSITIVE_INFINITY);
    this.#waiting.length = 0;
    this.#nextWaiting = 0;
  }

  /** At once: what is taken of a body that is then refused is indexed by the time of the answer, and has no ackId. */
  index(events: readonly (ReadEvent | null)[]): void {
    for (const event of events) {
      if (event === null) this.#ledger.recordUnnumbered();
      else this.#ledger.record(event.sensor, event.bootId, event.seq, event.eventId);
    }
  }
}
