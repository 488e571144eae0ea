/** CPU time and memory of a program that runs, and of those it started: from /proc, so Linux only. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What /proc counts CPU time in: 100 a second on all machines of today, whatever the kernel's own clock. */
const TICKS_PER_S = 100;
const SAMPLE_MS = 100;

export interface Usage {
  readonly cpuS: number;
  /** Most memory that was resident at a time, summed up over the programs. */
  readonly peakRssMb: number;
  /** Of that, what is resident now and is no mapped file or shared memory, as a packet ring is. */
  readonly ownRssMb: number;
  readonly descriptors: number;
}

export function usageOf(pid: number): Usage {
  const pids = treeOf(pid);
  const memory = pids.map((each) => readFileSync(`/proc/${each}/status`, 'utf8'));
  const kib = (name: string): number =>
    memory.reduce((sum, status) => sum + Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0), 0);
  return {
    cpuS: pids.reduce((sum, each) => sum + cpuTicks(each), 0) / TICKS_PER_S,
    peakRssMb: kib('VmHWM') / 1024,
    ownRssMb: kib('RssAnon') / 1024,
    descriptors: pids.reduce((sum, each) => sum + readdirSync(`/proc/${each}/fd`).length, 0),
  };
}

/**
 * Waits until a program has nothing to do any more: for `restMs` it used less than a twentieth of a processor. Gives its usage then; an
 * `isRest` of false tells that the time was over first.
 */
export async function waitForRest(
  pid: number,
  restMs: number,
  timeoutMs: number,
): Promise<Usage & { isRest: boolean }> {
  const endMs = performance.now() + timeoutMs;
  let since = performance.now();
  let used = usageOf(pid);
  let restedAt = used.cpuS;
  while (performance.now() < endMs) {
    await sleep(SAMPLE_MS);
    used = usageOf(pid);
    const spentS = used.cpuS - restedAt;
    if (spentS > Math.max(0.02, restMs / 20_000)) {
      since = performance.now();
      restedAt = used.cpuS;
    } else if (performance.now() - since >= restMs) return { ...used, isRest: true };
  }
  return { ...used, isRest: false };
}

/** The process and those below it. */
function treeOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statFields(Number(name));
    if (fields !== null) parents.set(Number(name), Number(fields[1]));
  }
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

function cpuTicks(pid: number): number {
  const fields = statFields(pid);
  // utime and stime, fields 14 and 15 of proc(5).
  return fields === null ? 0 : Number(fields[11]) + Number(fields[12]);
}

/** From the third field of /proc/PID/stat on: the second is a name in brackets, which may have any characters. Null when it has ended. */
function statFields(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    // Ended between the list and the look.
    return null;
  }
}
