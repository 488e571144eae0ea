/**
 * Which batch is next: two lanes over one spool, so that newest events don't wait behind a backlog.
 *
 *     settled ........ at ═══════════ until ........ at ══════════ until ........ at ───────────>
 *                      └── segment 0 ──┘             └─ segment 1 ──┘             live
 *
 * While the sink keeps up there is only the live lane. When what it reads is older than `liveAfterMs`, the rest up to the newest
 * batch becomes a segment of the backlog, and the live lane goes on behind the newest. Segments are read oldest first. Each batch lies in
 * exactly one of them, so none is read twice and none is left out.
 */
import type { SpoolBatch, SpoolConsumer } from '../spool/spool-batch.ts';

/** Compressed bytes per read of the spool and lane. */
const READ_BYTES = 1024 * 1024;
/** More would mean that even the live lane falls behind, again and again; then it goes on as it is. */
const MAX_SEGMENTS = 32;
/** A backlog of fewer ids is sent as it is. */
const MIN_SEGMENT_IDS = 8;

interface Lane {
  /** All up to here was read. */
  at: number;
  /** The last id of the lane. */
  readonly until: number;
  readonly buffer: SpoolBatch[];
}

export class ReadAhead {
  readonly #consumer: SpoolConsumer;
  readonly #liveAfterMs: number;
  readonly #segments: Lane[] = [];
  #live: Lane;

  constructor(consumer: SpoolConsumer, liveAfterMs: number) {
    this.#consumer = consumer;
    this.#liveAfterMs = liveAfterMs;
    this.#live = newLane(consumer.settledId, Number.POSITIVE_INFINITY);
  }

  /** The next batch of the wanted lane, or of the other where that has none. */
  next(prefersLive: boolean, nowMs: number): SpoolBatch | null {
    if (prefersLive) return this.#nextLive(nowMs) ?? this.#nextOfBacklog();
    return this.#nextOfBacklog() ?? this.#nextLive(nowMs);
  }

  get hasBacklog(): boolean {
    return this.#segments.length > 0;
  }

  /** Where the live lane goes on: nothing new is there before the spool has something behind it. */
  get liveAt(): number {
    return this.#live.at;
  }

  #nextLive(nowMs: number): SpoolBatch | null {
    const batch = this.#nextOf(this.#live);
    if (batch === null || nowMs - batch.createdMs <= this.#liveAfterMs) return batch;
    this.#leaveBehind(batch.id);
    return batch;
  }

  /** `readId` is old, so the rest is a backlog, all but what comes from now on. */
  #leaveBehind(readId: number): void {
    if (this.#segments.length >= MAX_SEGMENTS) return;
    const newest = this.#consumer.newestId;
    if (newest - readId < MIN_SEGMENT_IDS) return;
    this.#segments.push({ at: this.#live.at, until: newest, buffer: this.#live.buffer });
    this.#live = newLane(newest, Number.POSITIVE_INFINITY);
  }

  #nextOfBacklog(): SpoolBatch | null {
    for (let oldest = this.#segments[0]; oldest !== undefined; oldest = this.#segments[0]) {
      const batch = this.#nextOf(oldest);
      if (batch !== null) return batch;
      this.#segments.shift();
    }
    return null;
  }

  #nextOf(lane: Lane): SpoolBatch | null {
    if (lane.buffer.length === 0 && lane.at < lane.until) {
      for (const batch of this.#consumer.read(lane.at, READ_BYTES)) {
        if (batch.id > lane.until) break;
        lane.buffer.push(batch);
        lane.at = batch.id;
      }
    }
    return lane.buffer.shift() ?? null;
  }
}

function newLane(at: number, until: number): Lane {
  return { at, until, buffer: [] };
}
