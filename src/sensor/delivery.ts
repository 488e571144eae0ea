/**
 * Delivery to Splunk, wired: events of one run into the spool, and from there to HEC.
 *
 *     facts ─> EventBuilder ─> BatchWriter ─> Spool ─> HecSink
 *                                 │ isFull      ^
 *     replay waits <── afterBlock ┘             └── health events, every minute and at the end
 *
 * The sender works in the same thread, so a replay has to let it: `afterBlock` gives the event loop a turn every few milliseconds, and
 * holds the replay up while the hand-over to the spool is full.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EventBuilder, type EventOptions } from '../event/build-event.ts';
import type { EventFacts, SensorIdentity } from '../event/event-facts.ts';
import { JsonWriter } from '../event/json-writer.ts';
import type { Profile } from '../event/profile.ts';
import { HealthStream } from '../output/health-stream.ts';
import type { HecConfig } from '../output/hec/hec-config.ts';
import type { HecStatus } from '../output/hec/hec-status.ts';
import { HecSink } from '../output/hec/sender.ts';
import { BatchWriter } from '../output/spool/batch-writer.ts';
import { type OpenSpoolOptions, openSpool } from '../output/spool/open-spool.ts';
import type { SpoolPolicy } from '../output/spool/sink-account.ts';
import type { Spool } from '../output/spool/spool.ts';
import type { SpoolCounters } from '../output/spool/spool-batch.ts';
import { SpoolError } from '../output/spool/spool-error.ts';
import { spoolStatus } from '../output/spool/spool-status.ts';
import { type AwaitedDelivery, type DeliveryPatience, type WaitEnd, waitForDelivery } from './delivery-wait.ts';
import { toHealthFields } from './health-fields.ts';
import type { SensorCounts } from './live-counts.ts';
import { countQueued, RunAccount, type RunCounts } from './run-account.ts';

/** The replay gives the sender a turn this often. */
const YIELD_MS = 5;
/** At the end, what is on its way to the spool gets so long: only a full one takes longer. */
const MAX_FLUSH_MS = 5_000;

export interface DeliveryOptions {
  readonly identity: SensorIdentity;
  readonly profile: Profile;
  readonly events: EventOptions;
  readonly hec: HecConfig;
  readonly spool: Omit<OpenSpoolOptions, 'sensor' | 'sinks'>;
  readonly policy: SpoolPolicy;
  /** Between two health events; 0: none, not even at the end. */
  readonly healthMs: number;
  /** Called when the state of the delivery, or its reason, changes. */
  readonly onStatus?: (status: HecStatus) => void;
}

export class Delivery {
  readonly spool: Spool;
  readonly sink: HecSink;
  /** Why the sink gave up; null while it has not. */
  fault: Error | null = null;
  /** How delivery stood when it was stopped; null before. */
  lastStatus: HecStatus | null = null;
  readonly #account: RunAccount;
  readonly #builder: EventBuilder;
  readonly #json = new JsonWriter();
  readonly #writer: BatchWriter;
  readonly #stop = new AbortController();
  readonly #sending: Promise<void>;
  readonly #health: HealthStream | null;
  readonly #healthMs: number;
  #healthTimer: NodeJS.Timeout | null = null;
  readonly #startMs = performance.now();
  #yieldAtMs = 0;

  private constructor(options: DeliveryOptions, spool: Spool, sink: HecSink) {
    const { identity, events, healthMs } = options;
    this.spool = spool;
    this.sink = sink;
    this.#account = new RunAccount(spool, sink.name, identity.bootId);
    this.#builder = new EventBuilder(identity, options.profile, events);
    this.#writer = new BatchWriter(spool, { bootId: identity.bootId, isElastic: options.policy === 'pause' });
    this.#healthMs = healthMs;
    this.#health = healthMs > 0 ? new HealthStream(identity.sensor, identity.bootId, events.index ?? null) : null;
    const consumer = this.#account.listen(spool.consumer(sink.name));
    this.#sending = sink.start(consumer, this.#stop.signal).catch((error: unknown) => {
      this.fault = toError(error);
    });
  }

  /** Rejects with `HecError` and `SpoolError`. */
  static async open(options: DeliveryOptions): Promise<Delivery> {
    const sink = new HecSink(options.hec, options.onStatus === undefined ? {} : { onChange: options.onStatus });
    const spool = await openSpool({
      ...options.spool,
      sensor: options.identity.sensor,
      sinks: [{ name: sink.name, policy: options.policy }],
    });
    return new Delivery(options, spool, sink);
  }

  /** Begins the periodic health events. */
  reportHealth(counts: () => SensorCounts): void {
    const stream = this.#health;
    if (stream === null) return;
    this.#healthTimer = setInterval(() => {
      this.#sendHealth(stream, counts, false).catch((error: unknown) => {
        this.fault ??= toError(error);
      });
    }, this.#healthMs);
    this.#healthTimer.unref();
  }

  /** Takes an event whose `seq` follows that of the one before. */
  write(facts: EventFacts): void {
    this.#json.reset();
    this.#builder.writeJson(facts, this.#json);
    this.#writer.append(this.#json.view(), facts.seq);
    this.#account.written += 1;
  }

  /** See `ReplayObserver`. */
  afterBlock(): Promise<void> | null {
    if (this.#writer.isFull) return this.#writer.room();
    const nowMs = performance.now();
    if (nowMs < this.#yieldAtMs) return null;
    this.#yieldAtMs = nowMs + YIELD_MS;
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  /** Waits like `afterBlock` does, but not for ever: a full spool may wait for a server that does not come back. */
  awaitRoom(patience: DeliveryPatience, signal: AbortSignal, onLook: () => void): Promise<WaitEnd> {
    const awaited = this.#awaited(() => !this.#writer.isFull);
    // The spool may get on, too.
    const progress = () => awaited.progress() - this.#writer.batchesInFlight;
    return waitForDelivery({ ...awaited, progress }, patience, signal, onLook);
  }

  status(): HecStatus {
    return this.lastStatus ?? this.sink.status();
  }

  /** True while the hand-over to the spool is full. */
  get isHeldUp(): boolean {
    return this.#writer.isFull;
  }

  counts(): RunCounts {
    return this.spool.isClosed ? this.#account.finalCounts() : this.#account.counts();
  }

  /** The account of all runs that are in the spool, persisted. */
  counters(): SpoolCounters {
    return this.spool.book.accounts.find(({ name }) => name === this.sink.name)!.toCounters();
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
    const flushed = ignoreClosed(this.#writer.flush()).then(() => {
      isCommitted = true;
    });
    const isDelivered = () => isCommitted && this.counts().queued === 0;
    const end = await waitForDelivery(this.#awaited(isDelivered), patience, signal, onLook);
    if (this.#healthTimer !== null) clearInterval(this.#healthTimer);
    // Interrupted, say: what is on its way to the spool is let in, if it lets it in.
    await Promise.race([flushed, sleep(MAX_FLUSH_MS, undefined, { ref: false })]);
    // Behind batches that a full spool does not take, it would not get in either.
    if (this.#health !== null && isCommitted) {
      let isThere = false;
      const sent = this.#sendHealth(this.#health, counts, true).then(() => {
        isThere = true;
      });
      const { bootId } = this.#health;
      const isReported = () => isThere && countQueued(this.spool, this.sink.name, bootId) === 0;
      if (end === 'done') await waitForDelivery(this.#awaited(isReported), patience, signal, () => {});
      else await Promise.race([sent, sleep(MAX_FLUSH_MS, undefined, { ref: false })]);
    }
    await this.close();
    return end;
  }

  #awaited(isDone: () => boolean): AwaitedDelivery {
    return {
      isDone,
      hasFailed: () => this.fault !== null,
      progress: () => progressOf(this.counters(), this.sink),
      status: () => this.sink.status(),
    };
  }

  #sendHealth(stream: HealthStream, counts: () => SensorCounts, isFinal: boolean): Promise<void> {
    const { spool, sink } = this;
    const fields = toHealthFields({
      isFinal,
      uptimeMs: performance.now() - this.#startMs,
      run: this.counts(),
      spool: spoolStatus(spool),
      sink,
      counts: counts(),
    });
    return ignoreClosed(spool.append(stream.next(fields, spool.now()), isFinal));
  }

  /** What is not delivered stays in the spool. */
  async close(): Promise<void> {
    if (this.#healthTimer !== null) clearInterval(this.#healthTimer);
    this.lastStatus ??= this.sink.status();
    this.#stop.abort();
    await this.#sending;
    await this.spool.close();
  }
}

/** Rises when something was taken, acknowledged or given up; not with what comes in, health events among it. */
export function progressOf({ acknowledged, dropped }: SpoolCounters, { counters }: HecSink): number {
  const gone = Object.values(dropped).reduce((sum, events) => sum + events, 0);
  return acknowledged + gone + (counters.requests.get('event success') ?? 0);
}

/** What the spool could not take before it closed is in the run's account. */
async function ignoreClosed(promise: Promise<void>): Promise<void> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof SpoolError) || error.code !== 'closed') throw error;
  }
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
