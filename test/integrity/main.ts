/**
 * The integrity harness: what was emitted is what was received, whatever happens in between.
 *
 *     node dist/test/integrity/main.js [--events 1000000] [--seed N] [--only NAME]
 *     node dist/test/integrity/main.js --short
 *
 * Runs every scenario in a folder of its own under `out/integrity`, which stays when it failed. The seed is printed and given again
 * with `--seed`. Exit status: 0 all is well, 1 an event is lost, doubled beyond repair or not accounted for.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { diskFull } from './disk-full.ts';
import { poison } from './poison.ts';
import { randomFaults } from './random-faults.ts';
import type { Scenario } from './scenario.ts';

interface Planned {
  readonly scenario: Scenario;
  /** Of the million. */
  readonly share: number;
  /** In the short pass. */
  readonly shortEvents: number;
}

const PLANNED: readonly Planned[] = [
  { scenario: randomFaults, share: 0.8, shortEvents: 100_000 },
  { scenario: poison, share: 0.1, shortEvents: 20_000 },
  // In the short pass only against a quota, which needs no rights.
  ...diskFull.map((scenario) => ({
    scenario,
    share: 0.025,
    shortEvents: scenario.name.includes('quota') ? 150_000 : 0,
  })),
];
/** Fewer would not fill a spool. */
const MIN_EVENTS = 150_000;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
    only: { type: 'string' },
    short: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const out = path.resolve('out/integrity');
mkdirSync(out, { recursive: true });
console.log(`integrity: seed ${seed}`);

let passed = 0;
let failed = 0;
let skipped = 0;
for (const { scenario, share, shortEvents } of PLANNED) {
  if (values.only !== undefined && !scenario.name.includes(values.only)) continue;
  const events = values.short ? shortEvents : Math.max(MIN_EVENTS, Math.ceil(Number(values.events) * share));
  if (events === 0) continue;
  await runOne(scenario, events);
}
console.log(`integrity: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

async function runOne(scenario: Scenario, events: number): Promise<void> {
  const folder = mkdtempSync(path.join(out, `${scenario.name.replaceAll(/\W+/g, '-')}-`));
  const begunMs = performance.now();
  console.log(`=== ${scenario.name}: ${events} events`);
  const result = await scenario
    .run({ seed, folder, events, say: (line) => console.log(`  ${line}`) })
    .catch((error: unknown) => ({
      complaints: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
      facts: [],
    }));
  for (const fact of result.facts) console.log(`  ${fact}`);
  const seconds = ((performance.now() - begunMs) / 1000).toFixed(1);
  if ('skipped' in result && result.skipped !== undefined) {
    skipped += 1;
    console.log(`--- ${scenario.name}: skipped (${result.skipped})`);
  } else if (result.complaints.length === 0) {
    passed += 1;
    console.log(`--- ${scenario.name}: holds (${seconds} s)`);
  } else {
    failed += 1;
    for (const complaint of result.complaints) console.log(`  ! ${complaint}`);
    console.log(`--- ${scenario.name}: FAILED (${seconds} s); again with --seed ${seed}; its files are in ${folder}`);
    return;
  }
  rmSync(folder, { recursive: true, force: true });
}
