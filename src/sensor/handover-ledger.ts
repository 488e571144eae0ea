/**
 * What two threads have to know of events between them at every moment, in memory that both see:
 *
 *     waiting bytes   handed over and not yet taken: the worker adds, the main thread subtracts
 *     made            events of the stream so far: what a worker that was killed had in its hands is told from it
 */

const WAITING = 0;
/** Above 2^31 in a day or two, so it is no 32-bit number. */
const MADE_AT = 8;
const SIZE_BYTES = 16;

export class HandoverLedger {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #made: Float64Array;

  constructor(memory = new SharedArrayBuffer(SIZE_BYTES)) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, 2);
    this.#made = new Float64Array(memory, MADE_AT, 1);
  }

  get waitingBytes(): number {
    return Atomics.load(this.#words, WAITING);
  }

  /** To be read when the worker has ended; until then it may be a little behind. */
  get made(): number {
    return this.#made[0]!;
  }

  set made(events: number) {
    this.#made[0] = events;
  }

  handOver(bytes: number): void {
    Atomics.add(this.#words, WAITING, bytes);
  }

  take(bytes: number): void {
    Atomics.sub(this.#words, WAITING, bytes);
  }
}
