/** Programs that send the frames of a capture onto an interface as fast as they can. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { PROJECT_ROOT } from '../test/fuzz/project-root.ts';

export interface Sent {
  readonly frames: number;
  readonly bytes: number;
  /** Not sent: the kernel had no room, or they are longer than the interface takes. */
  readonly refused: number;
  readonly seconds: number;
}

export interface Load {
  readonly capture: string;
  readonly loops: number;
  /** Frames per second; 0 for as fast as it goes. */
  readonly rate: number;
  /** Ours only: as if so many loops had been sent before, so that addresses are others than those of an earlier load. */
  readonly from?: number;
}

export interface Sender {
  readonly name: string;
  command(device: string, load: Load): string[];
  readReport(stdout: string): Sent;
}

const SOURCE = join(PROJECT_ROOT, 'bench', 'native', 'send-frames.c');
const PROGRAM = join(PROJECT_ROOT, 'out', 'bench-native', 'send-frames');

const REPORT = z.object({ frames: z.number(), bytes: z.number(), refused: z.number(), seconds: z.number() });

/** Ours, compiled where it is not newer than its source. Throws where there is no compiler. */
export function buildFrameSender(): Sender {
  if (!existsSync(PROGRAM) || statSync(PROGRAM).mtimeMs < statSync(SOURCE).mtimeMs) {
    mkdirSync(dirname(PROGRAM), { recursive: true });
    const args = ['-O2', '-Wall', '-Wextra', '-Werror', '-o', PROGRAM, SOURCE];
    const { status, stderr, error } = spawnSync('cc', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`send-frames.c was not compiled: ${error?.message ?? stderr}`);
  }
  return {
    name: 'send-frames',
    command(device, { capture, loops, rate, from = 0 }) {
      const pace = rate > 0 ? ['--rate', `${rate}`] : [];
      return [PROGRAM, device, capture, '--loops', `${loops}`, '--readdress', '--from', `${from}`, ...pace];
    },
    readReport: (stdout) => REPORT.parse(JSON.parse(stdout)),
  };
}

/** From memory (-K), without its statistics of flows, which cost time. */
export const TCPREPLAY: Sender = {
  name: 'tcpreplay',
  command(device, { capture, loops, rate }) {
    const pace = rate > 0 ? ['--pps', `${rate}`] : ['--topspeed'];
    const quick = ['--quiet', '--preload-pcap', '--no-flow-stats'];
    return ['tcpreplay', ...quick, '--intf1', device, '--loop', `${loops}`, ...pace, capture];
  },
  readReport(stdout) {
    const actual = /Actual: (\d+) packets \((\d+) bytes\) sent in ([\d.]+) seconds/.exec(stdout);
    if (actual === null) throw new Error(`tcpreplay reported no number of packets: ${stdout}`);
    const refused = /Failed packets:\s+(\d+)/.exec(stdout)?.[1] ?? '0';
    return {
      frames: Number(actual[1]),
      bytes: Number(actual[2]),
      seconds: Number(actual[3]),
      refused: Number(refused),
    };
  },
};
