/**
 * Where a replay spends its time: runs it under V8's sampling profiler and prints the functions by their own time.
 *
 *     npm run bench:profile -- FILE [--top N] [--sensor FILE] [--keep FILE.cpuprofile]
 *
 * `self` is the time in the function itself, without what it calls. What V8 inlined counts for the caller. `(garbage
 * collector)` is the main thread's part of it; `(program)` is native code that no function of ours called.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { measureProcess, ProgramFailed } from './measure-process.ts';
import { replayArguments, SENSOR_PROGRAM } from './programs.ts';
import { textTable } from './text-table.ts';

/** What is used of the DevTools protocol's `Profiler.Profile`. Times are microseconds. */
const PROFILE = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});
type Profile = z.infer<typeof PROFILE>;
type ProfileNode = Profile['nodes'][number];

/** Microseconds between samples: half of Node's default, so that a replay of a second gives two thousand. */
const INTERVAL_US = 500;
const TOP = 40;

async function main(): Promise<void> {
  const program = new Command('profile')
    .description('Own time of functions in a replay.')
    .argument('<file>', 'a capture')
    .option('--top <n>', 'so many functions', String(TOP))
    .option('--sensor <file>', 'another build of dist/bin/main.js', SENSOR_PROGRAM)
    .option('--keep <file>', 'keep the profile, for Chrome DevTools and others')
    .parse();
  const { top, sensor, keep } = program.opts<{ top: string; sensor: string; keep?: string }>();
  const scratch = mkdtempSync(join(tmpdir(), 'spanglass-bench-'));
  try {
    const path = join(scratch, 'replay.cpuprofile');
    const flags = ['--cpu-prof', '--cpu-prof-interval', String(INTERVAL_US), '--cpu-prof-dir', scratch];
    const replay = replayArguments(sensor, program.args[0]!, join(scratch, 'events.ndjson'));
    await measureProcess([process.execPath, ...flags, '--cpu-prof-name', 'replay.cpuprofile', ...replay]);
    const profile = PROFILE.parse(JSON.parse(readFileSync(path, 'utf8')));
    if (keep !== undefined) copyFileSync(path, keep);
    process.stdout.write(`${selfTimes(profile, placeOf, 'function', Number(top))}\n`);
    process.stdout.write(selfTimes(profile, ({ callFrame }) => roomOf(callFrame.url), 'room', Infinity));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Time of the samples by what `nameOf` says of them, the largest first. */
function selfTimes(profile: Profile, nameOf: (node: ProfileNode) => string, head: string, top: number): string {
  const names = new Map(profile.nodes.map((node) => [node.id, nameOf(node)]));
  const times = new Map<string, number>();
  let total = 0;
  for (const [i, id] of profile.samples.entries()) {
    const name = names.get(id) ?? '(unknown)';
    const delta = profile.timeDeltas[i] ?? 0;
    times.set(name, (times.get(name) ?? 0) + delta);
    total += delta;
  }
  const largest = [...times].toSorted(([, a], [, b]) => b - a).slice(0, top);
  const rows = largest.map(([name, us]) => [name, (us / 1000).toFixed(0), ((100 * us) / total).toFixed(1)]);
  return textTable([[head, 'self ms', '%'], ...rows]);
}

function placeOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  return `${name}  ${url.replace(/^.*\/(?=[^/]+\/[^/]+$)/, '')}:${lineNumber + 1}`;
}

/** `flow` for .../dist/src/flow/flow-table.js. */
function roomOf(url: string): string {
  if (url === '') return '(V8)';
  if (url.startsWith('node:')) return '(Node)';
  return /\/src\/([^/]+)\//.exec(url)?.[1] ?? '(others)';
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ProgramFailed)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
