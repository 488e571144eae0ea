/** The programs that are measured, and where they are found. */
import { accessSync, constants, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countEvents, type EventCount } from './count-events.ts';
import { measureProcess, type ProcessCost } from './measure-process.ts';

export const SENSOR_PROGRAM: string = fileURLToPath(new URL('../bin/main.js', import.meta.url));
const PEAK_MEMORY = new URL('./peak-memory.js', import.meta.url).href;

/** One replay with everything on and default settings, into a file. */
export interface Replay {
  readonly cost: ProcessCost;
  readonly peakRssMb: number;
  readonly events: EventCount;
}

/** Arguments of a replay of `capture` into `out`. */
export function replayArguments(program: string, capture: string, out: string): string[] {
  return [program, 'replay', capture, '--quiet', '--ndjson', out];
}

/** Replays `capture`; what the sensor writes goes into `folder` and is removed. */
export async function replay(program: string, capture: string, folder: string): Promise<Replay> {
  const out = join(folder, 'events.ndjson');
  const peak = join(folder, 'peak-memory');
  // Cutting an old file of some hundred megabytes short is work of the kernel's that would be counted as ours.
  rmSync(out, { force: true });
  try {
    const command = [process.execPath, '--import', PEAK_MEMORY, ...replayArguments(program, capture, out)];
    const cost = await measureProcess(command, { env: { SPANGLASS_BENCH_PEAK: peak } });
    return { cost, peakRssMb: Number(readFileSync(peak, 'utf8')) / 1024, events: countEvents(out) };
  } finally {
    rmSync(out, { force: true });
    rmSync(peak, { force: true });
  }
}

/** The yardstick: what reading a capture packet by packet costs. */
export function tcpdump(capture: string): Promise<ProcessCost> {
  return measureProcess(['tcpdump', '-n', '-r', capture, '-w', '/dev/null']);
}

/** Whether a program of this name is on the PATH. */
export function isInstalled(name: string): boolean {
  const { PATH = '' } = process.env;
  return PATH.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      // Not in this folder.
      return false;
    }
  });
}
