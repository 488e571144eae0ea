/**
 * One event in a thousand is bad, in five ways, while requests fail as well: exactly the bad ones end in the quarantine file, each once,
 * and none beside them is lost.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { type Fault, SeededFaults } from '../support/hec/fault-plan.ts';
import { HecServer } from '../support/hec/hec-server.ts';
import { isPoison } from './generated-events.ts';
import { basePlan, type Scenario, type ScenarioOptions, type ScenarioResult } from './scenario.ts';
import { QUARANTINE_FILE } from './sender-plan.ts';
import { SenderProcess } from './sender-process.ts';

const EVERY = 1_000;
const TOKEN = 'a1b2c3d4-0000-4000-8000-00000000cafe';
const CAP_BYTES = 1_000_000;
const BATCH_BYTES = 500_000;
/** Faults that say for certain whether events were taken: then nothing may come twice. */
const CERTAIN_FAULTS: readonly Fault[] = [
  { kind: 'code', code: 9 },
  { kind: 'code', code: 26, retryAfter: '0' },
  { kind: 'busy-after', share: 0.3 },
  { kind: 'busy-after', share: 0.95 },
  { kind: 'warning', code: 24 },
  { kind: 'slow', ms: 30 },
];

export const poison: Scenario = { name: 'poison', run };

async function run({ seed, folder, events }: ScenarioOptions): Promise<ScenarioResult> {
  const faults = new SeededFaults({ seed, rate: 0.1, eventFaults: CERTAIN_FAULTS });
  const server = new HecServer({ tokens: { [TOKEN]: { usesAck: true } }, maxBodyBytes: CAP_BYTES, faults });
  await server.start();
  const tokenFile = path.join(folder, 'token');
  writeFileSync(tokenFile, TOKEN, { mode: 0o600 });
  const plan = {
    ...basePlan(folder, server.url, tokenFile),
    events,
    eventsPerSecond: 50_000,
    batchBytes: BATCH_BYTES,
    poisonEvery: EVERY,
    largeBytes: CAP_BYTES + 1,
    ackTimeoutMs: 60_000,
    requestTimeoutMs: 20_000,
  };
  const sender = new SenderProcess(plan);
  const report = await sender.ended;
  await server.stop();
  if (report === null) throw new Error('the sender was killed, and not by us');

  const complaints: string[] = [];
  const held = countQuarantined(path.join(folder, QUARANTINE_FILE));
  let bad = 0;
  for (let seq = 0; seq < events; seq++) {
    const times = server.ledger.timesOf(plan.bootId, seq);
    if (isPoison(seq, EVERY)) {
      bad += 1;
      if (held.get(seq) !== 1) complaints.push(`bad event ${seq} is ${held.get(seq) ?? 0} times in quarantine`);
      if (times !== 0) complaints.push(`bad event ${seq} was indexed`);
    } else {
      if (times !== 1) complaints.push(`good event ${seq} was indexed ${times} times`);
      if (held.has(seq)) complaints.push(`good event ${seq} is in quarantine`);
    }
  }
  const { counters } = report;
  const dropped = Object.values(counters.dropped).reduce((sum, count) => sum + count, 0);
  if (dropped !== bad || counters.emitted !== events + spoolReports(server, plan.bootId))
    complaints.push(`${bad} bad of ${events}, but the account says ${JSON.stringify(counters)}`);
  if (counters.queued !== 0) complaints.push(`${counters.queued} events are still queued`);
  return {
    complaints: complaints.slice(0, 20),
    facts: [
      `${events} events, ${bad} bad, ${held.size} in quarantine; account ${JSON.stringify(counters)}`,
      `answers ${JSON.stringify(server.counters.answers)}`,
    ],
  };
}

/** The spool reports its drops as events of its own run; they are emitted too. */
function spoolReports(server: HecServer, bootId: string): number {
  return server.ledger
    .runAccountingSearch()
    .filter((row) => row.bootId !== bootId)
    .reduce((sum, row) => sum + row.distinct, 0);
}

function countQuarantined(file: string): Map<number, number> {
  const counts = new Map<number, number>();
  if (!existsSync(file)) return counts;
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    const bad = /bad-(\d+)/.exec(line)?.[1];
    const seq = Number(bad ?? /seq\\?":(\d+)/.exec(line)?.[1] ?? -1);
    counts.set(seq, (counts.get(seq) ?? 0) + 1);
  }
  return counts;
}
