/**
 * Measures delivery as a whole: events through the spool and the HEC sender to a simulated collector on the loopback.
 *
 *     npm run bench:hec -- [--smoke] [--only speed|outage] [--event-bytes N…] [--seconds N] [--outage-seconds N] [--full] [--strict]
 *
 * See README.md beside this file. Exit status: 0, or 1 where the account did not add up or events are missing, or with
 * `--strict` where a target was missed.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { DeliveryResult, HecPlan } from './hec-plan.ts';
import { grouped, textTable } from './text-table.ts';

interface Arguments {
  readonly smoke?: boolean;
  readonly only?: HecPlan['kind'];
  readonly eventBytes: readonly number[];
  readonly seconds: number;
  readonly outageSeconds: number;
  readonly full?: boolean;
  readonly strict?: boolean;
  readonly captures: string;
}

const PROGRAM = fileURLToPath(new URL('./hec-sender.js', import.meta.url));

const MIN_EVENTS_PER_S = 50_000;
const MAX_RSS_MB = 300;
const MAX_LIVE_P95_S = 5;
const OUTAGE_EVENTS_PER_S = 10_000;
const HOUR_S = 3600;
/** A run that shows that it runs. */
const SMOKE = { eventBytes: [1000], seconds: 1, outageSeconds: 2 };

async function main(): Promise<number> {
  const program = new Command('hec')
    .description('Events a second, CPU time and memory of delivery, and how it comes back from an outage.')
    .option('--smoke', 'a few seconds: shows that it runs, judges no speed')
    .addOption(new Option('--only <kind>', 'one of the two').choices(['speed', 'outage']))
    .option('--event-bytes <n...>', 'length of an event; the outage takes the first', parseNumbers, [1000, 4600])
    .option('--seconds <n>', 'of generating at full speed', parseNumber, 15)
    .option('--outage-seconds <n>', `of ${grouped(OUTAGE_EVENTS_PER_S)} events each, with no server`, parseNumber, 60)
    .option('--full', 'an outage of an hour, which takes more than one')
    .option('--captures <folder>', 'whose events are sent', 'pcaps')
    .option('--strict', 'a missed target fails')
    .parse();
  const given = program.opts<Arguments>();
  const args = { ...given, ...(given.smoke && SMOKE), ...(given.full && { outageSeconds: HOUR_S }) };
  const { SPANGLASS_BENCH_DIR: folder = join('out', 'bench') } = process.env;
  const base = { captures: args.captures, folder, eventsPerSecond: OUTAGE_EVENTS_PER_S };
  const results: DeliveryResult[] = [];
  let hasMissed = false;
  const note = (result: DeliveryResult, missed: readonly string[]): void => {
    results.push(result);
    hasMissed ||= missed.length > 0;
  };

  if (args.only !== 'outage') {
    const rows = [SPEED_HEADS];
    for (const eventBytes of args.eventBytes) {
      process.stderr.write(`at full speed for ${args.seconds} s, events of ${grouped(eventBytes)} bytes …\n`);
      const result = await measure({ ...base, kind: 'speed', eventBytes, seconds: args.seconds });
      note(result, missedSpeed(result));
      rows.push(speedRow(result, args.smoke === true));
    }
    process.stdout.write(`\n${textTable(rows)}\n`);
  }
  if (args.only !== 'speed') {
    const eventBytes = args.eventBytes[0]!;
    const rate = grouped(OUTAGE_EVENTS_PER_S);
    process.stderr.write(
      `an outage of ${args.outageSeconds} s at ${rate} events/s of ${grouped(eventBytes)} bytes …\n`,
    );
    process.stderr.write('  time           emitted = acknowledged + queued + dropped\n');
    const result = await measure({ ...base, kind: 'outage', eventBytes, seconds: args.outageSeconds });
    note(result, missedOutage(result));
    process.stdout.write(`\n${outageText(result, args.smoke === true)}\n`);
  }
  for (const fault of results.flatMap(({ faults }) => faults)) process.stdout.write(`does not add up: ${fault}\n`);
  if (!results.every(isComplete)) return 1;
  return args.strict && !args.smoke && hasMissed ? 1 : 0;
}

async function measure(plan: HecPlan): Promise<DeliveryResult> {
  const child = fork(PROGRAM, [JSON.stringify(plan)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = new AbortController();
  child.once('exit', () => ended.abort());
  const [result]: unknown[] = await once(child, 'message', { signal: ended.signal });
  if (child.exitCode === null) await once(child, 'exit');
  // The program writes it, from the same type.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return result as DeliveryResult;
}

function isComplete({ faults, missing, queued }: DeliveryResult): boolean {
  return faults.length === 0 && missing === 0 && queued === 0;
}

function verdictOf(result: DeliveryResult, missed: readonly string[], isSmoke: boolean): string {
  if (!isComplete(result)) return 'INCOMPLETE';
  if (isSmoke) return 'runs';
  return missed.length === 0 ? 'met' : `missed: ${missed.join(', ')}`;
}

const SPEED_HEADS = [
  'event bytes',
  'events',
  'events/s',
  'target',
  'MB/s JSON',
  'gzip',
  'sender CPU s',
  'cores at target',
  'server CPU s',
  'RSS MB',
  'target',
  'own MB',
  'missing',
  'twice',
  'verdict',
];

function speedRow(result: DeliveryResult, isSmoke: boolean): string[] {
  const { eventBytes, generated, seconds, senderCpuS, serverCpuS, peakRssMb, peakOwnMb } = result;
  return [
    grouped(eventBytes),
    grouped(generated),
    grouped(generated / seconds),
    grouped(MIN_EVENTS_PER_S),
    ((generated * eventBytes) / 1e6 / seconds).toFixed(0),
    `${result.gzipRatio.toFixed(1)}:1`,
    senderCpuS.toFixed(1),
    ((senderCpuS / generated) * MIN_EVENTS_PER_S).toFixed(2),
    serverCpuS.toFixed(1),
    peakRssMb.toFixed(0),
    String(MAX_RSS_MB),
    peakOwnMb.toFixed(0),
    grouped(result.missing),
    grouped(result.duplicates),
    verdictOf(result, missedSpeed(result), isSmoke),
  ];
}

function missedSpeed({ generated, seconds, peakRssMb }: DeliveryResult): string[] {
  const missed: string[] = [];
  if (generated / seconds < MIN_EVENTS_PER_S) missed.push('speed');
  if (peakRssMb >= MAX_RSS_MB) missed.push('memory');
  return missed;
}

function missedOutage({ outage, peakRssMb }: DeliveryResult): string[] {
  const missed: string[] = [];
  if (outage === null || outage.drainS === null) missed.push('drain');
  if (!(outage !== null && outage.live.p95 < MAX_LIVE_P95_S)) missed.push('age of live events');
  if (peakRssMb >= MAX_RSS_MB) missed.push('memory');
  return missed;
}

function outageText(result: DeliveryResult, isSmoke: boolean): string {
  const { outage } = result;
  if (outage === null) return '';
  const { backlog, drainS, live, returnS, latestS, checks } = outage;
  const speed = drainS === null ? '' : `, ${grouped(backlog / drainS)} events/s beside the live ones`;
  const ages = `p50 ${live.p50.toFixed(2)} s, p95 ${live.p95.toFixed(2)} s, max ${live.max.toFixed(2)} s`;
  return [
    `backlog            ${grouped(backlog)} events; ${returnS.toFixed(1)} s from the server's return to its first event`,
    `drained in         ${drainS === null ? 'too long' : `${drainS.toFixed(1)} s`}${speed}`,
    `live events' age   ${ages} while it drained (${grouped(live.count)} events; p95 target ${MAX_LIVE_P95_S} s)`,
    `generator late     ${latestS.toFixed(2)} s at most, part of the ages`,
    `account            ${grouped(result.emitted)} emitted = ${grouped(result.acknowledged)} acknowledged + ${grouped(result.queued)} queued + ${grouped(result.dropped)} dropped; ${checks} checks, ${result.faults.length} failed`,
    `at the server      ${grouped(result.generated)} generated, ${grouped(result.missing)} missing, ${grouped(result.duplicates)} twice`,
    `sender             ${result.senderCpuS.toFixed(1)} CPU s, peak RSS ${result.peakRssMb.toFixed(0)} MB (target ${MAX_RSS_MB}), own ${result.peakOwnMb.toFixed(0)} MB`,
    `verdict            ${verdictOf(result, missedOutage(result), isSmoke)}`,
    '',
  ].join('\n');
}

function parseNumber(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('A whole number above 0.');
  return n;
}

/** Commander hands the default in as what came before. */
function parseNumbers(text: string, before: readonly number[] & { isGiven?: boolean }): number[] {
  return Object.assign([...(before.isGiven === true ? before : []), parseNumber(text)], { isGiven: true });
}

process.exitCode = await main();
