/**
 * Measures the sensor as a whole: CPU time and memory of a replay, against tcpdump on the same file in the same run.
 *
 *     npm run bench -- [--smoke] [--only NAME…] [--rounds N] [--files DIR] [--sensor FILE] [--peers] [--strict]
 *
 * See README.md beside this file. Exit status: 0, or 1 where something did not run or handshakes are missing, or with
 * `--strict` where a target was missed.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { openCapture } from '../src/capture/open-capture.ts';
import { PacketBlock } from '../src/capture/packet-source.ts';
import { type Input, prepareInput } from './inputs.ts';
import { ProgramFailed } from './measure-process.ts';
import { runPeers } from './peers.ts';
import { isInstalled, SENSOR_PROGRAM } from './programs.ts';
import { grouped, textTable } from './text-table.ts';
import {
  isComplete,
  missedTargets,
  type RunOptions,
  runWorkload,
  WORKLOAD_NAMES,
  type WorkloadName,
  type WorkloadResult,
} from './workloads.ts';

interface Arguments {
  readonly smoke?: boolean;
  readonly only?: readonly WorkloadName[];
  readonly rounds?: number;
  readonly files?: string;
  readonly sensor: string;
  readonly peers?: boolean;
  readonly strict?: boolean;
}

const ROUNDS = 5;
/** Of what somebody else made, these are looked for. */
const GIVEN_NAMES: readonly WorkloadName[] = ['handshakes', 'bulk'];

const MISSING = '-';

/** Above this, a workload is not about handshakes, and a time per handshake says nothing. */
const MAX_PACKETS_PER_HANDSHAKE = 100;

const SPEED_HEADS = ['CPU s', 'tcpdump s', 'ratio', 'target', 'growth', 'target', 'RSS MB', 'target'];
const RESULT_HEADS = ['workload', 'packets', 'MB', 'handshakes', 'with chain', ...SPEED_HEADS, 'verdict'];

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function main(): Promise<number> {
  const program = new Command('bench')
    .description('CPU time and memory of a replay, against tcpdump on the same file.')
    .option('--smoke', 'small captures and one round: shows that it runs, judges no speed')
    .option('--only <name...>', `some of: ${WORKLOAD_NAMES.join(', ')}`, parseName)
    .option('--rounds <n>', `measured rounds after one warm-up (default: ${ROUNDS})`, parseRounds)
    .option('--files <folder>', `use ${GIVEN_NAMES.map((name) => `${name}.pcap`).join(' and ')} of this folder`)
    .option('--sensor <file>', 'another build of dist/bin/main.js', SENSOR_PROGRAM)
    .option('--peers', 'run other programs on the same captures too, where they are installed')
    .option('--strict', 'a missed target fails')
    .parse();
  const args = program.opts<Arguments>();
  if (!existsSync(args.sensor)) {
    say(`${args.sensor} is not there: npm run build makes it`);
    return 1;
  }
  const { SPANGLASS_BENCH_DIR: folder = join('out', 'bench') } = process.env;
  const options: RunOptions = {
    folder,
    size: args.smoke ? 'smoke' : 'full',
    rounds: args.rounds ?? (args.smoke ? 1 : ROUNDS),
    program: args.sensor,
    say,
  };
  const names = args.only ?? (args.files === undefined ? WORKLOAD_NAMES : GIVEN_NAMES);
  let hasFailed = false;
  if (!isInstalled('tcpdump')) {
    say('tcpdump is not installed: there is no ratio without it');
    hasFailed = true;
  }
  const results: WorkloadResult[] = [];
  for (const name of names) {
    try {
      const input = args.files
        ? await givenInput(args.files, name)
        : await prepareInput(options.folder, name, options.size, say);
      say(`measuring ${name}, ${options.rounds} x after a warm-up …`);
      results.push(await runWorkload(name, input, options));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      say(`${name} did not run: ${error instanceof ProgramFailed ? error.message : (error.stack ?? error.message)}`);
      hasFailed = true;
    }
  }
  const judgesSpeed = !args.smoke;
  if (results.length > 0) process.stdout.write(`\n${resultTable(results, judgesSpeed)}\n${detailTable(results)}`);
  if (args.peers) process.stdout.write(`\n${await peerTable(results)}`);
  if (hasFailed || !results.every(isComplete)) return 1;
  return args.strict && judgesSpeed && results.some((result) => missedTargets(result).length > 0) ? 1 : 0;
}

/** A capture that somebody else made: its packets are counted, what it should give is not known. */
async function givenInput(folder: string, name: WorkloadName): Promise<Input> {
  const path = join(folder, `${name}.pcap`);
  const source = await openCapture(path);
  const block = new PacketBlock();
  while (await source.next(block));
  await source.close();
  const { packets } = source.counters;
  return { path, packets, sizeBytes: statSync(path).size, handshakes: null, chains: null };
}

function resultTable(results: readonly WorkloadResult[], judgesSpeed: boolean): string {
  const rows = [RESULT_HEADS];
  for (const result of results) {
    const { name, input, targets } = result;
    rows.push([
      name,
      grouped(input.packets),
      grouped(input.sizeBytes / 1e6),
      ofExpected(result.handshakes, input.handshakes),
      ofExpected(result.chains, input.chains),
      result.cpuS.toFixed(2),
      result.tcpdumpS?.toFixed(2) ?? MISSING,
      result.ratio?.toFixed(2) ?? MISSING,
      targets.maxRatio?.toFixed(1) ?? MISSING,
      result.growth?.toFixed(2) ?? MISSING,
      targets.maxGrowth?.toFixed(1) ?? MISSING,
      result.peakRssMb.toFixed(0),
      targets.maxRssMb?.toFixed(0) ?? MISSING,
      verdictOf(result, judgesSpeed),
    ]);
  }
  return textTable(rows);
}

function verdictOf(result: WorkloadResult, judgesSpeed: boolean): string {
  if (!isComplete(result)) return 'INCOMPLETE';
  if (!judgesSpeed) return 'runs';
  const missed = missedTargets(result);
  return missed.length === 0 ? 'met' : `missed: ${missed.join(', ')}`;
}

function detailTable(results: readonly WorkloadResult[]): string {
  const rows = [['workload', 'packets per CPU s', 'ns per packet', 'us per handshake', 'CPU s to start']];
  for (const { name, input, cpuS, startS, handshakes } of results) {
    const workS = cpuS - startS;
    rows.push([
      name,
      grouped(input.packets / cpuS),
      ((workS * 1e9) / input.packets).toFixed(0),
      input.packets > MAX_PACKETS_PER_HANDSHAKE * handshakes ? MISSING : ((workS * 1e6) / handshakes).toFixed(1),
      startS.toFixed(2),
    ]);
  }
  return textTable(rows);
}

async function peerTable(results: readonly WorkloadResult[]): Promise<string> {
  const rows = [['peer', 'workload', 'CPU s', 'ratio']];
  for (const { name, input, tcpdumpS } of results) {
    for (const { peer, outcome } of await runPeers(input.path)) {
      const isNumber = typeof outcome === 'number';
      const ratio = isNumber && tcpdumpS !== null ? (outcome / tcpdumpS).toFixed(1) : MISSING;
      rows.push([peer, name, isNumber ? outcome.toFixed(2) : outcome, ratio]);
    }
  }
  return textTable(rows);
}

function ofExpected(found: number, expected: number | null): string {
  return expected === null ? grouped(found) : `${grouped(found)} / ${grouped(expected)}`;
}

function parseName(text: string, before: readonly WorkloadName[] | undefined): WorkloadName[] {
  const name = WORKLOAD_NAMES.find((known) => known === text);
  if (name === undefined) throw new InvalidArgumentError(`There is ${WORKLOAD_NAMES.join(', ')}.`);
  return [...(before ?? []), name];
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) throw new InvalidArgumentError('A whole number above 0.');
  return rounds;
}

process.exitCode = await main();
