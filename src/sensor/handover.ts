/**
 * Events on their way out of a worker: gathered into batches, whose memory is handed to the main thread without a copy and comes back when
 * they have been taken.
 *
 * Never waits. Where the main thread does not take events as fast as they come, batches are dropped whole and told as ranges of numbers;
 * the ring is not held up by it. So memory is bounded: what waits, by its cap; what is spare, by a number of buffers.
 */
import type { EventBatch } from './event-batch.ts';
import type { HandoverLedger } from './handover-ledger.ts';
import { HANDOVER_AGE_MS, HANDOVER_BYTES, MAX_SPARE_BUFFERS } from './limits.ts';

/** Room for the last event beyond the bound; larger ones make the buffer grow. */
const SLACK_BYTES = 64 * 1024;
const INITIAL_ENDS = 1024;

/** A batch in memory that can be given to another thread. */
export interface HandedBatch extends EventBatch {
  readonly lines: Uint8Array<ArrayBuffer>;
  readonly ends: Uint32Array<ArrayBuffer>;
}

export interface HandoverOutlet {
  /** The batch's memory is the outlet's from here on. */
  onBatch(batch: HandedBatch): void;
  onDropped(firstSeq: number, count: number): void;
}

export class Handover {
  readonly #bootId: string;
  readonly #ledger: HandoverLedger;
  readonly #maxWaitingBytes: number;
  readonly #outlet: HandoverOutlet;
  readonly #spareLines: ArrayBuffer[] = [];
  readonly #spareEnds: ArrayBuffer[] = [];
  #lines = new Uint8Array(HANDOVER_BYTES + SLACK_BYTES);
  #ends = new Uint32Array(INITIAL_ENDS);
  #at = 0;
  #count = 0;
  #firstSeq = 0;
  /** When the first event of the batch came. */
  #sinceMs = 0;
  /** Events dropped and not told yet: the range grows while nothing is taken. */
  #droppedFrom = 0;
  #dropped = 0;

  constructor(bootId: string, ledger: HandoverLedger, maxWaitingBytes: number, outlet: HandoverOutlet) {
    this.#bootId = bootId;
    this.#ledger = ledger;
    this.#maxWaitingBytes = maxWaitingBytes;
    this.#outlet = outlet;
  }

  /** The next event of the stream as a line with its newline; copied. */
  append(line: Uint8Array, seq: number, nowMs: number): void {
    if (this.#count > 0 && this.#at + line.length > HANDOVER_BYTES) this.flush();
    if (this.#count === 0) {
      this.#firstSeq = seq;
      this.#sinceMs = nowMs;
    }
    if (this.#at + line.length > this.#lines.length) this.#lines = grown(this.#lines, this.#at + line.length);
    if (this.#count === this.#ends.length) this.#ends = grownEnds(this.#ends);
    this.#lines.set(line, this.#at);
    this.#at += line.length;
    this.#ends[this.#count] = this.#at;
    this.#count += 1;
    this.#ledger.made = seq + 1;
  }

  /** Hands the batch over once it is old enough. */
  tick(nowMs: number): void {
    if (this.#count > 0 && nowMs - this.#sinceMs >= HANDOVER_AGE_MS) this.flush();
  }

  /** Hands over, or drops, what was gathered. */
  flush(): void {
    const count = this.#count;
    if (count === 0) return;
    const bytes = this.#at;
    this.#count = 0;
    this.#at = 0;
    if (this.#ledger.waitingBytes + bytes > this.#maxWaitingBytes) {
      if (this.#dropped === 0) this.#droppedFrom = this.#firstSeq;
      this.#dropped += count;
      return;
    }
    this.tellDropped();
    const batch = {
      bootId: this.#bootId,
      firstSeq: this.#firstSeq,
      count,
      lines: this.#lines.subarray(0, bytes),
      ends: this.#ends.subarray(0, count),
    };
    this.#lines = new Uint8Array(this.#spareLines.pop() ?? new ArrayBuffer(HANDOVER_BYTES + SLACK_BYTES));
    this.#ends = new Uint32Array(this.#spareEnds.pop() ?? new ArrayBuffer(4 * INITIAL_ENDS));
    this.#ledger.handOver(bytes);
    this.#outlet.onBatch(batch);
  }

  /** Tells of what was dropped, in front of the next batch, or when counts are told. */
  tellDropped(): void {
    if (this.#dropped === 0) return;
    this.#outlet.onDropped(this.#droppedFrom, this.#dropped);
    this.#dropped = 0;
  }

  /** Memory of a batch that was taken. */
  takeBack(lines: ArrayBuffer, ends: ArrayBuffer): void {
    if (this.#spareLines.length >= MAX_SPARE_BUFFERS) return;
    this.#spareLines.push(lines);
    this.#spareEnds.push(ends);
  }
}

function grown(lines: Uint8Array, needed: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 * needed);
  larger.set(lines);
  return larger;
}

function grownEnds(ends: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(2 * ends.length);
  larger.set(ends);
  return larger;
}
