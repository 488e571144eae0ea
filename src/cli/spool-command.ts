/** `spanglass spool`: what waits on disk for Splunk, and its delivery without a sensor. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { escapeUnsafe } from '../bytes/text.ts';
import { HecSink } from '../output/hec/sender.ts';
import { OutputError } from '../output/output-error.ts';
import { STORE_FILE } from '../output/spool/batch-store.ts';
import { drainSpool } from '../output/spool/drain-spool.ts';
import { openSpool } from '../output/spool/open-spool.ts';
import type { Spool } from '../output/spool/spool.ts';
import { readSpoolStatus } from '../output/spool/spool-status.ts';
import { sumOf } from '../sensor/counters.ts';
import { progressOf, waitForDelivery } from '../sensor/delivery-wait.ts';
import { type CommandArguments, readArguments } from './arguments.ts';
import type { CliIo } from './cli-io.ts';
import type { CommandSpec } from './command-spec.ts';
import { type DeliverySettings, resolveDelivery, spoolFolder } from './delivery-settings.ts';
import { StatusTeller, toStatusText, toWaitText } from './delivery-text.ts';
import { ExitCode } from './exit-code.ts';
import { toCountOf } from './quantity-text.ts';
import { readConfig } from './read-config.ts';
import { asUserErrors } from './replay-delivery.ts';
import { openScreen } from './screen.ts';
import type { Config } from './settings.ts';
import { toSpoolText } from './spool-text.ts';
import { UsageError } from './usage-error.ts';

/** Throws `UsageError` and `OutputError`. */
export async function runSpool(spec: CommandSpec, args: readonly string[], io: CliIo): Promise<ExitCode> {
  const given = readArguments(spec, args);
  const [action, ...rest] = given.paths;
  if ((action !== 'status' && action !== 'drain') || rest.length > 0) {
    const what = action === undefined ? 'name what to do' : `there is no spool ${escapeUnsafe(given.paths.join(' '))}`;
    throw new UsageError(`${what}: spanglass spool status, or spanglass spool drain`);
  }
  const config = await readConfig(given);
  return action === 'status' ? showStatus(given, config, io) : drain(given, config, io);
}

async function showStatus(given: CommandArguments, config: Config, io: CliIo): Promise<ExitCode> {
  const folder = spoolFolder(given, config, io.env);
  const status = await asUserErrors(() => readSpoolStatus(folder, Date.now()));
  const isJson = given.switches.get('json') ?? false;
  io.stdout.write(isJson ? `${JSON.stringify(toJson(status), null, 2)}\n` : toSpoolText(status));
  return ExitCode.Ok;
}

/** Names as those of `--stats`. */
function toJson({ folder, isOpen, liveBytes, fileBytes, sinks, drops }: Awaited<ReturnType<typeof readSpoolStatus>>) {
  return {
    folder,
    in_use: isOpen,
    live_bytes: liveBytes,
    file_bytes: fileBytes,
    sinks: sinks.map(({ name, emitted, acknowledged, queued, dropped, queuedBytes, queuedBatches, oldestAgeMs }) => ({
      name,
      emitted,
      acknowledged,
      queued,
      dropped,
      queued_bytes: queuedBytes,
      queued_batches: queuedBatches,
      oldest_s: oldestAgeMs / 1000,
    })),
    drops: drops.map(({ sink, reason, bootId, firstSeq, lastSeq, events, firstMs, lastMs }) => ({
      sink,
      reason,
      boot_id: bootId,
      first_seq: firstSeq,
      last_seq: lastSeq,
      events,
      first: new Date(firstMs).toISOString(),
      last: new Date(lastMs).toISOString(),
    })),
  };
}

async function drain(given: CommandArguments, config: Config, io: CliIo): Promise<ExitCode> {
  const settings = await resolveDelivery(given, config, io.env);
  if (settings === null) throw new UsageError('name where to deliver: spanglass spool drain --hec URL');
  // Who made it is there; an empty one would be made otherwise.
  const { folder } = settings.spool;
  if (!existsSync(path.join(folder, STORE_FILE))) {
    throw new OutputError('cannot_open', `no spool in ${folder}: nothing was ever to be delivered from there`);
  }
  const screen = await openScreen(io, false, false, 0);
  const teller = new StatusTeller((message) => screen.showProblem(message));
  const { sink, spool } = await asUserErrors(() => openDrain(settings, config, teller));
  try {
    const { tokenFault } = sink.status();
    if (tokenFault !== null) throw new UsageError(`${escapeUnsafe(settings.hec.tokenFile ?? '')}: ${tokenFault}`);
    return await deliverAll(spool, sink, settings, io, screen);
  } finally {
    screen.close();
    await spool.close();
  }
}

async function openDrain(settings: DeliverySettings, config: Config, teller: StatusTeller) {
  const sink = new HecSink(settings.hec, { onChange: (status) => teller.onStatus(status) });
  const spool = await openSpool({
    ...settings.spool,
    sensor: config.sensor?.name ?? hostname(),
    sinks: [{ name: sink.name, policy: settings.policy }],
    // A file of a capture, say, that is not written meanwhile.
    keepsOtherSinks: true,
  });
  return { sink, spool };
}

async function deliverAll(
  spool: Spool,
  sink: HecSink,
  { patience, hec }: DeliverySettings,
  io: CliIo,
  screen: Awaited<ReturnType<typeof openScreen>>,
): Promise<ExitCode> {
  const counters = () => spool.book.accounts.find(({ name }) => name === sink.name)!.toCounters();
  const before = counters();
  const stop = new AbortController();
  let failure: Error | null = null;
  const draining = drainSpool(spool, [sink], stop.signal).catch((error: unknown) => {
    failure = error instanceof Error ? error : new Error(String(error));
  });
  let lastStatus = '';
  const awaited = {
    isDone: () => counters().queued === 0,
    hasFailed: () => failure !== null,
    progress: () => progressOf(counters(), sink),
    status: () => sink.status(),
  };
  await waitForDelivery(awaited, patience, io.interrupt, () => {
    lastStatus = toStatusText(sink.status());
    screen.showWait(toWaitText(counters().queued, sink.status()));
  });
  stop.abort();
  await draining;
  const { queued, acknowledged, dropped } = counters();
  screen.close();
  io.stdout.write(`${toCountOf(acknowledged - before.acknowledged, 'event')} delivered\n`);
  const lost = sumOf(dropped) - sumOf(before.dropped);
  if (lost > 0) {
    const folder = escapeUnsafe(hec.quarantineFile);
    screen.showProblem(`${toCountOf(lost, 'event')} dropped: spanglass spool status says why; see ${folder}`);
  }
  if (queued === 0) return ExitCode.Ok;
  const ended = failure === null ? '' : `; ${sink.redact((failure as Error).message)}`;
  const why = sink.redact(`${lastStatus}${ended}`);
  screen.showProblem(`${toCountOf(queued, 'event')} still ${queued === 1 ? 'waits' : 'wait'} in the spool: ${why}`);
  return ExitCode.NotDelivered;
}
