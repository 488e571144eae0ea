/** What the runs of live capture come to: a table, what is wrong, and what was promised and missed. */
import type { Listener } from './live-listeners.ts';
import type { LiveRun } from './live-run.ts';
import type { Sender } from './live-senders.ts';
import { median } from './measure-process.ts';
import { grouped, textTable } from './text-table.ts';

export interface Workload {
  readonly name: 'bulk' | 'handshakes';
  readonly path: string;
  /** Found by a replay of the same capture. */
  readonly handshakes: number;
  readonly chains: number;
}

/** One listener with one sender; no runs where it did not run. */
export interface Measured {
  readonly workload: Workload;
  readonly sender: Pick<Sender, 'name'>;
  readonly listener: Pick<Listener, 'name'>;
  readonly runs: readonly LiveRun[];
}

interface LiveTargets {
  /** Our CPU time by tcpdump's on the same packets, beyond what starting costs. */
  readonly maxRatio?: number;
  /** Bytes that the kernel drops, of those that came. */
  readonly minShunted?: number;
}

const TARGETS: Readonly<Record<Workload['name'], LiveTargets>> = {
  bulk: { maxRatio: 1, minShunted: 0.95 },
  handshakes: {},
};

const YARDSTICK = 'tcpdump';
const MISSING = '-';

const HEADS = ['workload', 'sender', 'listener', 'kpps', 'Gbit/s', 'offered', 'delivered', 'dropped', 'CPU s', 'ratio'];
const MORE_HEADS = ['shunted % bytes', 'handshakes', 'full at kpps', 'RSS MB', 'own MB'];

export function liveTable(measured: readonly Measured[]): string {
  const ran = measured.filter(({ runs }) => runs.length > 0);
  return textTable([[...HEADS, ...MORE_HEADS], ...ran.map((each) => rowOf(each, ran))]);
}

function rowOf(each: Measured, all: readonly Measured[]): string[] {
  const { workload, sender, listener, runs } = each;
  const of = (value: (run: LiveRun) => number): number => median(runs.map(value));
  const last = runs.at(-1)!;
  const { handshakes, chains } = last.report;
  const ratio = ratioOf(each, all);
  const full = fullAt(each);
  return [
    workload.name,
    sender.name,
    listener.name,
    of(({ sent }) => sent.frames / sent.seconds / 1e3).toFixed(0),
    of(({ sent }) => (sent.bytes * 8) / sent.seconds / 1e9).toFixed(2),
    grouped(last.sent.frames),
    last.report.received === null ? MISSING : grouped(of(({ report }) => report.received! - report.dropped)),
    grouped(Math.max(...runs.map(({ report }) => report.dropped))),
    `${of(({ cpuS }) => cpuS).toFixed(2)}${runs.every(({ isAtRest }) => isAtRest) ? '' : '+'}`,
    ratio === null ? MISSING : ratio.toFixed(2),
    last.report.sensor === null ? MISSING : (of(shuntedShare) * 100).toFixed(1),
    handshakes === null ? (chains === null ? MISSING : `${grouped(chains)} chains`) : grouped(fewest(runs)),
    full === null ? MISSING : grouped(full / 1e3),
    Math.max(...runs.map(({ peakRssMb }) => peakRssMb)).toFixed(0),
    Math.max(...runs.map(({ ownRssMb }) => ownRssMb)).toFixed(0),
  ];
}

/** CPU time by tcpdump's of the same round. */
function ratioOf({ workload, sender, runs }: Measured, all: readonly Measured[]): number | null {
  const yardstick = all.find(
    (other) => other.listener.name === YARDSTICK && other.workload === workload && other.sender.name === sender.name,
  );
  if (yardstick === undefined) return null;
  const rounds = Math.min(runs.length, yardstick.runs.length);
  // A clock of hundredths: what took less than one counts as one.
  return median(runs.slice(0, rounds).map(({ cpuS }, i) => cpuS / Math.max(yardstick.runs[i]!.cpuS, 0.01)));
}

function shuntedShare({ report: { sensor } }: LiveRun): number {
  return sensor === null || sensor.receivedBytes === 0 ? 0 : sensor.shuntedBytes / sensor.receivedBytes;
}

function fewest(runs: readonly LiveRun[]): number {
  return Math.min(...runs.map(({ report }) => report.handshakes ?? 0));
}

/** Packets a second, as they came from the wire, at which the one worker would use a whole processor; with the kernel's work still left out. */
function fullAt({ runs }: Measured): number | null {
  const rates = runs.flatMap(({ report: { sensor, received, dropped } }) =>
    sensor === null || sensor.workerCpuS === 0 ? [] : [(received! - dropped) / sensor.workerCpuS],
  );
  return rates.length === 0 ? null : median(rates);
}

/** What makes the numbers worthless: handshakes that are missing though nothing was dropped, and sums that are not right. */
export function faultsOf({ workload, sender, listener, runs }: Measured): string[] {
  const faults = new Set<string>();
  for (const { report, arrived, sent } of runs) {
    if (report.sensor === null) continue;
    if (!report.sensor.isExact) faults.add('its counters do not add up');
    if (report.received !== arrived) faults.add(`it counted ${report.received} of ${arrived} packets that arrived`);
    if (sent.frames !== arrived) faults.add(`${arrived} of ${sent.frames} packets arrived`);
    if (report.dropped > 0) continue;
    if (report.handshakes !== workload.handshakes)
      faults.add(`${report.handshakes} handshakes of ${workload.handshakes}, and nothing was dropped`);
    if (report.chains !== workload.chains)
      faults.add(`certificates of ${report.chains} handshakes of ${workload.chains}, and nothing was dropped`);
  }
  return [...faults].map((fault) => `${workload.name}, ${sender.name}, ${listener.name}: ${fault}`);
}

/** Targets of the sensor as it is by default; without its program in the kernel it is only there to be compared. */
export function missedLiveTargets(measured: readonly Measured[]): string[] {
  return measured
    .filter(({ listener, runs }) => listener.name === 'spanglass' && runs.length > 0)
    .flatMap((each) => {
      const { workload, sender, runs } = each;
      const { maxRatio, minShunted } = TARGETS[workload.name];
      const missed: string[] = [];
      const dropped = Math.max(...runs.map(({ report }) => report.dropped));
      const ratio = ratioOf(each, measured);
      const share = median(runs.map(shuntedShare));
      if (dropped > 0) missed.push(`${dropped} packets were dropped`);
      if (maxRatio !== undefined && ratio !== null && ratio > maxRatio)
        missed.push(`CPU time is ${ratio.toFixed(2)} of tcpdump's, not ${maxRatio}`);
      if (minShunted !== undefined && share < minShunted)
        missed.push(`the kernel dropped ${(share * 100).toFixed(1)} % of the bytes, not ${minShunted * 100} %`);
      return missed.map((what) => `missed: ${workload.name}, ${sender.name}: ${what}`);
    });
}
