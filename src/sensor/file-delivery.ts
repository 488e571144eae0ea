/**
 * Delivery to files alone, straight from the hand-over of the workers, without a spool: a spool is for a server that may be away, and on
 * the disk that is full it would be full as well.
 *
 *     worker ─┐             ┌─> FileQueue ─> NDJSON file: the lines as they are, a write for each batch
 *     worker ─┼─> borrowed ─┤
 *     health ─┘             └─> FileQueue ─> protobuf file
 *
 * A batch is borrowed until every file is done with it. An event counts as written when the system has it; what is in hand then is lost
 * with the process.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HealthBatch } from '../output/health-stream.ts';
import { PatientTarget } from '../output/patient-target.ts';
import type { SpoolCounters } from '../output/spool/spool-batch.ts';
import { isInTime } from './delivery-wait.ts';
import type { DroppedEvents, EventBatch } from './event-batch.ts';
import type { DeliveryStop, EventDelivery } from './event-delivery.ts';
import { FileQueue, NOT_WRITTEN, type QueuedBatch } from './file-queue.ts';
import { type HealthOptions, HealthReporter } from './health-reporter.ts';
import { MAX_FILE_QUEUE_BYTES } from './limits.ts';
import type { SensorCounts } from './live-counts.ts';
import type { RunCounts } from './run-account.ts';
import { type FileSinkOptions, openTarget } from './running-sink.ts';

/** Kept back from the time of a stop, to close the files. */
const CLOSE_SHARE = 1 / 4;

export interface FileDeliveryOptions extends HealthOptions {
  /** One at least. */
  readonly files: readonly FileSinkOptions[];
  /** Waits for the disk before a batch counts as written. */
  readonly isSynced: boolean;
  /** Called when a file can't be written, and with an empty text when it can again. */
  readonly onFileFault?: (format: FileSinkOptions['format'], fault: string) => void;
  /** Bytes of each stream that may wait for a file. */
  readonly maxQueueBytes?: number;
}

export class FileDelivery implements EventDelivery {
  readonly spool = null;
  readonly hec = null;
  readonly #queues: readonly FileQueue[];
  readonly #reopen: readonly (() => void)[];
  readonly #health: HealthReporter | null;

  constructor(options: FileDeliveryOptions) {
    const { files, isSynced, onFileFault, maxQueueBytes = MAX_FILE_QUEUE_BYTES } = options;
    this.#health = HealthReporter.of(options, {
      sources: () => ({
        runs: new Map(this.#queues.map(({ name, run }) => [name, run.toCounts()])),
        spool: null,
        hec: null,
      }),
      append: (batch) => this.#appendHealth(batch),
      now: () => Date.now(),
    });
    const healthBootId = this.#health?.bootId ?? null;
    const opened = files.map((file) => {
      const onFault = (fault: string): void => onFileFault?.(file.format, fault);
      const { encoding, target, reopen } = openTarget(file, isSynced);
      const queue = { name: file.format, encoding, maxBytes: maxQueueBytes, healthBootId, onFault };
      return { queue: new FileQueue(queue, new PatientTarget(target, onFault)), reopen };
    });
    this.#queues = opened.map(({ queue }) => queue);
    this.#reopen = opened.map(({ reopen }) => reopen);
  }

  get sinkNames(): readonly string[] {
    return this.#queues.map(({ name }) => name);
  }

  get fault(): Error | null {
    return this.#queues.find(({ fault }) => fault !== null)?.fault ?? this.#health?.fault ?? null;
  }

  get writeFault(): string {
    return this.#queues.find(({ writeFault }) => writeFault !== '')?.writeFault ?? '';
  }

  take(batch: EventBatch): Promise<void> | null {
    const { lines, ends } = batch;
    // One that fills little of its memory is copied: what waits takes twice its bytes at worst.
    if (2 * lines.length < lines.buffer.byteLength) {
      this.#put({ ...batch, lines: lines.slice(), ends: ends.slice() }, () => undefined);
      return null;
    }
    return new Promise((resolve) => this.#put(batch, resolve));
  }

  countDropped({ count, reason }: DroppedEvents): void {
    if (count === 0) return;
    for (const { run } of this.#queues) {
      run.written += count;
      run.drop(count, reason);
    }
  }

  reportHealth(counts: () => SensorCounts): void {
    this.#health?.begin(counts);
  }

  status(): null {
    return null;
  }

  counts(sink = this.#queues[0]!.name): RunCounts {
    return this.#queueOf(sink).run.toCounts();
  }

  counters(sink = this.#queues[0]!.name): SpoolCounters {
    const { run, health } = this.#queueOf(sink);
    const [events, reports] = [run.toCounts(), health.toCounts()];
    const dropped = { ...events.dropped };
    for (const [reason, n] of Object.entries(reports.dropped)) dropped[reason] = (dropped[reason] ?? 0) + n;
    return {
      emitted: events.written + reports.written,
      acknowledged: events.acknowledged + reports.acknowledged,
      queued: events.queued + reports.queued,
      dropped,
    };
  }

  redact(text: string): string {
    return text;
  }

  reload(): void {
    for (const reopen of this.#reopen) reopen();
  }

  async stopWithin(timeoutMs: number, counts: () => SensorCounts): Promise<DeliveryStop> {
    const deadlineMs = performance.now() + timeoutMs;
    const leftMs = () => Math.max(0, deadlineMs - timeoutMs * CLOSE_SHARE - performance.now());
    this.#health?.end();
    await isInTime(this.#flush(), leftMs());
    if (this.#health !== null) {
      await this.#health.send(counts, true);
      await isInTime(this.#flush(), leftMs());
    }
    await this.close(Math.max(0, deadlineMs - performance.now()));
    const accounts = this.#queues.map(({ run }) => run.toCounts());
    return {
      isStored: accounts.every(({ dropped }) => dropped[NOT_WRITTEN] === undefined),
      isDelivered: accounts.every(({ written, acknowledged }) => acknowledged === written),
    };
  }

  /** What is not written by then is dropped. `timeoutMs` bounds the wait for what is being written. */
  async close(timeoutMs?: number): Promise<void> {
    this.#health?.end();
    const timedOut = timeoutMs === undefined ? new Promise(() => undefined) : sleep(timeoutMs, null, { ref: false });
    await Promise.all(this.#queues.map((queue) => queue.close(timedOut)));
  }

  #put(batch: EventBatch, done: () => void): void {
    let users = this.#queues.length;
    const release = (): void => {
      users -= 1;
      if (users === 0) done();
    };
    const queued: QueuedBatch = { ...batch, release };
    for (const queue of this.#queues) queue.put(queued);
  }

  #appendHealth(batch: HealthBatch): Promise<void> {
    this.#put(batch, () => undefined);
    return Promise.resolve();
  }

  async #flush(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.flush()));
  }

  #queueOf(sink: string): FileQueue {
    const queue = this.#queues.find(({ name }) => name === sink);
    if (queue === undefined) throw new Error(`no file of the delivery has this name: ${sink}`);
    return queue;
  }
}
