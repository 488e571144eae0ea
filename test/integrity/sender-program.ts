/**
 * A sender that the harness kills whenever it likes: generated events, the spool, the HEC sink, and nothing else.
 *
 *     node dist/test/integrity/sender-program.js '{"folder":…}'
 *
 * After each commit that the spool confirms it writes `bootId lastSeq` into a file, with a system call that a SIGKILL does not undo: the
 * harness must not have to believe the spool about what the spool has promised.
 */
import { openSync, writeSync } from 'node:fs';
import path from 'node:path';

import { HEC_DEFAULTS } from '../../src/output/hec/hec-config.ts';
import { HecSink } from '../../src/output/hec/sender.ts';
import { BatchWriter } from '../../src/output/spool/batch-writer.ts';
import { openSpool } from '../../src/output/spool/open-spool.ts';
import { EventMaker } from './generated-events.ts';
import { COMMITS_FILE, QUARANTINE_FILE, type SenderPlan, type SenderReport } from './sender-plan.ts';

const SINK = 'hec';
/** Events between two confirmed commits. */
const CHUNK = 1_000;
const DRAIN_POLL_MS = 50;

const argument: unknown = JSON.parse(process.argv[2] ?? '{}');
// The harness writes it, from the same type.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const report = await send(argument as SenderPlan);
process.stdout.write(`${JSON.stringify(report)}\n`);

async function send(plan: SenderPlan): Promise<SenderReport> {
  const spool = await openSpool({
    folder: plan.spoolFolder,
    sensor: 'integrity',
    sinks: [{ name: SINK, policy: plan.policy }],
    maxBytes: plan.maxBytes,
    minFreeBytes: plan.minFreeBytes,
  });
  const sink = new HecSink({
    ...HEC_DEFAULTS,
    name: SINK,
    endpoints: plan.urls.map((url) => ({ url, weight: 1 })),
    tokenFile: plan.tokenFile,
    quarantineFile: path.join(plan.folder, QUARANTINE_FILE),
    // What an operator waits minutes for is a matter of tenths of a second here.
    connectTimeoutMs: 1_000,
    requestTimeoutMs: plan.requestTimeoutMs,
    backoffBaseMs: 20,
    backoffCapMs: 300,
    holdRetryMs: 100,
    ackPollMs: 100,
    ackPollMaxMs: 500,
    ackTimeoutMs: plan.ackTimeoutMs,
    stopTimeoutMs: 500,
    tokenPollMs: 200,
  });
  const consumer = spool.consumer(SINK);
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort());
  const sending = sink.start(consumer, stop.signal);

  await emit(plan, new BatchWriter(spool, { bootId: plan.bootId, batchBytes: plan.batchBytes }), stop.signal);
  const untilMs = performance.now() + plan.drainMs;
  while (consumer.counters.queued > 0 && performance.now() < untilMs && !stop.signal.aborted)
    await delay(DRAIN_POLL_MS);
  stop.abort();
  await sending;
  const { counters } = consumer;
  const drops = [...spool.book.journal.records].map(({ bootId, firstSeq, lastSeq, events, reason }) => ({
    bootId,
    firstSeq,
    lastSeq,
    events,
    reason,
  }));
  await spool.close();
  const { requests: _, requestSeconds: __, ackSeconds: ___, ...hec } = sink.counters;
  return { counters, drops, hec, peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024) };
}

async function emit(plan: SenderPlan, writer: BatchWriter, signal: AbortSignal): Promise<void> {
  const maker = new EventMaker(plan.bootId, plan.poisonEvery, plan.largeBytes);
  const commits = openSync(path.join(plan.folder, COMMITS_FILE), 'a');
  const begunMs = performance.now();
  for (let seq = 0; seq < plan.events && !signal.aborted; seq++) {
    if (writer.isFull) await writer.room();
    writer.append(maker.line(seq), seq);
    if (seq % CHUNK !== CHUNK - 1 && seq !== plan.events - 1) continue;
    await writer.flush();
    writeSync(commits, `${plan.bootId} ${seq}\n`);
    const aheadMs = ((seq + 1) * 1000) / plan.eventsPerSecond - (performance.now() - begunMs);
    if (aheadMs > 1) await delay(aheadMs);
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
