/**
 * One measurement of delivery, in a process that does nothing else, so that its memory and CPU time are those of delivery.
 *
 *     node dist/bench/hec-sender.js '{"kind":…}'      started by hec.ts; the result goes over the channel to it
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { DeliveryResult, HecPlan } from './hec-plan.ts';
import { Rig } from './hec-rig.ts';
import { grouped } from './text-table.ts';

const CHECK_MS = 1_000;
/** Lines that are shown of an outage. */
const OUTAGE_LINES = 6;
const DRAIN_LINE_MS = 2_000;
const RETURN_MS = 30_000;
/** What a drain may take: so many times the outage, and a minute. */
const MAX_DRAIN_SHARE = 5;

async function speed(plan: HecPlan): Promise<DeliveryResult> {
  const rig = await Rig.open(plan, true);
  const checks = setInterval(() => rig.check(), CHECK_MS);
  await rig.rush(plan.seconds);
  const isEmpty = await rig.empty();
  clearInterval(checks);
  if (!isEmpty) rig.faults.push('not all was acknowledged in time');
  return rig.close(null);
}

async function outage({ seconds, eventsPerSecond, ...plan }: HecPlan): Promise<DeliveryResult> {
  const rig = await Rig.open({ seconds, eventsPerSecond, ...plan }, false);
  const { consumer, spool, server } = rig;
  const checks = setInterval(() => rig.check(), CHECK_MS);
  const stop = new AbortController();
  const firstSeq = rig.nextSeq;
  const beginMs = Date.now();
  const generating = rig.pace(eventsPerSecond, stop.signal);
  for (let i = 1; i <= OUTAGE_LINES; i++) {
    await delay((seconds * 1000) / OUTAGE_LINES);
    say(rig, 'away', beginMs);
  }
  const backlog = consumer.counters.queued;

  const backMs = performance.now();
  await server.ask({ do: 'start' });
  while ((await server.ask({ do: 'look' })).indexed === 0 && performance.now() - backMs < RETURN_MS) await delay(20);
  const drainBeginMs = performance.now();
  const fromSeq = rig.nextSeq;
  const dueMs = beginMs + ((fromSeq - firstSeq) * 1000) / eventsPerSecond;
  await server.ask({ do: 'watch', fromSeq, dueMs, perSecond: eventsPerSecond });
  const lastId = spool.book.nextId - 1;
  const untilMs = drainBeginMs + 60_000 + MAX_DRAIN_SHARE * seconds * 1000;
  let lineMs = drainBeginMs + DRAIN_LINE_MS;
  while (consumer.settledId < lastId && performance.now() < untilMs) {
    await delay(20);
    if (performance.now() < lineMs) continue;
    lineMs += DRAIN_LINE_MS;
    say(rig, 'back', beginMs);
  }
  const drainedMs = consumer.settledId < lastId ? null : performance.now();
  const { ages: live } = await server.ask({ do: 'look' });
  say(rig, drainedMs === null ? 'late' : 'drained', beginMs);
  stop.abort();
  await generating;
  const isEmpty = await rig.empty();
  clearInterval(checks);
  if (drainedMs === null || !isEmpty) rig.faults.push('the backlog was not delivered in time');
  say(rig, 'end', beginMs);
  return rig.close({
    backlog,
    checks: rig.checks,
    returnS: (drainBeginMs - backMs) / 1000,
    drainS: drainedMs === null ? null : (drainedMs - drainBeginMs) / 1000,
    live,
    latestS: rig.latestMs / 1000,
  });
}

/** One line of the account. */
function say(rig: Rig, what: string, beginMs: number): void {
  const { emitted, acknowledged, queued, dropped } = rig.consumer.counters;
  const lost = Object.values(dropped).reduce((sum, events) => sum + events, 0);
  const at = `${((Date.now() - beginMs) / 1000).toFixed(0)} s`.padStart(6);
  const numbers = `${grouped(emitted)} = ${grouped(acknowledged)} + ${grouped(queued)} + ${grouped(lost)}`;
  const file = `spool ${(rig.spool.fileBytes / 1e6).toFixed(0)} MB`;
  process.stderr.write(`${at}  ${what.padEnd(7)}  ${numbers}  ${file}\n`);
}

const argument: unknown = JSON.parse(process.argv[2] ?? '{}');
// hec.ts writes it, from the same type.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const plan = argument as HecPlan;
process.send?.(await (plan.kind === 'speed' ? speed(plan) : outage(plan)));
process.disconnect();
