/**
 * Everything that was read from the spool and is not settled: the parts that wait for their turn, and the sums of their batches.
 *
 * A batch is settled in one go, when the last of its events is delivered or dropped. Its bytes are held only while a part of it
 * waits for its turn or is in a request; behind an acknowledgement, or parked, a batch is a few numbers, and the spool has the bytes.
 */
import type { SettleOutcome, SpoolBatch, SpoolConsumer } from '../spool/spool-batch.ts';
import { type BatchInHand, countOf, type Part, pieceOf, takeInHand } from './part.ts';

export class PartsInHand {
  readonly #consumer: SpoolConsumer;
  readonly #queue: Part[] = [];
  readonly #batches = new Set<BatchInHand>();
  /** Compressed bytes held. */
  bytes = 0;
  parked = 0;

  constructor(consumer: SpoolConsumer) {
    this.#consumer = consumer;
  }

  /** Batches of which some event is open. */
  get batches(): number {
    return this.#batches.size;
  }

  get queued(): number {
    return this.#queue.length;
  }

  get parkedReason(): string | null {
    return this.parked === 0 ? null : (this.#queue.find((part) => part.parkedFor !== null)?.parkedFor ?? null);
  }

  /** A batch that was just read. */
  take(batch: SpoolBatch): Part {
    const part = takeInHand(batch);
    this.#batches.add(part.batch);
    part.batch.active = 1;
    this.bytes += batch.gzip.length;
    return part;
  }

  /** The first part in the queue whose time has come. */
  next(nowMs: number): Part | null {
    const at = this.#queue.findIndex((part) => part.notBeforeMs <= nowMs);
    if (at < 0) return null;
    const [part] = this.#queue.splice(at, 1);
    if (part === undefined) return null;
    if (part.parkedFor !== null) {
      part.parkedFor = null;
      part.batch.active += 1;
      this.parked -= 1;
    }
    return part;
  }

  /** When the next part of the queue has its turn; infinite where there is none. */
  nextTurnMs(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const part of this.#queue) earliest = Math.min(earliest, part.notBeforeMs);
    return earliest;
  }

  /** Back into the queue: a part that was in a request, or could not begin one. */
  putBack(part: Part): void {
    this.#queue.unshift(part);
  }

  /** A part whose acknowledgement can no longer come: behind those that have their turn. */
  putBackUnacked(part: Part): void {
    part.batch.active += 1;
    this.#queue.push(part);
  }

  /** Waits long; others go on. */
  park(part: Part, reason: string): void {
    part.parkedFor = reason;
    this.parked += 1;
    this.#queue.push(part);
    this.#letGo(part.batch);
  }

  /** Its request is done, and an acknowledgement is waited for. */
  awaitAck(part: Part): void {
    this.#letGo(part.batch);
  }

  /** Pieces [from, to) take the place of `part`. */
  replace(part: Part, pieces: readonly (readonly [number, number])[]): void {
    for (const [from, to] of pieces.toReversed()) {
      if (to > from) this.replaceBy(pieceOf(part, from, to));
    }
    this.#letGo(part.batch);
  }

  /** `piece` goes into the queue beside the part it was cut from. */
  replaceBy(piece: Part): void {
    piece.batch.active += 1;
    this.#queue.unshift(piece);
  }

  /** The bytes of a part's batch, read again if need be; `null` where the spool no longer has them. */
  load({ batch }: Part): SpoolBatch | null {
    if (batch.bytes === null) {
      const [again] = this.#consumer.read(batch.id - 1, 1);
      if (again?.id !== batch.id) return null;
      batch.bytes = again;
      this.bytes += again.gzip.length;
    }
    return batch.bytes;
  }

  /** The spool settled it without us: nothing to account for. */
  forget(part: Part): void {
    this.#letGo(part.batch);
    this.#batches.delete(part.batch);
  }

  /** `part` was in a request, and all of it is delivered. Resolves when the spool has it, if it was the rest of its batch. */
  async finish(part: Part): Promise<void> {
    this.#letGo(part.batch);
    await this.acknowledge(part.batch, countOf(part));
  }

  /** `part` was in a request, and all of it is dropped. */
  async abandon(part: Part, reason: string): Promise<void> {
    this.#letGo(part.batch);
    await this.drop(part.batch, countOf(part), reason);
  }

  async acknowledge(batch: BatchInHand, events: number): Promise<void> {
    batch.acknowledged += events;
    await this.#close(batch, events);
  }

  async drop(batch: BatchInHand, events: number, reason: string): Promise<void> {
    batch.dropped[reason] = (batch.dropped[reason] ?? 0) + events;
    await this.#close(batch, events);
  }

  /** Events of batches in hand that are, or may be, taken; without those that wait for an acknowledgement. */
  countTaken(): number {
    let events = 0;
    for (const batch of this.#batches) events += batch.acknowledged;
    for (const part of this.#queue) if (part.isMaybeTaken) events += countOf(part);
    return events;
  }

  async #close(batch: BatchInHand, events: number): Promise<void> {
    batch.open -= events;
    if (batch.open > 0 || !this.#batches.delete(batch)) return;
    const { acknowledged, dropped } = batch;
    const outcome: SettleOutcome = Object.keys(dropped).length === 0 ? { acknowledged } : { acknowledged, dropped };
    await this.#consumer.settle(batch.id, outcome);
  }

  #letGo(batch: BatchInHand): void {
    batch.active -= 1;
    if (batch.active > 0 || batch.bytes === null) return;
    this.bytes -= batch.bytes.gzip.length;
    batch.bytes = null;
  }
}
