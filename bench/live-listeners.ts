/** Programs that take in what comes from an interface, and what they say of it at their end. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { countEvents } from './count-events.ts';

/** In MiB, the same for all: packets wait in it while the listener is busy. */
const RING_MIB = 64;

export interface ListenerReport {
  /** Packets that the kernel had for it, null where it does not say; of these, dropped because it was not fast enough. */
  readonly received: number | null;
  readonly dropped: number;
  /** Handshakes, and those with certificates, that it told of. Null where it does not look for them. */
  readonly handshakes: number | null;
  readonly chains: number | null;
  /** Ours only. */
  readonly sensor: SensorReport | null;
}

interface SensorReport {
  readonly receivedBytes: number;
  readonly shuntedBytes: number;
  readonly shunted: number;
  readonly walked: number;
  /** CPU time of the threads with a ring. */
  readonly workerCpuS: number;
  /** received = ring_dropped + shunted + walked + waiting, and what was walked was read. */
  readonly isExact: boolean;
}

export interface Listener {
  readonly name: string;
  /** Packet sockets that it listens with. */
  readonly sockets: number;
  /** Files that it writes are in `folder`, which is empty and is removed; its standard output is in `stdout` there. */
  command(device: string, folder: string): string[];
  readReport(folder: string, stderr: string): ListenerReport;
}

const STATS = z.object({
  kernel: z.object({
    received: z.number(),
    received_bytes: z.number(),
    ring_dropped: z.number(),
    shunted: z.number(),
    shunted_bytes: z.number(),
    walked: z.number(),
    waiting: z.number(),
    worker_cpu_s: z.number(),
  }),
  packets: z.object({ received: z.number() }),
});

/** The sensor with an NDJSON file as its output, straight from its workers. */
export function sensor(program: string, options: readonly string[], workers = 1): Listener {
  return {
    name: ['spanglass', ...options].join(' '),
    sockets: workers,
    command(device, folder) {
      const ring = ['--ring', `${RING_MIB}`, '--workers', `${workers}`];
      const events = ['--ndjson', join(folder, 'events.ndjson')];
      const said = ['--stats', join(folder, 'stats.json'), '--quiet', '--log', 'json'];
      return [process.execPath, program, 'capture', '--interface', device, ...ring, ...events, ...said, ...options];
    },
    readReport(folder) {
      const { kernel, packets } = STATS.parse(JSON.parse(readFileSync(join(folder, 'stats.json'), 'utf8')));
      const sum = kernel.ring_dropped + kernel.shunted + kernel.walked + kernel.waiting;
      return {
        received: kernel.received,
        dropped: kernel.ring_dropped,
        ...countEvents(join(folder, 'events.ndjson')),
        sensor: {
          receivedBytes: kernel.received_bytes,
          shuntedBytes: kernel.shunted_bytes,
          shunted: kernel.shunted,
          walked: kernel.walked,
          workerCpuS: kernel.worker_cpu_s,
          isExact: kernel.received === sum && kernel.walked === packets.received,
        },
      };
    },
  };
}

/** The yardstick: a program in C that takes packets from a ring like ours and does nothing with them. */
export const TCPDUMP: Listener = {
  name: 'tcpdump',
  sockets: 1,
  command: (device) => ['tcpdump', '-n', '-i', device, '-B', `${RING_MIB * 1024}`, '-s', '0', '-w', '/dev/null'],
  readReport: (_, stderr) => ({
    received: numberBefore(stderr, 'packets received by filter'),
    dropped: numberBefore(stderr, 'packets dropped by kernel'),
    handshakes: null,
    chains: null,
    sensor: null,
  }),
};

/** Certificates of every handshake, as a peer. Its capture is a program of its own, which it reads from by way of a file. */
export const TSHARK: Listener = {
  name: 'tshark',
  sockets: 1,
  command(device) {
    const shown = [
      '-Y',
      'tls.handshake.type == 11',
      '-T',
      'fields',
      '-e',
      'tcp.stream',
      '-e',
      'tls.handshake.certificate',
    ];
    return ['tshark', '-n', '-i', device, '-B', `${RING_MIB}`, ...shown];
  },
  readReport: (folder, stderr) => ({
    received: null,
    // Said only where there were any.
    dropped: Number(/(\d+) packets? dropped from /.exec(stderr)?.[1] ?? '0'),
    handshakes: null,
    chains: countEvents(join(folder, 'stdout')).handshakes,
    sensor: null,
  }),
};

function numberBefore(text: string, words: string): number {
  const found = new RegExp(`(\\d+) ${words.replace('packets', 'packets?')}`).exec(text)?.[1];
  if (found === undefined) throw new Error(`no number of ${words}: ${text.trim().slice(-300)}`);
  return Number(found);
}
