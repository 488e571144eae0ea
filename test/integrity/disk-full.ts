/**
 * The server is away until the spool is full, and comes back: on a small tmpfs where we may mount one, else against the spool's own bound.
 *
 *     pause         the source waits; afterwards every event is there
 *     drop-oldest   events go; every one that is not there is journalled, and no other
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { MIN_SPOOL_BYTES } from '../../src/output/spool/limits.ts';
import { HecServer } from '../support/hec/hec-server.ts';
import { judge } from './judge.ts';
import { basePlan, delay, type Scenario, type ScenarioOptions, type ScenarioResult } from './scenario.ts';
import { readCommits, SenderProcess } from './sender-process.ts';

const MIB = 1024 * 1024;
const TOKEN = 'a1b2c3d4-0000-4000-8000-0000000d15c0';
/** Our events fill it several times over. */
const TMPFS_MIB = 12;
/** The least that a spool takes. */
const QUOTA_BYTES = MIN_SPOOL_BYTES;
const OUTAGE_MS = 4_000;

export const diskFull: readonly Scenario[] = [
  { name: 'disk full on a tmpfs, pause', run: (options) => run(options, 'pause', true) },
  { name: 'disk full on a tmpfs, drop-oldest', run: (options) => run(options, 'drop-oldest', true) },
  { name: 'quota reached, pause', run: (options) => run(options, 'pause', false) },
  { name: 'quota reached, drop-oldest', run: (options) => run(options, 'drop-oldest', false) },
];

async function run(
  { folder, events, say }: ScenarioOptions,
  policy: 'pause' | 'drop-oldest',
  isTmpfs: boolean,
): Promise<ScenarioResult> {
  const server = new HecServer({ tokens: { [TOKEN]: { usesAck: true } }, indexDelayMs: 50 });
  const tokenFile = path.join(folder, 'token');
  writeFileSync(tokenFile, TOKEN, { mode: 0o600 });
  const disk = path.join(folder, 'small');
  mkdirSync(disk);
  if (isTmpfs) {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${TMPFS_MIB}m`, 'tmpfs', disk], {
      encoding: 'utf8',
    });
    if (mounted.status !== 0)
      return { complaints: [], facts: [], skipped: `no tmpfs can be mounted here: ${(mounted.stderr ?? '').trim()}` };
  }
  try {
    await server.start();
    await server.stop();
    const plan = {
      ...basePlan(folder, server.url, tokenFile),
      spoolFolder: path.join(disk, 'spool'),
      events,
      eventsPerSecond: 100_000,
      policy,
      maxBytes: isTmpfs ? 1024 * MIB : QUOTA_BYTES,
    };
    const sender = new SenderProcess(plan);
    await delay(OUTAGE_MS);
    const committed = readCommits(folder).get(plan.bootId) ?? -1;
    say(`after ${OUTAGE_MS} ms without a server: ${committed + 1} of ${events} events committed`);
    await server.start();
    const report = await sender.ended;
    if (report === null) throw new Error('the sender was killed, and not by us');
    const judged = judge({ ledger: server.ledger, commits: readCommits(folder), report, wasKilled: false });
    const complaints = [...judged.complaints];
    const { dropped } = report.counters;
    const droppedEvents = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    if (policy === 'pause' && droppedEvents > 0)
      complaints.push(`a paused source lost events: ${JSON.stringify(dropped)}`);
    if (policy === 'pause' && committed + 1 >= events) complaints.push('the spool was never full: this tested nothing');
    if (policy === 'drop-oldest' && droppedEvents === 0) complaints.push('nothing was dropped: this tested nothing');
    return {
      complaints,
      facts: [
        `account ${JSON.stringify(report.counters)}`,
        `${judged.received} received, ${judged.duplicates} duplicates, missing=${judged.missing}, journal of ${report.drops.length} ranges`,
        ...report.drops
          .slice(0, 5)
          .map(
            ({ firstSeq, lastSeq, events: count, reason }) =>
              `journal: seq ${firstSeq} to ${lastSeq}, ${count} events, ${reason}`,
          ),
      ],
    };
  } finally {
    await server.stop();
    if (isTmpfs) spawnSync('umount', [disk]);
  }
}
