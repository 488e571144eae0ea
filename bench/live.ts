/**
 * Measures live capture on an interface: packets sent as fast as this machine can, and what becomes of them in the sensor, in the sensor
 * without its program in the kernel, in tcpdump, and with --peers in tshark.
 *
 *     npm run bench:live -- [--smoke] [--only NAME…] [--sender NAME…] [--rounds N] [--files DIR] [--sensor FILE] [--peers]
 *         [--soak SECONDS] [--strict]
 *
 * Linux and root; everything happens in network namespaces of its own. README.md beside this file says how to read it. Exit status: 0, or 1
 * where something did not run, handshakes are missing or numbers don't add up, or with `--strict` where a target was missed.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { whyNoLab } from '../test/support/netns.ts';
import { prepareInput } from './inputs.ts';
import { type Listener, sensor, TCPDUMP, TSHARK } from './live-listeners.ts';
import { faultsOf, liveTable, type Measured, missedLiveTargets, type Workload } from './live-report.ts';
import { runLive } from './live-run.ts';
import { buildFrameSender, type Sender, TCPREPLAY } from './live-senders.ts';
import { soak } from './live-soak.ts';
import { ProgramFailed } from './measure-process.ts';
import { isInstalled, replay, SENSOR_PROGRAM } from './programs.ts';

interface Arguments {
  readonly smoke?: boolean;
  readonly only?: readonly string[];
  readonly sender?: readonly string[];
  readonly rounds?: number;
  readonly files?: string;
  readonly sensor: string;
  readonly soak?: number;
  readonly peers?: boolean;
  readonly strict?: boolean;
}

const WORKLOADS = ['bulk', 'handshakes'] as const;
const ROUNDS = 3;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function main(): Promise<number> {
  const program = new Command('bench:live')
    .description('Live capture at full speed, against tcpdump and tshark on the same packets.')
    .option('--smoke', 'small captures and one round: shows that it runs, judges no speed')
    .option('--only <name...>', `some of: ${WORKLOADS.join(', ')}`)
    .option('--sender <name...>', 'tcpreplay, send-frames (default: both)')
    .option('--rounds <n>', `measured rounds (default: ${ROUNDS})`, parseNumber)
    .option('--files <folder>', `use ${WORKLOADS.map((name) => `${name}.pcap`).join(' and ')} of this folder`)
    .option('--sensor <file>', 'another build of dist/bin/main.js', SENSOR_PROGRAM)
    .option('--peers', 'tshark as well, which takes minutes')
    .option('--soak <seconds>', 'send for so long instead, and look at memory and descriptors', parseNumber)
    .option('--strict', 'a missed target fails')
    .parse();
  const args = program.opts<Arguments>();
  const why = whyNoLab();
  if (why !== null) {
    say(`no network namespaces: ${why}`);
    return 1;
  }
  // Namespaces are removed when the process ends, and it does not on a signal that nobody listens to.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const { SPANGLASS_BENCH_DIR: folder = join('out', 'bench') } = process.env;
  mkdirSync(folder, { recursive: true });
  if (args.soak !== undefined) {
    const { path } = await inputOf('handshakes', folder, args);
    return (await soak({ program: args.sensor, capture: path, seconds: args.soak, folder, sender: ours(), say }))
      ? 0
      : 1;
  }
  const workloads: Workload[] = [];
  for (const name of WORKLOADS) {
    if (args.only?.includes(name) !== false) workloads.push(await workloadOf(name, folder, args));
  }
  const measured: Measured[] = [];
  let hasFailed = false;
  for (const workload of workloads) {
    for (const sender of sendersOf(args)) {
      say(`measuring ${workload.name} sent by ${sender.name} …`);
      const runs = await measure(workload, sender, folder, args);
      hasFailed ||= runs.some(({ runs: { length } }) => length === 0);
      measured.push(...runs);
    }
  }
  process.stdout.write(`\n${liveTable(measured)}`);
  const faults = measured.flatMap(faultsOf);
  const missed = args.smoke ? [] : missedLiveTargets(measured);
  for (const line of [...faults, ...missed]) say(line);
  if (hasFailed || faults.length > 0 || measured.length === 0) return 1;
  return args.strict && missed.length > 0 ? 1 : 0;
}

/** All listeners one after the other, and that `rounds` times: what the machine does beside it meets all of them alike. */
async function measure(workload: Workload, sender: Sender, folder: string, args: Arguments): Promise<Measured[]> {
  const measured = listenersOf(args).map((listener) => ({ workload, sender, listener, runs: [] as Run[] }));
  const rounds = args.rounds ?? (args.smoke ? 1 : ROUNDS);
  const broken = new Set<Listener>();
  for (let round = 0; round < rounds; round++) {
    for (const { listener, runs } of measured) {
      if (broken.has(listener)) continue;
      try {
        runs.push(await runLive(listener, sender, { capture: workload.path, loops: 1, rate: 0 }, folder));
      } catch (error) {
        if (!(error instanceof ProgramFailed)) throw error;
        say(error.message);
        broken.add(listener);
      }
    }
  }
  return measured;
}
type Run = Awaited<ReturnType<typeof runLive>>;

function listenersOf(args: Arguments): Listener[] {
  const all = [sensor(args.sensor, []), sensor(args.sensor, ['--no-shunt'])];
  if (isInstalled('tcpdump')) all.push(TCPDUMP);
  else say('tcpdump is not installed: there is no ratio without it');
  if (args.peers) {
    if (isInstalled('tshark')) all.push(TSHARK);
    else say('tshark is not installed: skipped');
  }
  return all;
}

function sendersOf({ sender: names }: Arguments): Sender[] {
  const senders: Sender[] = [];
  if (names?.includes('tcpreplay') !== false) {
    if (isInstalled('tcpreplay')) senders.push(TCPREPLAY);
    else say('tcpreplay is not installed: skipped');
  }
  if (names?.includes('send-frames') !== false) {
    if (isInstalled('cc')) senders.push(ours());
    else say('there is no C compiler for send-frames: skipped');
  }
  return senders;
}

function ours(): Sender {
  return buildFrameSender();
}

async function inputOf(name: (typeof WORKLOADS)[number], folder: string, args: Arguments): Promise<{ path: string }> {
  if (args.files !== undefined) return { path: join(args.files, `${name}.pcap`) };
  return await prepareInput(folder, name, args.smoke ? 'smoke' : 'full', say);
}

/** What a replay of the same capture finds is what must be found live. */
async function workloadOf(name: (typeof WORKLOADS)[number], folder: string, args: Arguments): Promise<Workload> {
  const { path } = await inputOf(name, folder, args);
  const { events } = await replay(args.sensor, path, folder);
  say(`${path}: ${(statSync(path).size / 1e6).toFixed(0)} MB, ${events.handshakes} handshakes in a replay`);
  return { name, path, ...events };
}

function parseNumber(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('A whole number from 1 up, please.');
  return n;
}

process.exitCode = await main();
