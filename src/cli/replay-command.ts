/** `spanglass replay`: captures in, events and findings out. */
import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { escapeUnsafe } from '../bytes/text.ts';
import { type FoundCapture, findCaptures } from '../capture/find-captures.ts';
import { EventBuilder } from '../event/build-event.ts';
import type { SensorIdentity } from '../event/event-facts.ts';
import { PROFILES } from '../event/profile.ts';
import { ByteFile } from '../output/byte-file.ts';
import type { MetricsServer } from '../output/metrics-server.ts';
import { NdjsonFile } from '../output/ndjson-file.ts';
import { OutputError } from '../output/output-error.ts';
import type { EventPredicate } from '../sensor/filter.ts';
import { toFinding } from '../sensor/finding.ts';
import type { SensorCounts } from '../sensor/live-counts.ts';
import { Pipeline } from '../sensor/pipeline.ts';
import { countsOf } from '../sensor/pipeline-counts.ts';
import { type CaptureResult, replayCaptures } from '../sensor/replay.ts';
import { type CommandArguments, readArguments } from './arguments.ts';
import type { CliIo } from './cli-io.ts';
import type { CommandSpec } from './command-spec.ts';
import type { DeliverySettings } from './delivery-settings.ts';
import { ExitCode } from './exit-code.ts';
import { type ListenAddress, resolveListen } from './listen-address.ts';
import { isStdoutTaken, outputNames, refuseSharedOutputs, STDOUT_NAME, toEventOptions } from './output-settings.ts';
import { readConfig } from './read-config.ts';
import type { ReplayDelivery } from './replay-delivery.ts';
import { type EventOutput, ReplaySink } from './replay-sink.ts';
import { type CaptureProblem, type RunStats, toRunStats } from './run-stats.ts';
import { openScreen, type Screen, toProblem } from './screen.ts';
import { type Config, type ReplaySettings, resolveSettings } from './settings.ts';
import { UsageError } from './usage-error.ts';
import { writeStats } from './write-stats.ts';

const DELIVERY_OPTIONS = ['hec', 'hec-token-file', 'hec-wait', 'spool'];

/** Throws `UsageError` before anything is read, and `OutputError`. */
export async function runReplay(spec: CommandSpec, args: readonly string[], io: CliIo): Promise<ExitCode> {
  const given = readArguments(spec, args);
  const config = await readConfig(given);
  const settings = resolveSettings(given, config);
  requirePaths(given.paths, 'replay');
  refuseSharedOutputs(settings, io);
  const filter = await readFilter(settings.filter, settings.filterOrigin);
  const found = await findCaptures(given.paths);
  refuseOverwriting(settings, found.captures);
  const delivery = await resolveDeliveryIfAsked(given, config, io);
  const replay = await Replay.open({ settings, filter, captures: found.captures, delivery, given, config, io });
  replay.otherFiles = found.otherFiles;
  for (const problem of found.problems) {
    replay.addProblem({ file: problem.path, kind: 'failed', code: problem.code, message: problem.message });
  }
  return replay.run();
}

interface ReplayPlan {
  readonly settings: ReplaySettings;
  readonly filter: EventPredicate | null;
  readonly captures: readonly FoundCapture[];
  /** Null where nothing is delivered. */
  readonly delivery: DeliverySettings | null;
  readonly given: CommandArguments;
  readonly config: Config;
  readonly io: CliIo;
}

/** Throws `UsageError` with the place in the filter underlined. */
export async function readFilter(text: string | null, origin: string): Promise<EventPredicate | null> {
  if (text === null) return null;
  const { FilterError, parseFilter } = await import('../sensor/filter.ts');
  try {
    return parseFilter(text);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const before = escapeUnsafe(text.slice(0, error.column - 1));
    const { displayWidth } = await import('./display-text.ts');
    const caret = `${' '.repeat(displayWidth(before))}^`;
    throw new UsageError(`${origin}: ${error.message}\n  ${escapeUnsafe(text)}\n  ${caret}`);
  }
}

export function requirePaths(paths: readonly string[], command: string): void {
  if (paths.length > 0) return;
  throw new UsageError(`name a capture, a folder, or - for standard input: spanglass ${command} PATH…`);
}

class Replay {
  otherFiles = 0;
  readonly #settings: ReplaySettings;
  readonly #captures: readonly FoundCapture[];
  readonly #io: CliIo;
  readonly #screen: Screen;
  readonly #outputs: readonly EventOutput[];
  readonly #statsFile: ByteFile | null;
  readonly #delivery: ReplayDelivery | null;
  #metrics: MetricsServer | null = null;
  readonly #bootId: string;
  readonly #sink: ReplaySink;
  readonly #pipeline: Pipeline;
  readonly #problems: CaptureProblem[] = [];
  readonly #results: CaptureResult[] = [];
  /** Nobody is left who reads what the run makes. */
  readonly #nobodyReads = new AbortController();
  /** Bytes of the captures that are done. */
  #doneBytes = 0;

  private constructor(
    { settings, filter, captures, io }: ReplayPlan,
    screen: Screen,
    bootId: string,
    outputs: readonly EventOutput[],
    delivery: ReplayDelivery | null,
  ) {
    this.#settings = settings;
    this.#captures = captures;
    this.#io = io;
    this.#screen = screen;
    this.#bootId = bootId;
    this.#outputs = outputs;
    this.#delivery = delivery;
    this.#statsFile = settings.stats === null ? null : new ByteFile(settings.stats);
    this.#sink = new ReplaySink({
      rules: { filter, minRisk: settings.minRisk },
      outputs,
      deliver: delivery === null ? null : (facts) => delivery.write(facts),
      showFinding: settings.isQuiet ? null : (facts) => screen.showFinding(toFinding(facts)),
      onNobodyReads: () => {
        if (delivery === null) this.#nobodyReads.abort();
      },
    });
    this.#pipeline = new Pipeline(this.#sink, { scoring: settings.scoring, maxFlows: settings.maxFlows });
  }

  /**
   * Opens the outputs, so that one that can't be written is told before an hour of work. Throws `OutputError`, and `UsageError` for a
   * delivery that can't work.
   */
  static async open(plan: ReplayPlan): Promise<Replay> {
    const { settings, captures, io } = plan;
    const identity = { sensor: settings.sensor, bootId: randomUUID() };
    const isKnownSize = captures.every((capture) => capture.sizeBytes > 0);
    const totalBytes = isKnownSize ? captures.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) : 0;
    const screen = await openScreen(io, isStdoutTaken(settings), settings.isQuiet, totalBytes);
    let delivery: ReplayDelivery | null = null;
    if (plan.delivery !== null) {
      const { ReplayDelivery } = await import('./replay-delivery.ts');
      const profile = PROFILES[settings.profile];
      delivery = await ReplayDelivery.open(
        plan.delivery,
        identity,
        profile,
        toEventOptions(settings),
        screen,
        plan.given,
      );
    }
    try {
      const outputs = await openOutputs(settings, identity);
      const replay = new Replay(plan, screen, identity.bootId, outputs, delivery);
      await replay.#openMetrics(resolveListen(plan.given, plan.config));
      return replay;
    } catch (error) {
      await delivery?.delivery.close();
      throw error;
    }
  }

  async #openMetrics(address: ListenAddress | null): Promise<void> {
    if (address === null) return;
    const { openMetrics } = await import('./open-metrics.ts');
    this.#metrics = await openMetrics(address, () => this.#counts(), this.#delivery?.delivery ?? null);
    if (!this.#settings.isQuiet)
      this.#io.stderr.write(`spanglass: metrics at http://${this.#metrics.address}/metrics
`);
  }

  addProblem(problem: CaptureProblem): void {
    this.#problems.push(problem);
    this.#screen.showProblem(problem.message);
  }

  async run(): Promise<ExitCode> {
    const startMs = performance.now();
    const startCpu = process.cpuUsage();
    const failure = await this.#replay();
    const isInterrupted = this.#io.interrupt.aborted;
    const elapsedS = (performance.now() - startMs) / 1000;
    const cpu = process.cpuUsage(startCpu);
    await this.#delivery?.finish(() => this.#counts(), this.#io.interrupt);
    await this.#metrics?.close();
    if (this.#isUnread()) {
      this.#screen.close();
      return ExitCode.Ok;
    }
    const stats = this.#toStats(elapsedS, cpu, isInterrupted);
    await this.#showSummary(stats);
    const statsFailure = writeStats(this.#statsFile, stats);
    for (const { message } of [failure, statsFailure].filter((one) => one !== null)) {
      this.#screen.showProblem(escapeUnsafe(message));
    }
    for (const problem of this.#delivery?.problems() ?? []) this.#screen.showProblem(problem);
    if (failure !== null || statsFailure !== null) return ExitCode.Failed;
    if (stats.interrupted) return ExitCode.Interrupted;
    if (this.#delivery?.isComplete === false) return ExitCode.NotDelivered;
    return this.#problems.length > 0 ? ExitCode.CaptureFailed : ExitCode.Ok;
  }

  async #showSummary(stats: RunStats): Promise<void> {
    if (this.#settings.isQuiet || stats.captures.read === 0) {
      this.#screen.close();
      return;
    }
    const { toSummary } = await import('./summary.ts');
    this.#screen.showSummary(toSummary(stats, this.#written()));
  }

  /** An output that fails ends the run; what was counted until then is still told. */
  async #replay(): Promise<OutputError | null> {
    const delivery = this.#delivery;
    delivery?.delivery.reportHealth(() => this.#counts());
    const signals = [this.#io.interrupt, this.#nobodyReads.signal];
    const stop = AbortSignal.any(delivery === null ? signals : [...signals, delivery.stalled]);
    this.#io.readerGone.addEventListener('abort', () => {
      // The findings were all that this run made.
      if (this.#outputs.length === 0 && this.#statsFile === null && delivery === null) this.#nobodyReads.abort();
    });
    const observer = {
      onProgress: (path: string, source: { counters: { fileBytes: number } } | null) => {
        this.#screen.showProgress(path, this.#doneBytes + (source?.counters.fileBytes ?? 0), this.#sink.sieve.findings);
      },
      onCapture: (result: CaptureResult) => {
        this.#results.push(result);
        this.#doneBytes += result.counters?.fileBytes ?? 0;
        const problem = toProblem(result, result.path === '-' ? 'standard input' : escapeUnsafe(result.path));
        if (problem !== null) this.addProblem(problem);
      },
      afterBlock: () => delivery?.afterBlock(this.#io.interrupt) ?? null,
    };
    try {
      await replayCaptures(this.#captures, this.#pipeline, observer, stop);
      this.#sink.close();
      return null;
    } catch (error) {
      if (error instanceof OutputError) return error;
      throw error;
    }
  }

  #counts(): SensorCounts {
    return { pipeline: countsOf(this.#pipeline), live: null };
  }

  #isUnread(): boolean {
    return this.#nobodyReads.signal.aborted && this.#statsFile === null;
  }

  #toStats(elapsedS: number, cpu: NodeJS.CpuUsage, isInterrupted: boolean): RunStats {
    const run = {
      sensor: this.#settings.sensor,
      bootId: this.#bootId,
      scoring: this.#settings.scoring,
      isInterrupted,
      found: this.#captures.length,
      otherFiles: this.otherFiles,
      results: this.#results,
      problems: this.#problems,
      elapsedS,
      cpu,
      events: { ndjson: this.#sink.eventsOf('ndjson'), protobuf: this.#sink.eventsOf('protobuf') },
      delivery: this.#delivery?.toStats() ?? null,
    };
    return toRunStats(run, this.#counts(), this.#sink.sieve.counts());
  }

  #written(): { name: string; events: number }[] {
    return this.#outputs.map(({ kind, events }) => {
      const name = this.#settings[kind]!;
      return { name: name === STDOUT_NAME ? 'standard output' : escapeUnsafe(name), events };
    });
  }
}

/** Null where nothing is delivered: then nothing of it is loaded. */
async function resolveDeliveryIfAsked(
  given: CommandArguments,
  config: Config,
  io: CliIo,
): Promise<DeliverySettings | null> {
  const isAsked = config.hec?.endpoints !== undefined || DELIVERY_OPTIONS.some((name) => given.values.has(name));
  if (!isAsked) return null;
  const { resolveDelivery } = await import('./delivery-settings.ts');
  return resolveDelivery(given, config, io.env);
}

async function openOutputs(settings: ReplaySettings, identity: SensorIdentity): Promise<readonly EventOutput[]> {
  const outputs: EventOutput[] = [];
  if (settings.ndjson === null && settings.protobuf === null) return outputs;
  const builder = new EventBuilder(identity, PROFILES[settings.profile], toEventOptions(settings));
  if (settings.ndjson !== null) {
    const file = new NdjsonFile(new ByteFile(settings.ndjson), builder);
    outputs.push({ kind: 'ndjson', file, events: 0, isRead: true });
  }
  if (settings.protobuf !== null) {
    const { ProtobufFile } = await import('../output/protobuf-file.ts');
    const file = new ProtobufFile(new ByteFile(settings.protobuf), builder);
    outputs.push({ kind: 'protobuf', file, events: 0, isRead: true });
  }
  return outputs;
}

/** An output is written anew: one that is a capture of this run would destroy what is to be read. */
function refuseOverwriting(settings: ReplaySettings, captures: readonly FoundCapture[]): void {
  for (const [kind, name] of outputNames(settings)) {
    const output = name === STDOUT_NAME ? undefined : statSync(name, { bigint: true, throwIfNoEntry: false });
    if (output === undefined || !output.isFile()) continue;
    const same = captures.find(({ path }) => {
      const stats = path === '-' ? undefined : statSync(path, { bigint: true, throwIfNoEntry: false });
      return stats !== undefined && stats.dev === output.dev && stats.ino === output.ino;
    });
    if (same === undefined) continue;
    throw new UsageError(
      `--${kind} ${escapeUnsafe(name)} would overwrite the capture that is to be read; name another file`,
    );
  }
}
