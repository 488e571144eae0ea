/**
 * Delivery, wired: the events of a run, from one stream or several, through one spool to each of its sinks.
 *
 *     stream ─> StreamIntake ─┐                           ┌─> HecSink
 *     stream ─> StreamIntake ─┼─> Spool ── one account ───┼─> NDJSON file
 *     lost before they came ──┘     ^      for each sink  └─> protobuf file
 *                                   └── health events, every minute and at the end
 *
 * A sink that stands still keeps its events in the spool and stops no other. Two kinds of source: a replay waits for the spool, between its
 * blocks (`afterBlock`, policy `pause`); a live capture can't, so it is told which batches wait (`take`), and bounds them. What it gave up is
 * counted by `countDropped`. So for each sink, at every moment:
 *
 *     written = acknowledged + queued + the sum of dropped
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { HealthBatch } from '../output/health-stream.ts';
import type { HecConfig } from '../output/hec/hec-config.ts';
import type { HecStatus } from '../output/hec/hec-status.ts';
import { HecSink } from '../output/hec/sender.ts';
import { BatchWriter } from '../output/spool/batch-writer.ts';
import { MAX_BATCHES_IN_FLIGHT } from '../output/spool/limits.ts';
import { type OpenSpoolOptions, openSpool } from '../output/spool/open-spool.ts';
import type { SpoolPolicy } from '../output/spool/sink-account.ts';
import type { Spool } from '../output/spool/spool.ts';
import type { SpoolCounters } from '../output/spool/spool-batch.ts';
import { spoolStatus } from '../output/spool/spool-status.ts';
import {
  type AwaitedDelivery,
  type DeliveryPatience,
  isInTime,
  progressOf,
  type WaitEnd,
  waitForDelivery,
} from './delivery-wait.ts';
import type { DroppedEvents, EventBatch } from './event-batch.ts';
import type { DeliveryStop, EventDelivery } from './event-delivery.ts';
import { type HealthOptions, HealthReporter } from './health-reporter.ts';
import type { SensorCounts } from './live-counts.ts';
import { countQueued, RunAccount, type RunCounts } from './run-account.ts';
import { type FileSinkOptions, ignoreClosed, RunningSink } from './running-sink.ts';
import { StreamIntake } from './stream-intake.ts';

/** The replay gives the sinks a turn this often. */
const YIELD_MS = 5;
/** At the end, what is on its way to the spool gets so long: only a full one takes longer. */
const MAX_FLUSH_MS = 5_000;
/** In flight of each stream, however many there are: one that is compressed, one that is stored. */
const MIN_BATCHES_IN_FLIGHT = 2;
/** A sink that gets on is waited for at a stop; one that has not got on for so long is not. */
const STOP_IDLE_MS = 1_000;
/** Kept back from the time of a stop, to close the spool and the connections. */
const CLOSE_SHARE = 1 / 4;

export interface DeliveryOptions extends HealthOptions {
  /** Null where nothing goes to Splunk. */
  readonly hec: HecConfig | null;
  readonly files: readonly FileSinkOptions[];
  readonly spool: Omit<OpenSpoolOptions, 'sensor' | 'sinks'>;
  /** `pause` for a source that waits by itself. */
  readonly policy: SpoolPolicy;
  /** Called when the state of the delivery to Splunk, or its reason, changes. */
  readonly onStatus?: (status: HecStatus) => void;
  /** Called when a file can't be written, and with an empty text when it can again. */
  readonly onFileFault?: (format: FileSinkOptions['format'], fault: string) => void;
}

export class Delivery implements EventDelivery {
  readonly spool: Spool;
  /** Null where nothing goes to Splunk. */
  readonly hec: HecSink | null;
  /** How delivery to Splunk stood when it was stopped; null before. */
  lastStatus: HecStatus | null = null;
  readonly #account: RunAccount;
  readonly #sinks: readonly RunningSink[];
  readonly #intakes: ReadonlyMap<string, StreamIntake>;
  readonly #stop = new AbortController();
  readonly #health: HealthReporter | null;
  #yieldAtMs = 0;

  private constructor(options: DeliveryOptions, spool: Spool, hec: HecSink | null, sinks: readonly RunningSink[]) {
    const { bootIds, policy } = options;
    this.spool = spool;
    this.hec = hec;
    this.#sinks = sinks;
    this.#account = new RunAccount(spool, bootIds);
    const maxInFlight = Math.max(MIN_BATCHES_IN_FLIGHT, Math.floor(MAX_BATCHES_IN_FLIGHT / bootIds.length));
    // Elastic: whoever hands over waits before it, so what a batch closes meanwhile is little.
    this.#intakes = new Map(
      bootIds.map((bootId) => {
        const writer = new BatchWriter(spool, { bootId, maxInFlight, isElastic: true });
        return [bootId, new StreamIntake(writer, policy === 'pause')];
      }),
    );
    this.#health = HealthReporter.of(options, {
      sources: () => ({
        runs: new Map(this.sinkNames.map((name) => [name, this.counts(name)])),
        spool: spoolStatus(spool),
        hec,
      }),
      append: (batch, nowMs, isFinal) => this.#appendHealth(batch, nowMs, isFinal),
      now: () => spool.now(),
    });
    for (const sink of sinks) sink.start(this.#account.listen(spool.consumer(sink.name)), this.#stop.signal);
  }

  /** Rejects with `HecError` and `SpoolError`. */
  static async open(options: DeliveryOptions): Promise<Delivery> {
    const { policy, files, onStatus, onFileFault } = options;
    const hecOptions = onStatus === undefined ? {} : { onChange: onStatus };
    const hec = options.hec === null ? null : new HecSink(options.hec, hecOptions);
    const isSynced = options.spool.durability === 'power-loss';
    const sinks = [
      ...(hec === null ? [] : [new RunningSink(hec)]),
      ...files.map((file) => RunningSink.ofFile(file, isSynced, (fault) => onFileFault?.(file.format, fault))),
    ];
    const spool = await openSpool({
      ...options.spool,
      sensor: options.sensor,
      sinks: sinks.map(({ name }) => ({ name, policy })),
    });
    return new Delivery(options, spool, hec, sinks);
  }

  /** Begins the periodic health events. */
  reportHealth(counts: () => SensorCounts): void {
    this.#health?.begin(counts);
  }

  /** Takes a batch; see `LiveOutlet.onBatch`. With policy `pause` it is taken at once, always. */
  take(batch: EventBatch): Promise<void> | null {
    const intake = this.#intakes.get(batch.bootId);
    if (intake === undefined)
      throw new Error(`a batch of a stream that the delivery was not opened for: ${batch.bootId}`);
    this.#account.written += batch.count;
    return intake.take(batch);
  }

  /** Events that no batch will bring: of the run all the same, and dropped for every sink. */
  countDropped({ bootId, firstSeq, count, reason }: DroppedEvents): void {
    if (count === 0) return;
    this.#account.written += count;
    this.spool.countRefused({ bootId, firstSeq, lastSeq: firstSeq + count - 1 }, reason);
  }

  /** Lets the sinks have a turn, or waits where the spool is behind. See `ReplayObserver`. */
  afterBlock(): Promise<void> | null {
    const full = this.#fullIntakes();
    if (full.length > 0) return Promise.all(full.map((intake) => intake.room())).then(() => undefined);
    const nowMs = performance.now();
    if (nowMs < this.#yieldAtMs) return null;
    this.#yieldAtMs = nowMs + YIELD_MS;
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  /** Waits like `afterBlock` does, but not for ever: a full spool may wait for a server that does not come back. */
  awaitRoom(patience: DeliveryPatience, signal: AbortSignal, onLook: () => void): Promise<WaitEnd> {
    const awaited = this.#awaited(() => !this.isHeldUp);
    // The spool may get on, too.
    const inFlight = () => [...this.#intakes.values()].reduce((sum, intake) => sum + intake.batchesInFlight, 0);
    const progress = () => awaited.progress() - inFlight();
    return waitForDelivery({ ...awaited, progress }, patience, signal, onLook);
  }

  /** Of the delivery to Splunk; null where there is none. */
  status(): HecStatus | null {
    return this.lastStatus ?? this.hec?.status() ?? null;
  }

  /** Why a sink gave up, or the first of them; null while none has. */
  get fault(): Error | null {
    return this.#sinks.find(({ fault }) => fault !== null)?.fault ?? this.#health?.fault ?? null;
  }

  /** Of the spool: a sink that stands still has its events there. */
  get writeFault(): string {
    return this.spool.lastFault;
  }

  /** True while the hand-over to the spool is full. */
  get isHeldUp(): boolean {
    return this.#fullIntakes().length > 0;
  }

  /** The one to Splunk first. */
  get sinkNames(): readonly string[] {
    return this.#sinks.map(({ name }) => name);
  }

  /** Of the run, as one sink has it; of the first, unless it is named. */
  counts(sink = this.#sinks[0]!.name): RunCounts {
    return this.spool.isClosed ? this.#account.finalCounts(sink) : this.#account.counts(sink);
  }

  /** The sink's account of all runs that are in the spool, persisted. */
  counters(sink = this.#sinks[0]!.name): SpoolCounters {
    return this.spool.book.accounts.find(({ name }) => name === sink)!.toCounters();
  }

  /** Takes secrets out of a text. */
  redact(text: string): string {
    return this.hec?.redact(text) ?? text;
  }

  /** For SIGHUP: files are opened anew under their names; what HEC reads from files is read anew. */
  reload(): void {
    for (const sink of this.#sinks) sink.reopen();
    this.hec?.reload();
  }

  /**
   * Commits what is gathered and waits until nothing of this run is queued; then sends a last health event. What does not get there is
   * in the spool.
   */
  async finish(
    counts: () => SensorCounts,
    patience: DeliveryPatience,
    signal: AbortSignal,
    onLook: () => void,
  ): Promise<WaitEnd> {
    let isCommitted = false;
    const flushed = this.#flush().then(() => {
      isCommitted = true;
    });
    const isDelivered = () => isCommitted && this.#hasAll();
    const end = await waitForDelivery(this.#awaited(isDelivered), patience, signal, onLook);
    this.#health?.end();
    // Interrupted, say: what is on its way to the spool is let in, if it lets it in.
    await Promise.race([flushed, sleep(MAX_FLUSH_MS, undefined, { ref: false })]);
    // Behind batches that a full spool does not take, it would not get in either.
    if (this.#health !== null && isCommitted) {
      let isThere = false;
      const sent = this.#health.send(counts, true).then(() => {
        isThere = true;
      });
      const isReported = () => isThere && this.#hasHealth();
      if (end === 'done') await waitForDelivery(this.#awaited(isReported), patience, signal, () => {});
      else await Promise.race([sent, sleep(MAX_FLUSH_MS, undefined, { ref: false })]);
    }
    await this.close();
    return end;
  }

  /**
   * Ends within `timeoutMs`: what is gathered goes into the spool, with a last health event. Sinks that get on are waited for as long as
   * there is time; what they don't have is in the spool, for the next start.
   */
  async stopWithin(timeoutMs: number, counts: () => SensorCounts): Promise<DeliveryStop> {
    const deadlineMs = performance.now() + timeoutMs;
    const leftMs = () => Math.max(0, deadlineMs - timeoutMs * CLOSE_SHARE - performance.now());
    this.#health?.end();
    const isStored = await isInTime(this.#flush(), leftMs());
    if (isStored && this.#health !== null) await isInTime(this.#health.send(counts, true), leftMs());
    const isDone = () => isStored && this.#hasAll() && this.#hasHealth();
    const patience = { idleMs: STOP_IDLE_MS, ackMs: timeoutMs };
    // A sink that has failed does not end the wait for the others.
    const awaited = { ...this.#awaited(isDone), hasFailed: () => false };
    await waitForDelivery(awaited, patience, AbortSignal.timeout(Math.floor(leftMs())), () => {});
    await this.close(Math.max(0, deadlineMs - performance.now()));
    const isDelivered = this.sinkNames.every((name) => this.counts(name).acknowledged === this.#account.written);
    return { isStored, isDelivered };
  }

  /** What is not delivered stays in the spool. `timeoutMs` bounds the wait for answers that are due. */
  async close(timeoutMs = Number.POSITIVE_INFINITY): Promise<void> {
    this.#health?.end();
    this.lastStatus ??= this.hec?.status() ?? null;
    this.hec?.limitStop(timeoutMs);
    this.#stop.abort();
    await Promise.all(this.#sinks.map(({ stopped }) => stopped));
    await this.spool.close();
  }

  #fullIntakes(): readonly StreamIntake[] {
    return [...this.#intakes.values()].filter(({ isFull }) => isFull);
  }

  async #flush(): Promise<void> {
    await Promise.all([...this.#intakes.values()].map((intake) => ignoreClosed(intake.flush())));
  }

  #hasAll(): boolean {
    return this.sinkNames.every((name) => this.counts(name).queued === 0);
  }

  #hasHealth(): boolean {
    if (this.#health === null) return true;
    const bootIds = new Set([this.#health.bootId]);
    return this.sinkNames.every((name) => countQueued(this.spool, name, bootIds) === 0);
  }

  #awaited(isDone: () => boolean): AwaitedDelivery {
    return {
      isDone,
      hasFailed: () => this.fault !== null,
      progress: () => this.#progress(),
      status: () => this.hec?.status() ?? null,
    };
  }

  #progress(): number {
    const { hec } = this;
    return this.#sinks.reduce(
      (sum, { name, sink }) => sum + progressOf(this.counters(name), sink === hec ? hec : null),
      0,
    );
  }

  #appendHealth(batch: HealthBatch, nowMs: number, isFinal: boolean): Promise<void> {
    const { lines, ends, bootId, firstSeq, count } = batch;
    const draft = { bootId, firstSeq, count, jsonBytes: lines.length, gzip: gzipSync(lines), eventEnds: ends };
    return ignoreClosed(this.spool.append({ ...draft, createdMs: nowMs }, isFinal));
  }
}
