/**
 * Gathers events into batches, compresses them on zlib's threads, and hands them to the spool in order.
 *
 *     append ─> lines of one batch ──full, old, flush──> gzip (several at once) ──> Spool.append (in order)
 *
 * Never waits: that is for the caller, who asks `isFull` and awaits `room` where it can (a replay of files). Where it can't, batches
 * beyond the bound are dropped as `overflow` and counted, each a range of `seq` of its own. A caller that does wait, but only between
 * its blocks, says so with `isElastic`: what one block gives is kept in memory beyond the bound.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { BATCH_AGE_MS, BATCH_JSON_BYTES, GZIP_LEVEL, MAX_BATCHES_IN_FLIGHT } from './limits.ts';
import type { BatchDraft, Spool } from './spool.ts';

const compress = promisify(gzip);

/** Room for the last event beyond the bound; larger ones make the buffer grow. */
const SLACK_BYTES = 64 * 1024;
/** Compressed, a batch of JSON has about so many bytes, or twice. zlib comes back to the event loop for each chunk. */
const CHUNK_BYTES = 128 * 1024;

export interface BatchWriterOptions {
  readonly bootId: string;
  readonly batchBytes?: number;
  readonly batchAgeMs?: number;
  readonly maxInFlight?: number;
  /** Nothing overflows; the caller awaits `room` before it goes on. */
  readonly isElastic?: boolean;
}

export class BatchWriter {
  readonly #spool: Spool;
  readonly #bootId: string;
  readonly #batchBytes: number;
  readonly #batchAgeMs: number;
  readonly #maxInFlight: number;
  readonly #isElastic: boolean;
  /** Buffers of batches that are done, to be used again: as many as were ever in flight. */
  readonly #spare: Buffer[] = [];
  #buf: Buffer;
  #at = 0;
  #ends = new Uint32Array(1024);
  #count = 0;
  #firstSeq = 0;
  #createdMs = 0;
  #timer: NodeJS.Timeout | null = null;
  #inFlight = 0;
  /** The batch before has been handed over: keeps the order, whatever takes longer to compress. */
  #last: Promise<void> = Promise.resolve();
  #roomWaiters: (() => void)[] = [];
  #fault: Error | null = null;

  constructor(spool: Spool, options: BatchWriterOptions) {
    this.#spool = spool;
    this.#bootId = options.bootId;
    this.#batchBytes = options.batchBytes ?? BATCH_JSON_BYTES;
    this.#batchAgeMs = options.batchAgeMs ?? BATCH_AGE_MS;
    this.#maxInFlight = options.maxInFlight ?? MAX_BATCHES_IN_FLIGHT;
    this.#isElastic = options.isElastic ?? false;
    this.#buf = Buffer.allocUnsafe(this.#batchBytes + SLACK_BYTES);
  }

  /** True where the next full batch would overflow. */
  get isFull(): boolean {
    return this.#inFlight >= this.#maxInFlight;
  }

  get batchesInFlight(): number {
    return this.#inFlight;
  }

  /** One event as a line of JSON with its newline. The bytes are copied. */
  append(line: Uint8Array, seq: number): void {
    const isNext = this.#count === 0 || seq === this.#firstSeq + this.#count;
    if (!isNext || (this.#count > 0 && this.#at + line.length > this.#batchBytes)) this.#closeBatch();
    if (this.#count === 0) this.#openBatch(seq);
    if (this.#at + line.length > this.#buf.length) this.#growBuffer(this.#at + line.length);
    if (this.#count === this.#ends.length) this.#growEnds();
    this.#buf.set(line, this.#at);
    this.#at += line.length;
    this.#ends[this.#count++] = this.#at;
    if (this.#at >= this.#batchBytes) this.#closeBatch();
  }

  /** Several events, one behind the other, numbered from `firstSeq` on; `ends` are the offsets behind each newline. Copied. */
  appendLines(lines: Uint8Array, ends: Uint32Array, firstSeq: number): void {
    let start = 0;
    for (let i = 0; i < ends.length; i++) {
      const end = ends[i]!;
      this.append(lines.subarray(start, end), firstSeq + i);
      start = end;
    }
  }

  /** Resolves when a batch may be closed without an overflow. */
  async room(): Promise<void> {
    while (this.isFull) await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
  }

  /** Closes the batch and resolves when all so far is committed. Rejects where the spool closed before. */
  async flush(): Promise<void> {
    this.#closeBatch();
    while (this.#inFlight > 0) await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    if (this.#fault !== null) throw this.#fault;
  }

  #openBatch(seq: number): void {
    this.#firstSeq = seq;
    this.#createdMs = this.#spool.now();
    this.#timer ??= setTimeout(() => this.#onTimer(), this.#batchAgeMs);
  }

  #onTimer(): void {
    this.#timer = null;
    this.#closeBatch();
  }

  #closeBatch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const count = this.#count;
    const jsonBytes = this.#at;
    this.#count = 0;
    this.#at = 0;
    if (count === 0) return;
    const firstSeq = this.#firstSeq;
    if (this.isFull && !this.#isElastic) {
      this.#spool.countRefused({ bootId: this.#bootId, firstSeq, lastSeq: firstSeq + count - 1 }, 'overflow');
      return;
    }
    const buf = this.#buf;
    this.#buf = this.#spare.pop() ?? Buffer.allocUnsafe(this.#batchBytes + SLACK_BYTES);
    this.#inFlight += 1;
    const draft = {
      bootId: this.#bootId,
      firstSeq,
      count,
      jsonBytes,
      eventEnds: this.#ends.slice(0, count),
      createdMs: this.#createdMs,
    };
    const compressed = compress(buf.subarray(0, jsonBytes), { level: GZIP_LEVEL, chunkSize: CHUNK_BYTES });
    const handedOver = this.#handOver(draft, compressed, buf, this.#last);
    this.#last = handedOver;
  }

  /** Resolves when the batch is with the spool, which keeps the order from there on. */
  async #handOver(
    draft: Omit<BatchDraft, 'gzip'>,
    compressed: Promise<Buffer>,
    buf: Buffer,
    before: Promise<void>,
  ): Promise<void> {
    try {
      const gzipped = await compressed;
      this.#spare.push(buf);
      await before;
      this.#spool.append({ ...draft, gzip: gzipped }).then(
        () => this.#landed(),
        (error: unknown) => this.#landed(toError(error)),
      );
    } catch (error) {
      this.#landed(toError(error));
    }
  }

  #landed(fault?: Error): void {
    this.#fault ??= fault ?? null;
    this.#inFlight -= 1;
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #growBuffer(needed: number): void {
    const grown = Buffer.allocUnsafe(2 * needed);
    grown.set(this.#buf.subarray(0, this.#at));
    this.#buf = grown;
  }

  #growEnds(): void {
    const grown = new Uint32Array(2 * this.#ends.length);
    grown.set(this.#ends);
    this.#ends = grown;
  }
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('a batch could not be compressed', { cause: thrown });
}
