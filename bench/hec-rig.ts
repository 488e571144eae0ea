/**
 * The whole way of an event in one process, all but the capture, and the server in another:
 *
 *     NumberedEvents ─> BatchWriter ─gzip─> Spool (crash) ─> HecSink ─── loopback ───> hec-server.ts
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { HEC_DEFAULTS } from '../src/output/hec/hec-config.ts';
import { HecSink } from '../src/output/hec/sender.ts';
import { BatchWriter } from '../src/output/spool/batch-writer.ts';
import { BATCH_JSON_BYTES, MAX_BATCHES_IN_FLIGHT } from '../src/output/spool/limits.ts';
import { openSpool } from '../src/output/spool/open-spool.ts';
import type { Spool } from '../src/output/spool/spool.ts';
import type { SpoolConsumer } from '../src/output/spool/spool-batch.ts';
import type { DeliveryResult, HecPlan, OutageResult } from './hec-plan.ts';
import { FIRST_SEQ, loadEvents, type NumberedEvents } from './numbered-events.ts';
import { BENCH_TOKEN, ServerProcess } from './server-process.ts';

const SINK = 'hec';
const SPOOL_BYTES = 2 * 1024 * 1024 * 1024;
const EVENTS_PER_TURN = 64;
/** At full speed the generator stays this near, so that it measures delivery and not how fast a backlog grows. */
const MAX_QUEUED = 500_000;
const PACE_MS = 10;
const MEMORY_SAMPLE_MS = 200;
/** The server's return is looked for this often at least; by default a minute passes after a long outage, which measures nothing. */
const BACKOFF_CAP_MS = 2_000;
/** For all that is queued to be acknowledged, at the end. */
const EMPTY_MS = 180_000;

export class Rig {
  readonly spool: Spool;
  readonly consumer: SpoolConsumer;
  readonly server: ServerProcess;
  /** What did not add up. */
  readonly faults: string[] = [];
  checks = 0;
  /** What the generator was behind its clock, at most. */
  latestMs = 0;
  readonly #events: NumberedEvents;
  readonly #writer: BatchWriter;
  readonly #bootId: string;
  readonly #stop = new AbortController();
  readonly #sending: Promise<void>;
  readonly #memoryTimer: NodeJS.Timeout;
  readonly #beginMs = performance.now();
  readonly #beginCpu = process.cpuUsage();
  readonly #beginServerCpuS: number;
  #peakOwnMb = 0;
  #lastAcknowledged = 0;

  private constructor(
    parts: { spool: Spool; server: ServerProcess; events: NumberedEvents; bootId: string },
    sink: HecSink,
    serverCpuS: number,
  ) {
    this.spool = parts.spool;
    this.server = parts.server;
    this.#events = parts.events;
    this.#bootId = parts.bootId;
    this.#writer = new BatchWriter(parts.spool, { bootId: parts.bootId });
    this.consumer = parts.spool.consumer(SINK);
    this.#beginServerCpuS = serverCpuS;
    this.#sending = sink.start(this.consumer, this.#stop.signal);
    this.#memoryTimer = setInterval(() => {
      this.#peakOwnMb = Math.max(this.#peakOwnMb, readOwnMb());
    }, MEMORY_SAMPLE_MS);
  }

  /** With a server that is there, or one that was and is away. */
  static async open(plan: HecPlan, isServerUp: boolean): Promise<Rig> {
    const bootId = randomUUID();
    const events = await loadEvents(plan.captures, bootId, plan.eventBytes);
    mkdirSync(plan.folder, { recursive: true });
    const folder = mkdtempSync(path.join(plan.folder, 'hec-'));
    const server = new ServerProcess();
    const { url } = await server.ask({ do: 'start' });
    const { cpuS } = await server.ask({ do: isServerUp ? 'look' : 'stop' });
    const sink = new HecSink({
      ...HEC_DEFAULTS,
      name: SINK,
      endpoints: [{ url, weight: 1 }],
      token: BENCH_TOKEN,
      quarantineFile: path.join(folder, 'quarantine.ndjson'),
      backoffCapMs: BACKOFF_CAP_MS,
    });
    const sinks = [{ name: SINK, policy: 'drop-oldest' as const }];
    const spool = await openSpool({ folder, sensor: 'bench', sinks, durability: 'crash', maxBytes: SPOOL_BYTES });
    return new Rig({ spool, server, events, bootId }, sink, cpuS);
  }

  get generated(): number {
    return this.#events.seq - FIRST_SEQ;
  }

  get nextSeq(): number {
    return this.#events.seq;
  }

  /** As fast as the spool and the server take it. */
  async rush(seconds: number): Promise<void> {
    const untilMs = performance.now() + seconds * 1000;
    while (performance.now() < untilMs) {
      if (this.#writer.isFull) await this.#writer.room();
      else if (this.consumer.counters.queued > MAX_QUEUED) await delay(1);
      else {
        this.#append(EVENTS_PER_TURN);
        await turn();
      }
    }
    await this.#writer.flush();
  }

  /** So many a second by the clock; what was late is made up for. */
  async pace(perSecond: number, signal: AbortSignal): Promise<void> {
    const beginMs = performance.now();
    while (!signal.aborted) {
      const due = Math.floor(((performance.now() - beginMs) * perSecond) / 1000);
      this.latestMs = Math.max(this.latestMs, ((due - this.generated) * 1000) / perSecond);
      while (this.generated < due) {
        if (this.#writer.isFull) await this.#writer.room();
        this.#append(Math.min(EVENTS_PER_TURN, due - this.generated));
      }
      await delay(PACE_MS);
    }
    await this.#writer.flush();
  }

  /** emitted = acknowledged + queued + dropped, and emitted is what was generated, all but the batches on their way. */
  check(): void {
    const { emitted, acknowledged, queued, dropped } = this.consumer.counters;
    const lost = sumOf(dropped);
    this.checks += 1;
    if (emitted !== acknowledged + queued + lost)
      this.faults.push(`${emitted} emitted, but ${acknowledged} acknowledged + ${queued} queued + ${lost} dropped`);
    if (acknowledged < this.#lastAcknowledged) this.faults.push(`${acknowledged} acknowledged, after more`);
    this.#lastAcknowledged = acknowledged;
    // The spool reports what it drops as events of its own.
    const mayWait = (MAX_BATCHES_IN_FLIGHT + 1) * Math.ceil((2 * BATCH_JSON_BYTES) / this.#events.meanBytes);
    const waiting = this.generated - emitted;
    if (waiting > mayWait || (waiting < 0 && lost === 0))
      this.faults.push(`${this.generated} generated, but ${emitted} emitted`);
  }

  /** True when all was settled in time. */
  async empty(): Promise<boolean> {
    const untilMs = performance.now() + EMPTY_MS;
    while (this.consumer.counters.queued > 0 && performance.now() < untilMs) await delay(20);
    return this.consumer.counters.queued === 0;
  }

  /** Stops everything, and compares what the server has with what was generated. */
  async close(outage: OutageResult | null): Promise<DeliveryResult> {
    const seconds = (performance.now() - this.#beginMs) / 1000;
    const { user, system } = process.cpuUsage(this.#beginCpu);
    this.check();
    clearInterval(this.#memoryTimer);
    this.#stop.abort();
    await this.#sending;
    const { emitted, acknowledged, queued, dropped } = this.consumer.counters;
    const stats = await this.server.ask({ do: 'look' });
    const own = stats.rows.find(({ bootId }) => bootId === this.#bootId);
    let droppedOwn = 0;
    for (const { bootId, events } of this.spool.book.journal.records) if (bootId === this.#bootId) droppedOwn += events;
    const { folder } = this.spool.options;
    await this.spool.close();
    await this.server.close();
    rmSync(folder, { recursive: true });
    return {
      eventBytes: this.#events.meanBytes,
      generated: this.generated,
      emitted,
      acknowledged,
      queued,
      dropped: sumOf(dropped),
      missing: this.generated - (own?.distinct ?? 0) - droppedOwn,
      duplicates: own?.duplicates ?? 0,
      faults: this.faults,
      seconds,
      senderCpuS: (user + system) / 1e6,
      serverCpuS: stats.cpuS - this.#beginServerCpuS,
      peakRssMb: process.resourceUsage().maxRSS / 1024,
      peakOwnMb: this.#peakOwnMb,
      gzipRatio: stats.bodyBytes / stats.wireBytes,
      outage,
    };
  }

  #append(events: number): void {
    for (let i = 0; i < events; i++) {
      const { seq } = this.#events;
      this.#writer.append(this.#events.next(), seq);
    }
  }
}

/** Linux tells which pages belong to no file. */
function readOwnMb(): number {
  try {
    return Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

function sumOf(dropped: Readonly<Record<string, number>>): number {
  return Object.values(dropped).reduce((sum, events) => sum + events, 0);
}
