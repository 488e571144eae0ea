/** What is measured, on which capture, and what we promise of it. */
import { type Input, type InputSize, prepareInput, type Say } from './inputs.ts';
import { interleave, median, type Task } from './measure-process.ts';
import { isInstalled, type Replay, replay, tcpdump } from './programs.ts';

export const WORKLOAD_NAMES = ['handshakes', 'bulk', 'half-open'] as const;
export type WorkloadName = (typeof WORKLOAD_NAMES)[number];

const WORKLOADS: Readonly<Record<WorkloadName, Targets>> = {
  handshakes: { maxRatio: 2.7, maxRssMb: 300 },
  bulk: { maxRatio: 0.6, maxRssMb: 150 },
  /** A million SYNs without an answer: memory is bounded, and a packet costs at most twice what it does with a thousand. */
  'half-open': { maxRssMb: 300, maxGrowth: 2 },
};

interface Targets {
  /** Our CPU time by tcpdump's. */
  readonly maxRatio?: number;
  readonly maxRssMb?: number;
  /** CPU time of a packet by that of one in the same number of packets over few flows. */
  readonly maxGrowth?: number;
}

export interface WorkloadResult {
  readonly name: WorkloadName;
  readonly input: Input;
  readonly targets: Targets;
  readonly cpuS: number;
  /** Of a replay of nothing. */
  readonly startS: number;
  /** Medians; null where tcpdump is not installed. */
  readonly tcpdumpS: number | null;
  readonly ratio: number | null;
  readonly growth: number | null;
  /** The largest of all rounds. */
  readonly peakRssMb: number;
  /** The fewest of all rounds. */
  readonly handshakes: number;
  readonly chains: number;
}

export interface RunOptions {
  readonly folder: string;
  readonly size: InputSize;
  readonly rounds: number;
  readonly program: string;
  readonly say: Say;
}

/** Measures one workload on `input`. */
export async function runWorkload(name: WorkloadName, input: Input, options: RunOptions): Promise<WorkloadResult> {
  const { folder, size, program, say } = options;
  const replays: Replay[] = [];
  const empty = await prepareInput(folder, 'empty', size, say);
  const few = name === 'half-open' ? await prepareInput(folder, 'few-flows', size, say) : null;
  const tasks: Task[] = [
    { name: 'start', run: async () => (await replay(program, empty.path, folder)).cost },
    {
      name: 'ours',
      run: async () => {
        const result = await replay(program, input.path, folder);
        replays.push(result);
        return result.cost;
      },
    },
  ];
  if (few !== null) tasks.push({ name: 'few', run: async () => (await replay(program, few.path, folder)).cost });
  if (isInstalled('tcpdump')) tasks.push({ name: 'tcpdump', run: () => tcpdump(input.path) });
  const cpu = await interleave(tasks, options.rounds);
  const ours = cpu.get('ours')!;
  const startS = median(cpu.get('start')!);
  const fewFlows = cpu.get('few');
  const yardstick = cpu.get('tcpdump');
  return {
    name,
    input,
    targets: WORKLOADS[name],
    cpuS: median(ours),
    startS,
    tcpdumpS: yardstick ? median(yardstick) : null,
    ratio: yardstick ? median(ours.map((cpuS, i) => cpuS / yardstick[i]!)) : null,
    growth: fewFlows ? median(ours.map((cpuS, i) => (cpuS - startS) / (fewFlows[i]! - startS))) : null,
    peakRssMb: Math.max(...replays.map(({ peakRssMb }) => peakRssMb)),
    handshakes: Math.min(...replays.map(({ events }) => events.handshakes)),
    chains: Math.min(...replays.map(({ events }) => events.chains)),
  };
}

/** Nothing of what the capture holds is missing, and nothing was made up. True where nobody counted. */
export function isComplete({ input, handshakes, chains }: WorkloadResult): boolean {
  const isEqual = (found: number, expected: number | null) => expected === null || found === expected;
  return isEqual(handshakes, input.handshakes) && isEqual(chains, input.chains);
}

/** Which targets were missed, in words. */
export function missedTargets({ targets, ratio, growth, peakRssMb }: WorkloadResult): string[] {
  const missed: string[] = [];
  if (targets.maxRatio !== undefined && ratio !== null && ratio > targets.maxRatio) missed.push('ratio');
  if (targets.maxGrowth !== undefined && growth !== null && growth > targets.maxGrowth) missed.push('growth');
  if (targets.maxRssMb !== undefined && peakRssMb > targets.maxRssMb) missed.push('RSS');
  return missed;
}
