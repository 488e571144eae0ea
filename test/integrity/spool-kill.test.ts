/** SIGKILL at any instruction: what was committed is there afterwards, and the accounts hold. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { openSpool } from '../../src/output/spool/open-spool.ts';
import type { Spool } from '../../src/output/spool/spool.ts';
import type { SpoolConsumer, SpoolCounters } from '../../src/output/spool/spool-batch.ts';
import { makeFolder, missing } from '../output/spool/spool-lab.ts';
import { bundleProgram, type Program, startProgram } from '../support/bundled-program.ts';

const KILLS = Number(process.env['SPANGLASS_KILLS'] ?? 25);
const SEED = Number(process.env['SPANGLASS_SEED'] ?? 20_261_124);
/** The sink that stands still fills it, and the other goes on. */
const MAX_BYTES = 8 * 1024 * 1024;
const SINKS = [
  { name: 'quick', policy: 'drop-oldest' as const },
  { name: 'stuck', policy: 'drop-newest' as const },
];

let program = '';
beforeAll(async () => {
  program = await bundleProgram('test/integrity/spool-program.ts');
});

/** What the killed programs said, as sets of `boot seq`. */
class Witness {
  readonly committed = new Set<string>();
  readonly begun = new Set<string>();
  readonly settled = new Set<string>();

  hear(lines: readonly string[]): void {
    const sets: Record<string, Set<string>> = { A: this.committed, S: this.begun, s: this.settled };
    for (const line of lines) {
      const match = /^([ASs]) (\S+) (\d+) (\d+)$/.exec(line);
      if (match === null) continue;
      for (let seq = Number(match[3]); seq <= Number(match[4]); seq++) sets[match[1]!]!.add(`${match[2]!} ${seq}`);
    }
  }
}

function queuedOf(consumer: SpoolConsumer): string[] {
  return consumer
    .read(0, 1e9)
    .flatMap((batch) => Array.from({ length: batch.count }, (_, i) => `${batch.bootId} ${batch.firstSeq + i}`));
}

function journalOf(spool: Spool, sink: string): Set<string> {
  const events = new Set<string>();
  for (const record of spool.book.journal.records) {
    if (record.sink !== sink || record.reason === 'rejected') continue;
    for (let seq = record.firstSeq; seq <= record.lastSeq; seq++) events.add(`${record.bootId} ${seq}`);
  }
  return events;
}

function expectWhole(spool: Spool, witness: Witness): void {
  for (const { name } of SINKS) {
    const consumer = spool.consumer(name);
    const queued = queuedOf(consumer);
    const journal = journalOf(spool, name);
    const isQueued = new Set(queued);
    const { counters } = consumer;
    expect(missing(counters)).toBe(0);
    expect(counters.queued).toBe(queued.length);
    expect(isQueued.size).toBe(queued.length);
    const { rejected = 0, ...byPolicy } = counters.dropped;
    expect(Object.keys(byPolicy).every((reason) => reason === 'spool_full')).toBe(true);
    expect(byPolicy['spool_full'] ?? 0).toBe(journal.size);
    const settled = name === 'quick' ? witness.begun : new Set<string>();
    const lost = [...witness.committed].filter(
      (event) => !isQueued.has(event) && !settled.has(event) && !journal.has(event),
    );
    expect(lost).toEqual([]);
    if (name !== 'quick') continue;
    // A settle that resolved is kept.
    expect(queued.filter((event) => witness.settled.has(event))).toEqual([]);
    expect(counters.acknowledged + rejected).toBeGreaterThanOrEqual(witness.settled.size);
    expect(counters.acknowledged + rejected).toBeLessThanOrEqual(witness.begun.size);
  }
}

async function openAgain(folder: string): Promise<Spool> {
  return openSpool({ folder, sensor: 'killed', sinks: SINKS, maxBytes: MAX_BYTES, minFreeBytes: 0 });
}

function run(folder: string, durability: string, seed: number): Program {
  return startProgram(process.execPath, [program, folder, durability, String(seed), String(MAX_BYTES), '1000000']);
}

describe('a spool whose process is killed', () => {
  it.each([
    ['crash', KILLS, 250],
    ['power-loss', KILLS, 250],
    // Its commits are a second apart.
    ['none', Math.ceil(KILLS / 5), 2500],
  ])(`has all it committed: %s, %i times in a row`, { timeout: KILLS * 4000 }, async (durability, kills, withinMs) => {
    const folder = makeFolder();
    const witness = new Witness();
    let delay = SEED;
    for (let kill = 0; kill < kills; kill++) {
      const killed = run(folder, durability, SEED + kill);
      expect([await killed.line('ready'), ...killed.errors]).toEqual(['ready']);
      delay = (Math.imul(delay, 1_103_515_245) + 12_345) >>> 0;
      await sleep(delay % withinMs);
      killed.child.kill('SIGKILL');
      expect(await killed.ended).toBe('SIGKILL');
      witness.hear(killed.lines);
      const spool = await openAgain(folder);
      expectWhole(spool, witness);
      await spool.close();
    }
    expect(witness.committed.size).toBeGreaterThan(kills);
    expect(witness.settled.size).toBeGreaterThan(kills);
    // Never was a store taken for damaged.
    expect(readdirSync(path.dirname(folder))).toEqual(['spool']);
  });

  it('is refused to a second process while the first lives, and free when it is killed', async () => {
    const folder = makeFolder();
    const first = run(folder, 'crash', 1);
    await first.line('ready');
    const second = run(folder, 'crash', 2);
    expect(await second.ended).toBe(1);
    expect(second.errors.join('\n')).toContain(`is in use by process ${first.child.pid}`);
    first.child.kill('SIGKILL');
    await first.ended;
    const spool = await openAgain(folder);
    await spool.close();
  });
});

const mountFault = findMountFault();

describe('a spool on a disk that fills', () => {
  it.skipIf(mountFault !== '')(
    `gives way by policy, is not corrupted, and goes on when there is space${mountFault}`,
    { timeout: 120_000 },
    async () => {
      const folder = makeFolder();
      const script = [
        `mkdir -p "${folder}" && mount -t tmpfs -o size=6m none "${folder}"`,
        // Somebody else fills the disk to the last byte, and later clears it. The spool's own bound is far above it.
        `( sleep 0.7; head -c 8000000 /dev/zero > "${folder}/others"; sleep 2; rm "${folder}/others" ) 2>/dev/null &`,
        `"${process.execPath}" "${program}" "${folder}" crash 5 1000000000 120000; echo "exit $?"`,
        `ls "${path.dirname(folder)}" | sed 's/^/beside /'; wait`,
        // It goes on where it was.
        `"${process.execPath}" "${program}" "${folder}" crash 6 1000000000 500; echo "again $?"`,
      ].join('\n');
      const full = startProgram('unshare', ['-rm', 'bash', '-c', script]);
      await full.ended;
      // Nothing on standard error: lmdb itself never met the full disk.
      const ends = full.lines.filter((line) => /^(exit|again|beside|closed)/.test(line));
      expect([...ends, ...full.errors]).toEqual(['closed', 'exit 0', 'beside spool', 'closed', 'again 0']);
      const accounts = full.lines.filter((line) => line.startsWith('C ')).map((line) => line.slice(2));
      expect(accounts).toHaveLength(4);
      for (const account of accounts) expect(missing(JSON.parse(account))).toBe(0);
      const [quick, stuck] = accounts.slice(2).map((account): SpoolCounters => JSON.parse(account));
      expect(quick!.emitted).toBeGreaterThanOrEqual(120_500);
      expect(stuck!.emitted).toBe(quick!.emitted);
      // The one that stood still gave way, and the other lost nothing by it.
      expect(Object.keys(stuck!.dropped)).toEqual(['disk_full']);
      expect(Object.keys(quick!.dropped)).toEqual(['rejected']);
    },
  );
});

/** Why no small disk can be had, to be shown; empty where one can. */
function findMountFault(): string {
  if (!existsSync('/usr/bin/unshare')) return ' (skipped: no unshare)';
  try {
    execFileSync('unshare', ['-rm', 'bash', '-c', 'mount -t tmpfs none /mnt'], { stdio: 'ignore' });
    return '';
  } catch {
    return ' (skipped: no mount in a user namespace)';
  }
}
