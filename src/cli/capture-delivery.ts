/**
 * The part of a capture that delivers: to Splunk, and to files as well, by way of the spool; to files alone without one. Nothing of it
 * holds up the capture. A spool that is full drops by its policy, and a sink that stands still stops no other.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { escapeUnsafe } from '../bytes/text.ts';
import type { HecConfig } from '../output/hec/hec-config.ts';
import type { HecStatus } from '../output/hec/hec-status.ts';
import { OutputError } from '../output/output-error.ts';
import { sumOf } from '../sensor/counters.ts';
import type { DeliveryOptions } from '../sensor/delivery.ts';
import type { DroppedEvents, EventBatch } from '../sensor/event-batch.ts';
import type { DeliveryStop, EventDelivery } from '../sensor/event-delivery.ts';
import { FileDelivery } from '../sensor/file-delivery.ts';
import type { SensorCounts } from '../sensor/live-counts.ts';
import type { FileSinkOptions } from '../sensor/running-sink.ts';
import type { CommandArguments } from './arguments.ts';
import type { CaptureSettings } from './capture-settings.ts';
import type { CliIo } from './cli-io.ts';
import { type DeliverySettings, resolveHealth, resolveHec, resolveSpool } from './delivery-settings.ts';
import { toDrainCommand, toStatusText } from './delivery-text.ts';
import type { Log, LogLevel } from './log.ts';
import { STDOUT_NAME } from './output-settings.ts';
import { toCountOf, toCountText } from './quantity-text.ts';
import type { DeliveryStats } from './run-stats.ts';
import type { Config } from './settings.ts';
import type { WrittenFile } from './summary.ts';
import { UsageError } from './usage-error.ts';

export interface CaptureDeliverySettings {
  /** Null where nothing goes to Splunk. */
  readonly hec: HecConfig | null;
  readonly files: readonly FileSinkOptions[];
  /** Throws `UsageError` for settings that can't work, and `OutputError` for a spool that can't be had. */
  open(run: DeliveredRun): Promise<EventDelivery>;
}

/** What is known only when the rings are open. */
type DeliveredRun = Pick<DeliveryOptions, 'sensor' | 'bootIds' | 'index' | 'onStatus' | 'onFileFault'>;

interface Outcome {
  readonly level: LogLevel;
  readonly message: string;
}

/** The same state is told again after so long, and not every time that a busy server says no. */
const QUIET_MS = 60_000;

/** Null where findings on the screen are all that is wanted. Throws `UsageError`. */
export async function resolveCaptureDelivery(
  given: CommandArguments,
  config: Config,
  settings: CaptureSettings,
  env: CliIo['env'],
): Promise<CaptureDeliverySettings | null> {
  const files = toFileSinks(settings);
  const hec = await resolveHec(given, config, env);
  if (hec === null && files.length === 0) return null;
  const spool = resolveSpool(given, config, env);
  const healthMs = resolveHealth(config);
  if (hec === null) {
    const isSynced = spool.durability === 'power-loss';
    return { hec, files, open: async (run) => new FileDelivery({ ...run, files, healthMs, isSynced }) };
  }
  const policy = config.spool?.policy ?? 'pause';
  // What is on the wire does not wait.
  const options = { hec, files, spool, healthMs, policy: policy === 'pause' ? 'drop-oldest' : policy } as const;
  return { hec, files, open: await loadSpooled(options) };
}

/** Only where there is a server is what it takes loaded, and at once: who is left later may not be able to read the program's files. */
async function loadSpooled(
  options: Omit<DeliverySettings, 'patience'> & { readonly files: readonly FileSinkOptions[] },
): Promise<CaptureDeliverySettings['open']> {
  const { Delivery } = await import('../sensor/delivery.ts');
  const { asUserErrors } = await import('./replay-delivery.ts');
  return (run) => asUserErrors(() => Delivery.open({ ...run, ...options }));
}

function toFileSinks({ ndjson, protobuf, rotateBytes, rotateMs }: CaptureSettings): readonly FileSinkOptions[] {
  const rotation = {
    ...(rotateBytes !== null && { maxBytes: rotateBytes }),
    ...(rotateMs !== null && { maxAgeMs: rotateMs }),
  };
  return [
    ...(ndjson === null ? [] : [{ format: 'ndjson', file: ndjson, ...rotation } as const]),
    ...(protobuf === null ? [] : [{ format: 'protobuf', file: protobuf, ...rotation } as const]),
  ];
}

export class CaptureDelivery {
  readonly delivery: EventDelivery;
  readonly #settings: CaptureDeliverySettings;
  readonly #given: CommandArguments;
  #stop: DeliveryStop | null = null;

  private constructor(delivery: EventDelivery, settings: CaptureDeliverySettings, given: CommandArguments) {
    this.delivery = delivery;
    this.#settings = settings;
    this.#given = given;
  }

  /** Throws `UsageError` for settings that can't work, and `OutputError` for a spool or a file that can't be had. */
  static async open(
    settings: CaptureDeliverySettings,
    identity: { readonly sensor: string; readonly bootIds: readonly string[]; readonly index: string | null },
    given: CommandArguments,
    log: Log,
  ): Promise<CaptureDelivery> {
    for (const { file } of settings.files) requireWritable(file);
    const teller = new StateTeller(log);
    const delivery = await settings.open({
      ...identity,
      onStatus: (status) => teller.onStatus(status),
      onFileFault: (format, fault) => teller.onFileFault(format, fault),
    });
    log.redact = (text) => delivery.redact(text);
    const tokenFault = delivery.status()?.tokenFault ?? null;
    if (tokenFault === null) return new CaptureDelivery(delivery, settings, given);
    await delivery.close();
    throw new UsageError(`${escapeUnsafe(settings.hec?.tokenFile ?? '')}: ${tokenFault}`);
  }

  /** See `LiveOutlet`. */
  take(batch: EventBatch): Promise<void> | null {
    return this.delivery.take(batch);
  }

  drop(dropped: DroppedEvents): void {
    this.delivery.countDropped(dropped);
  }

  /** Where events go, in words. */
  targets(): readonly string[] {
    const { hec, files } = this.#settings;
    const urls = hec === null ? [] : hec.endpoints.map(({ url }) => escapeUnsafe(url));
    const names = files.map(({ file }) => (file === STDOUT_NAME ? 'standard output' : escapeUnsafe(file)));
    return [...urls, ...names].map((target) => this.delivery.redact(target));
  }

  /** Events that wait for the sink that is furthest behind. */
  queued(): number {
    return Math.max(...this.delivery.sinkNames.map((name) => this.delivery.counts(name).queued));
  }

  /** Everything has gone into the spool, or into the files; true before the stop. */
  get isStored(): boolean {
    return this.#stop?.isStored ?? true;
  }

  /** Within `timeoutMs`. What is not delivered is in the spool, where there is one. */
  async finish(timeoutMs: number, counts: () => SensorCounts): Promise<void> {
    this.#stop = await this.delivery.stopWithin(timeoutMs, counts);
  }

  close(): Promise<void> {
    return this.delivery.close();
  }

  /** What became of the events of this run, where there is something to tell. */
  outcome(): readonly Outcome[] {
    const outcomes: Outcome[] = [];
    const { delivery } = this;
    for (const name of delivery.sinkNames) {
      const { queued, dropped } = delivery.counts(name);
      const lost = Object.entries(dropped).map(([reason, n]) => `${reason} ${toCountText(n)}`);
      if (lost.length > 0) {
        const message = `${toCountOf(sumOf(dropped), 'event')} dropped on the way to ${SINK_TEXTS[name] ?? name}: ${lost.join(', ')}`;
        outcomes.push({ level: 'warn', message });
      }
      if (queued === 0 || delivery.spool === null) continue;
      const { folder } = delivery.spool.options;
      const isFile = SINK_TEXTS[name] !== undefined;
      const wait = `${toCountOf(queued, 'event')} ${queued === 1 ? 'waits' : 'wait'} in the spool ${escapeUnsafe(folder)}`;
      const next = isFile
        ? 'the next capture with it writes them'
        : `the next capture with it, or ${this.#drainCommand(folder)}, delivers them`;
      const status = delivery.status();
      const why = isFile || status === null ? '' : ` (${toStatusText(status)})`;
      outcomes.push({ level: 'info', message: `${wait} for ${SINK_TEXTS[name] ?? 'Splunk'}${why}; ${next}` });
    }
    return outcomes;
  }

  #drainCommand(folder: string): string {
    return toDrainCommand({ ...this.#given, values: new Map([...this.#given.values, ['spool', folder]]) });
  }

  /** Events that each file has got. */
  written(): readonly WrittenFile[] {
    return this.#settings.files.map(({ format, file }) => ({
      name: file === STDOUT_NAME ? 'standard output' : escapeUnsafe(file),
      events: this.delivery.counts(format).acknowledged,
    }));
  }

  eventsOf(format: 'ndjson' | 'protobuf'): number {
    return this.delivery.sinkNames.includes(format) ? this.delivery.counts(format).acknowledged : 0;
  }

  /** Of the first sink: Splunk, where it is one. */
  toStats(): DeliveryStats {
    const { delivery } = this;
    const { written, acknowledged, queued, dropped } = delivery.counts();
    const status = delivery.status();
    const hec = delivery.hec?.counters ?? null;
    return {
      end: this.#stop?.isDelivered === true ? 'done' : 'interrupted',
      state: status?.state ?? 'stopped',
      reason: status?.reason ?? '',
      ...(delivery.spool !== null && {
        spool: delivery.spool.options.folder,
        spool_queued: delivery.counters().queued,
      }),
      emitted: written,
      acknowledged,
      has_acks: status?.endpoints.some((endpoint) => endpoint.hasAcks === true) ?? false,
      queued,
      dropped: sumOf(dropped),
      drops: dropped,
      requests: hec === null ? {} : Object.fromEntries(hec.requests),
      retries: hec?.retries ?? 0,
      resends: hec?.resends ?? 0,
      possible_duplicates: hec?.possibleDuplicates ?? 0,
      quarantined: hec?.quarantined ?? 0,
      wait_s: 0,
    };
  }
}

/** Sinks that are files, by their names in the account. */
const SINK_TEXTS: Readonly<Record<string, string>> = { ndjson: 'the NDJSON file', protobuf: 'the protobuf file' };

/** The file is opened with the first event, which may be an hour from now: who can't write there is told at once. */
function requireWritable(file: string): void {
  if (file === STDOUT_NAME) return;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    closeSync(openSync(file, 'a', 0o640));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OutputError('cannot_open', `can't write ${file}: ${reason}`);
  }
}

/** Tells each state of the delivery once, when it begins. */
class StateTeller {
  readonly #log: Log;
  #told = '';
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(log: Log) {
    this.#log = log;
  }

  onStatus(status: HecStatus): void {
    const { state, reason } = status;
    // The first probe is under way; or we stop, which is told otherwise.
    if (state === 'stopped' || reason === 'starting' || (state === 'backing_off' && reason === '')) return;
    const text = toStatusText(status);
    const nowMs = performance.now();
    if (text === this.#told && nowMs - this.#toldAtMs < QUIET_MS) return;
    this.#told = text;
    this.#toldAtMs = nowMs;
    const level = state === 'delivering' ? 'info' : state === 'holding' ? 'error' : 'warn';
    this.#log.write(level, 'delivery', `delivery to Splunk: ${text}`, { state, reason });
  }

  onFileFault(format: 'ndjson' | 'protobuf', fault: string): void {
    if (fault === '') this.#log.write('info', 'delivery', `${SINK_TEXTS[format]!} is written again`, { sink: format });
    else this.#log.write('error', 'delivery', `${SINK_TEXTS[format]!}: ${escapeUnsafe(fault)}`, { sink: format });
  }
}
