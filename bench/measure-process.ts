/**
 * One program, run to its end, and what it cost: CPU time of the whole process (user and system, as the kernel accounts
 * for it when the process is waited for) and wall time.
 *
 * bash's `time` is the one way that needs no package, works on Linux, macOS and BSD, and shows milliseconds. Peak memory
 * comes from the process itself: `peak-memory.ts` is loaded into ours.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

export interface ProcessCost {
  readonly cpuS: number;
  readonly wallS: number;
}

export interface MeasureOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The program is ended after this. */
  readonly timeoutMs?: number;
}

export class ProgramFailed extends Error {}

/** The program's own standard error goes to descriptor 3, so that bash's report stands alone on 2. */
const SCRIPT = 'TIMEFORMAT="%3U %3S %3R"; time "$@" >/dev/null 2>&3';

const DEFAULT_TIMEOUT_MS = 600_000;

/** Runs `command`; throws `ProgramFailed` where it can't be started or ends with another status than 0. */
export async function measureProcess(command: readonly string[], options: MeasureOptions = {}): Promise<ProcessCost> {
  const child = spawn('bash', ['-c', SCRIPT, 'bench', ...command], {
    env: { ...process.env, ...options.env, LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    // A group of its own, so that ending it ends the program too and not bash alone.
    detached: true,
  });
  const stop = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  process.once('exit', stop);
  const timer = setTimeout(stop, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  try {
    const [, , reported, said] = child.stdio;
    if (!(reported instanceof Readable && said instanceof Readable)) throw new Error('descriptors 2 and 3 are pipes');
    const [report, stderr] = await Promise.all([text(reported), text(said), once(child, 'close')]);
    const { exitCode: status, signalCode: signal } = child;
    const name = command.slice(0, 4).join(' ');
    if (signal !== null) throw new ProgramFailed(`${name} … was ended by ${signal} (out of time?)`);
    if (status !== 0) throw new ProgramFailed(`${name} … ended with status ${status}: ${stderr.trim().slice(-500)}`);
    const [user, system, wall] = report.trim().split(' ').map(Number);
    if (user === undefined || system === undefined || wall === undefined || Number.isNaN(user + system + wall)) {
      throw new ProgramFailed(`bash did not report the time of ${name}: ${report}`);
    }
    return { cpuS: user + system, wallS: wall };
  } finally {
    clearTimeout(timer);
    process.off('exit', stop);
  }
}

export interface Task {
  readonly name: string;
  readonly run: () => Promise<ProcessCost>;
}

/** Runs the tasks one after the other, all of them `rounds` times after one warm-up: A B, A B, A B … CPU seconds by task. */
export async function interleave(tasks: readonly Task[], rounds: number): Promise<Map<string, number[]>> {
  const cpu = new Map<string, number[]>(tasks.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const { name, run } of tasks) {
      const { cpuS } = await run();
      // The first round puts the file into the page cache.
      if (round > 0) cpu.get(name)!.push(cpuS);
    }
  }
  return cpu;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
