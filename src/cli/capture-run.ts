/** A capture that runs: what it opens, what it tells while it runs, and how it ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { escapeUnsafe } from '../bytes/text.ts';
import { CaptureError } from '../capture/capture-error.ts';
import type { LinkState } from '../capture/live-source.ts';
import { loadAddon } from '../capture/native-addon.ts';
import { ByteFile } from '../output/byte-file.ts';
import type { MetricsServer } from '../output/metrics-server.ts';
import { OutputError } from '../output/output-error.ts';
import type { Finding } from '../sensor/finding.ts';
import { LiveCapture } from '../sensor/live-capture.ts';
import type { LiveCounts, SensorCounts } from '../sensor/live-counts.ts';
import type { LiveOptions, LiveOutlet } from '../sensor/live-options.ts';
import type { CommandArguments } from './arguments.ts';
import { CaptureDelivery, type CaptureDeliverySettings, resolveCaptureDelivery } from './capture-delivery.ts';
import { giveUpPrivileges, type PrivilegePlan, type ProcessAddon, planPrivileges } from './capture-privileges.ts';
import { type CaptureSettings, resolveCapture } from './capture-settings.ts';
import { toSourcePlan, toSourceText } from './capture-source.ts';
import { type CliIo, isTerminal } from './cli-io.ts';
import { ExitCode } from './exit-code.ts';
import { type ListenAddress, resolveListen } from './listen-address.ts';
import { needRestart, toPatch } from './live-reload.ts';
import { toRates, toStatusFields, toStatusLine } from './live-status.ts';
import { LiveWatch } from './live-watch.ts';
import { JsonLog, type Log, TextLog } from './log.ts';
import type { openMetrics } from './open-metrics.ts';
import { isStdoutTaken, toEventOptions } from './output-settings.ts';
import { readConfig } from './read-config.ts';
import { readFilter } from './replay-command.ts';
import { type RunStats, toRunStats } from './run-stats.ts';
import { openScreen, type Screen } from './screen.ts';
import type { Config } from './settings.ts';
import { toSummary } from './summary.ts';
import { UsageError } from './usage-error.ts';
import { readVersion } from './version.ts';
import { writeStats } from './write-stats.ts';

const LOOK_MS = 1000;
const LOG_MS = 60_000;
/** A stop takes ten seconds at most: so long to read what is in the rings and to end the flows … */
const DRAIN_MS = 6000;
/** … and so long to get it all into the spool, or into the files. */
const FLUSH_MS = 3000;
/** State of programs of the system, where one was started as root and is another user now. */
const SYSTEM_STATE = '/var/lib';

export interface CapturePlan {
  readonly settings: CaptureSettings;
  readonly given: CommandArguments;
  readonly config: Config;
  readonly io: CliIo;
}

/** Where metrics are served, and what serves them, loaded. */
interface MetricsPlan {
  readonly listen: ListenAddress;
  readonly open: typeof openMetrics;
}

/** Why it ends. */
type CaptureEnd = 'told' | 'time' | 'unread' | 'no_worker' | 'delivery';

/** Everything is loaded by now, since who is left may not be able to read the program's files. */
export class CaptureRun {
  readonly #plan: CapturePlan;
  readonly #screen: Screen;
  readonly #log: Log;
  /** What is in force: a reload changes some of it. */
  #settings: CaptureSettings;
  #live!: LiveCapture;
  #delivery: CaptureDelivery | null = null;
  #metrics: MetricsServer | null = null;
  #statsFile: ByteFile | null = null;
  #end: ((reason: CaptureEnd) => void) | null = null;
  #statusLine = '';
  readonly #startMs = performance.now();
  readonly #startCpu = process.cpuUsage();

  private constructor(plan: CapturePlan, screen: Screen, log: Log) {
    this.#plan = plan;
    this.#settings = plan.settings;
    this.#screen = screen;
    this.#log = log;
  }

  /** Throws `UsageError`, `CaptureError` and `OutputError`: then nothing is left open. */
  static async open(plan: CapturePlan): Promise<CaptureRun> {
    const { settings, given, config, io } = plan;
    const addon = loadProcessAddon(!settings.hasLibpcap);
    const privileges = planPrivileges(settings.user, process.getuid?.() ?? -1, addon);
    const state = privileges.user === null ? {} : { XDG_STATE_HOME: io.env['XDG_STATE_HOME'] ?? SYSTEM_STATE };
    const delivery = await resolveCaptureDelivery(given, config, settings, { ...io.env, ...state });
    const listen = resolveListen(given, config);
    const metrics = listen === null ? null : { listen, open: (await import('./open-metrics.ts')).openMetrics };
    const screen = await openScreen(io, isStdoutTaken(settings), settings.isQuiet, 0);
    const run = new CaptureRun(plan, screen, openLog(settings, io, screen));
    run.#live = await LiveCapture.open(run.#toOptions(delivery !== null), run.#outlet());
    try {
      giveUpPrivileges(privileges, addon);
      await run.#openOutputs(delivery, metrics);
    } catch (error) {
      await run.#live.abandon();
      await run.#delivery?.close();
      throw privileges.user === null ? error : withUser(error, privileges.user.name);
    }
    run.#tellStart(privileges);
    return run;
  }

  #toOptions(hasEvents: boolean): LiveOptions {
    const { settings, io } = this.#plan;
    const shown = isStdoutTaken(settings) ? io.stderr : io.stdout;
    return {
      source: toSourcePlan(settings),
      workers: settings.workers,
      sensor: settings.sensor,
      profile: settings.profile,
      events: toEventOptions(settings),
      maxFlows: settings.maxFlows,
      hasEvents,
      // A service that delivers events has nobody who reads findings as well.
      hasFindings: !settings.isQuiet && (!hasEvents || isTerminal(shown, io.env)),
      scoring: settings.scoring,
      filter: settings.filter,
      minRisk: settings.minRisk,
    };
  }

  #outlet(): LiveOutlet {
    const log = this.#log;
    const name = escapeUnsafe(this.#settings.interface);
    return {
      onBatch: (batch) => this.#delivery?.take(batch) ?? null,
      onDropped: (dropped) => this.#delivery?.drop(dropped),
      onFindings: (findings) => this.#showFindings(findings),
      onNote: (text) => log.write('warn', 'note', text),
      onLink: (link) => log.write(link === 'up' ? 'info' : 'warn', 'link', `${name} ${LINK_TEXTS[link]}`, { link }),
      onFault: (error) => {
        log.write('error', 'worker_fault', `a worker ended: ${error.message}`, { stack: error.stack });
        if (this.#live.counts().workers === 0) this.#end?.('no_worker');
      },
    };
  }

  async #openOutputs(delivery: CaptureDeliverySettings | null, metrics: MetricsPlan | null): Promise<void> {
    const { sensor, index, stats } = this.#settings;
    if (delivery !== null) {
      const identity = { sensor, index, bootIds: this.#live.bootIds };
      this.#delivery = await CaptureDelivery.open(delivery, identity, this.#plan.given, this.#log);
    }
    if (stats !== null) this.#statsFile = new ByteFile(stats);
    if (metrics !== null) await this.#openMetrics(metrics);
  }

  async #openMetrics({ listen, open }: MetricsPlan): Promise<void> {
    this.#metrics = await open(listen, () => this.#counts(), this.#delivery?.delivery ?? null);
    const url = `http://${this.#metrics.address}/metrics`;
    this.#log.write('info', 'metrics', `metrics at ${url}`, { url });
  }

  #tellStart({ user, note }: PrivilegePlan): void {
    const { settings } = this.#plan;
    if (note !== '') this.#log.write('warn', 'privileges', note);
    const where = this.#delivery?.targets() ?? [];
    const message = [
      `watching ${escapeUnsafe(settings.interface)}`,
      toSourceText(settings),
      ...(user === null ? [] : [`as user ${escapeUnsafe(user.name)}`]),
      where.length === 0 ? 'nothing is written' : `events to ${where.join(' and ')}`,
    ].join(', ');
    this.#log.write('info', 'start', message, {
      version: readVersion(),
      interface: settings.interface,
      libpcap: settings.hasLibpcap,
      workers: settings.workers,
      ring_mib: settings.ringMib,
      promiscuous: settings.isPromiscuous,
      shunt: settings.hasShunt,
      xdp: settings.hasXdp,
      ...(settings.bpf !== null && { bpf: settings.bpf }),
      uid: process.getuid?.(),
      boot_ids: this.#live.bootIds,
      targets: where,
    });
  }

  /** Reads until it is told to end, then ends in order. */
  async untilEnd(): Promise<ExitCode> {
    const { io } = this.#plan;
    const ended = new Promise<CaptureEnd>((resolve) => {
      this.#end = resolve;
    });
    const onInterrupt = () => this.#end?.('told');
    io.interrupt.addEventListener('abort', onInterrupt);
    if (io.interrupt.aborted) onInterrupt();
    io.readerGone.addEventListener('abort', () => {
      // The findings were all that it made.
      if (this.#delivery === null && this.#statsFile === null) this.#end?.('unread');
    });
    io.onHangup(() => {
      this.#reload().catch((error: unknown) => {
        this.#log.write('error', 'reload', error instanceof Error ? error.message : String(error));
      });
    });
    this.#delivery?.delivery.reportHealth(() => this.#counts());
    const { forMs } = this.#settings;
    const timer = forMs === null ? null : setTimeout(() => this.#end?.('time'), forMs);
    this.#live.start();
    const stopLooking = this.#lookOften();
    const reason = await ended;
    if (timer !== null) clearTimeout(timer);
    stopLooking();
    return this.#finish(reason);
  }

  /** Status line or log, and notices. Gives what ends it. */
  #lookOften(): () => void {
    const watch = new LiveWatch();
    const { io } = this.#plan;
    const hasLine = !this.#settings.isQuiet && this.#log instanceof TextLog && isTerminal(io.stderr, io.env);
    let before = { counts: this.#live.counts(), atMs: performance.now() };
    let logged = before;
    const timer = setInterval(() => {
      const now = { counts: this.#live.counts(), atMs: performance.now() };
      for (const { level, event, message, fields } of watch.look(now.counts, now.atMs)) {
        this.#log.write(level, event, message, fields);
      }
      this.#endWithDelivery();
      const queued = this.#delivery?.queued() ?? null;
      if (hasLine) {
        const rates = toRates(before.counts, now.counts, (now.atMs - before.atMs) / 1000);
        this.#statusLine = toStatusLine(escapeUnsafe(this.#settings.interface), rates, now.counts, queued);
        this.#screen.showWait(this.#statusLine);
      } else if (now.atMs - logged.atMs >= LOG_MS) {
        const rates = toRates(logged.counts, now.counts, (now.atMs - logged.atMs) / 1000);
        const text = toStatusLine(escapeUnsafe(this.#settings.interface), rates, now.counts, queued);
        const fields = toStatusFields(rates, now.counts);
        this.#log.write('info', 'counters', text, queued === null ? fields : { ...fields, queued });
        logged = now;
      }
      before = now;
    }, LOOK_MS);
    return () => clearInterval(timer);
  }

  /** A sink that gave up for good. A reader that went away is no fault, and only ends what was made for it alone. */
  #endWithDelivery(): void {
    const { fault, sinkNames } = this.#delivery?.delivery ?? { fault: null, sinkNames: [] };
    if (fault === null) return;
    if (fault instanceof OutputError && fault.code === 'closed_by_reader') {
      if (sinkNames.length === 1 && this.#statsFile === null) this.#end?.('unread');
      return;
    }
    this.#log.write('error', 'delivery', `delivery ended: ${fault.message}`, { stack: fault.stack });
    this.#end?.('delivery');
  }

  #showFindings(findings: readonly Finding[]): void {
    for (const finding of findings) this.#screen.showFinding(finding);
    if (this.#statusLine !== '') this.#screen.showWait(this.#statusLine);
  }

  /** A configuration with a fault changes nothing, and is told. */
  async #reload(): Promise<void> {
    const { given, config: first } = this.#plan;
    this.#delivery?.delivery.reload();
    let config: Config;
    let settings: CaptureSettings;
    try {
      config = await readConfig(given);
      settings = resolveCapture(given, config);
      await readFilter(settings.filter, settings.filterOrigin);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.#log.write('error', 'reload', `the settings stay as they were: ${error.message}`, { taken: false });
      return;
    }
    const patch = toPatch(this.#settings, settings);
    this.#live.reload(patch);
    const { filter, filterOrigin, minRisk, scoring } = settings;
    this.#settings = { ...this.#settings, filter, filterOrigin, minRisk, scoring };
    const changed = Object.keys(patch);
    const restart = needRestart(first, config);
    const message = [
      changed.length === 0 ? 'reloaded, nothing to change' : `reloaded: ${changed.join(', ')}`,
      ...(restart.length === 0 ? [] : [`a restart is needed for ${restart.map(escapeUnsafe).join(', ')}`]),
    ].join('; ');
    this.#log.write('info', 'reload', message, { taken: true, changed, restart });
  }

  async #finish(reason: CaptureEnd): Promise<ExitCode> {
    const counts = await this.#stop();
    await this.#delivery?.finish(FLUSH_MS, () => ({ pipeline: counts.pipeline, live: counts }));
    await this.#metrics?.close();
    if (reason === 'unread') {
      this.#screen.close();
      return ExitCode.Ok;
    }
    const stats = this.#toStats(counts, reason);
    const problem = writeStats(this.#statsFile, stats);
    this.#tellEnd(stats, reason);
    if (problem !== null) this.#log.write('error', 'stats', escapeUnsafe(problem.message));
    for (const { level, message } of this.#delivery?.outcome() ?? []) this.#log.write(level, 'outcome', message);
    if (problem !== null || reason === 'no_worker' || reason === 'delivery') return ExitCode.Failed;
    const isLost = counts.handover.inHand > 0 || this.#delivery?.isStored === false;
    return isLost ? ExitCode.NotDelivered : ExitCode.Ok;
  }

  async #stop(): Promise<LiveCounts> {
    const counts = await Promise.race([this.#live.stop(), sleep(DRAIN_MS, null, { ref: false })]);
    if (counts !== null) return counts;
    const message = `the rings were not read to their end in ${DRAIN_MS / 1000} s; what is in them is lost`;
    this.#log.write('warn', 'stop', message);
    return this.#live.abandon();
  }

  #tellEnd(stats: RunStats, reason: CaptureEnd): void {
    if (this.#log instanceof TextLog) {
      if (this.#settings.isQuiet) this.#screen.close();
      else
        this.#screen.showSummary(
          toSummary(stats, this.#delivery?.written() ?? [], escapeUnsafe(this.#settings.interface)),
        );
      return;
    }
    this.#screen.close();
    const message = `stopped (${END_TEXTS[reason]})`;
    this.#log.write(reason === 'no_worker' || reason === 'delivery' ? 'error' : 'info', 'stop', message, {
      reason,
      stats,
    });
  }

  #counts(): SensorCounts {
    const live = this.#live.counts();
    return { pipeline: live.pipeline, live };
  }

  #toStats(counts: LiveCounts, reason: CaptureEnd): RunStats {
    const { settings } = this.#plan;
    const source = { path: settings.interface, counters: counts.source, fault: null, error: null };
    return toRunStats(
      {
        sensor: settings.sensor,
        bootId: this.#live.bootIds.join(' '),
        scoring: this.#settings.scoring,
        isInterrupted: reason === 'told',
        found: 1,
        otherFiles: 0,
        results: [source],
        problems: [],
        elapsedS: (performance.now() - this.#startMs) / 1000,
        cpu: process.cpuUsage(this.#startCpu),
        events: {
          ndjson: this.#delivery?.eventsOf('ndjson') ?? 0,
          protobuf: this.#delivery?.eventsOf('protobuf') ?? 0,
        },
        delivery: this.#delivery?.toStats() ?? null,
      },
      { pipeline: counts.pipeline, live: counts },
      counts.sieve,
    );
  }
}

const LINK_TEXTS = {
  up: 'is up',
  down: 'is down: nothing comes in until it is up again',
  gone: 'was removed: nothing comes in until it is there again',
} as const satisfies Record<LinkState, string>;

const END_TEXTS = {
  told: 'told to end',
  time: 'its time is over',
  unread: 'nobody reads',
  no_worker: 'no worker is left',
  delivery: 'events can not be written',
} as const satisfies Record<CaptureEnd, string>;

/** Who is left may not write where root could. */
function withUser(error: unknown, user: string): unknown {
  if (!(error instanceof OutputError)) return error;
  return new OutputError(error.code, `${error.message} (as user ${user}, who must be able to write there)`);
}

/** Null where there is none, and it is not needed for the ring. */
function loadProcessAddon(isNeeded: boolean): ProcessAddon | null {
  if (process.platform !== 'linux') return null;
  let addon: object;
  try {
    addon = loadAddon();
  } catch (error) {
    if (isNeeded || !(error instanceof CaptureError)) throw error;
    return null;
  }
  if (!isProcessAddon(addon)) throw new Error('the addon for live capture is of another version: npm run build:native');
  return addon;
}

function isProcessAddon(addon: object): addon is ProcessAddon {
  return 'processSeal' in addon && 'processFindUser' in addon;
}

function openLog(settings: CaptureSettings, io: CliIo, screen: Screen): Log {
  const least = settings.isQuiet ? 'warn' : 'info';
  const format = settings.logFormat ?? (isTerminal(io.stderr, io.env) ? 'text' : 'json');
  if (format === 'text') return new TextLog((message) => screen.showProblem(message), least);
  return new JsonLog(io.stderr, least, settings.sensor);
}
