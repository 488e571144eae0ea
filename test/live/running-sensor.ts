/** `spanglass capture` as a process of its own, and what it leaves behind. */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Usage, usageOf, waitForRest } from '../../bench/process-tree.ts';
import type { RunStats } from '../../src/cli/run-stats.ts';
import { cliCommand } from '../cli/built-cli.ts';
import { type Namespace, waitUntil } from '../support/netns.ts';

const REST_MS = 400;
const REST_TIMEOUT_MS = 20_000;

const ENVELOPE = z.looseObject({ sourcetype: z.string(), event: z.record(z.string(), z.unknown()) });
export type LiveEvent = Readonly<Record<string, unknown>>;

const LOG_LINE = z.looseObject({ event: z.string(), msg: z.string() });
type LogLine = z.infer<typeof LOG_LINE>;

const SPOOL_SINK = z.object({
  name: z.string(),
  emitted: z.number(),
  acknowledged: z.number(),
  queued: z.number(),
  dropped: z.record(z.string(), z.number()),
});
const SPOOL = z.object({ sinks: z.array(SPOOL_SINK) });
export type SinkAccount = z.infer<typeof SPOOL_SINK>;

export class RunningSensor {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly #ended: Promise<number | string>;
  #stderr = '';

  /** Its events, statistics and spool, if it delivers to Splunk, lie in `folder`, where earlier ones may have left some. */
  constructor(namespace: Namespace, device: string, folder: string, options: readonly string[]) {
    this.folder = folder;
    const outputs = ['--ndjson', join(folder, 'events.ndjson'), '--stats', join(folder, 'stats.json')];
    const spool = options.includes('--hec') ? ['--spool', join(folder, 'spool')] : [];
    const run = [...spool, '--sensor', 'lab', '--log', 'json'];
    const command = cliCommand('capture', '--interface', device, ...outputs, ...run, ...options);
    this.child = namespace.start(command, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    this.child.stderr!.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.#ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
  }

  async waitForStart(): Promise<void> {
    await waitUntil(() => this.isOver || this.#stderr.includes('"event":"start"'), 'the sensor watches');
    if (this.isOver) throw new Error(`the sensor ended at its start: ${this.#stderr}`);
  }

  get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  get usage(): Usage {
    return usageOf(this.child.pid!);
  }

  /** Waits until it has read all there is. */
  async waitForRest(): Promise<void> {
    const { isRest } = await waitForRest(this.child.pid!, REST_MS, REST_TIMEOUT_MS);
    if (!isRest) throw new Error('the sensor has not come to rest');
  }

  /** Stops its threads and lets them go on, so that what comes in between is not read. */
  hold(): void {
    this.child.kill('SIGSTOP');
  }

  goOn(): void {
    this.child.kill('SIGCONT');
  }

  /** Its exit status, or the name of the signal. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    if (!this.isOver) this.child.kill(signal);
    return await this.#ended;
  }

  get log(): LogLine[] {
    const lines = this.#stderr.split('\n').slice(0, -1);
    return lines.map((line) => LOG_LINE.parse(JSON.parse(line)));
  }

  /** Handshakes in its file so far; a last line that is not whole yet is left out. */
  get events(): LiveEvent[] {
    return readEvents(join(this.folder, 'events.ndjson'));
  }

  get stats(): RunStats {
    const stats: RunStats = JSON.parse(readFileSync(join(this.folder, 'stats.json'), 'utf8'));
    return stats;
  }

  async waitForEvents(count: number): Promise<void> {
    const file = join(this.folder, 'events.ndjson');
    // Parsed only when there can be enough of them.
    const isDone = () => existsSync(file) && linesOf(file).length >= count && this.events.length >= count;
    await waitUntil(isDone, `${count} events`).catch((error: unknown) => {
      throw new Error(`${this.events.length} of ${count} events`, { cause: error });
    });
  }
}

export function readEvents(file: string): LiveEvent[] {
  if (!existsSync(file)) return [];
  const envelopes = linesOf(file).map((line) => ENVELOPE.parse(JSON.parse(line)));
  return envelopes.filter(({ sourcetype }) => sourcetype !== 'spanglass:health').map(({ event }) => event);
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

/** What the spool in `folder` says of each of its sinks, by `spanglass spool status`. A spool may be in use. */
export function spoolAccounts(folder: string): Map<string, SinkAccount> {
  const [program, ...args] = cliCommand('spool', 'status', '--json', '--spool', join(folder, 'spool'));
  const { status, stdout, stderr } = spawnSync(program!, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`spool status: ${stderr}`);
  return new Map(SPOOL.parse(JSON.parse(stdout)).sinks.map((sink) => [sink.name, sink]));
}

/** Which sums that `run-stats.ts` promises do not hold, in words. */
export function wrongSums(stats: RunStats): string[] {
  const { kernel, packets, handshakes, events, handover, delivery } = stats;
  if (kernel === undefined || handover === undefined) return ['no kernel or handover part'];
  const shunted = sum(Object.values(kernel.shunted_by_reason).map((reason) => reason.packets));
  const sums: Record<string, readonly [number, number]> = {
    received: [kernel.received, kernel.ring_dropped + kernel.shunted + kernel.walked + kernel.waiting],
    shunted: [kernel.shunted, shunted],
    walked: [kernel.walked, packets.received],
    packets: [packets.received, packets.decoded + packets.dropped],
    drops: [packets.dropped, sum(Object.values(packets.drops))],
    decoded: [packets.decoded, packets.tcp + packets.udp],
    handshakes: [handshakes.total, events.kept + events.below_min_risk + events.filtered],
    versions: [handshakes.total, sum(Object.values(handshakes.by_version))],
    visibility: [handshakes.total, sum(Object.values(handshakes.by_visibility))],
    handover: [events.kept, handover.taken + handover.dropped + handover.in_hand],
  };
  if (delivery !== undefined)
    sums['delivery'] = [delivery.emitted, delivery.acknowledged + delivery.queued + delivery.dropped];
  return Object.entries(sums).flatMap(([name, [whole, parts]]) =>
    whole === parts ? [] : [`${name}: ${whole} ≠ ${parts}`],
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** Seq of each stream that are missing in `events`, and how many came more than once. */
export function gapsOf(events: readonly LiveEvent[]): { streams: number; missing: string[]; duplicates: number } {
  const streams = new Map<string, Map<number, number>>();
  for (const event of events) {
    const stream = streams.get(String(event['boot_id'])) ?? new Map<number, number>();
    streams.set(String(event['boot_id']), stream);
    const seq = Number(event['seq']);
    stream.set(seq, (stream.get(seq) ?? 0) + 1);
  }
  const missing: string[] = [];
  let duplicates = 0;
  for (const [bootId, stream] of streams) {
    for (let seq = 0; seq < Math.max(...stream.keys()); seq++) if (!stream.has(seq)) missing.push(`${bootId}/${seq}`);
    for (const times of stream.values()) duplicates += times - 1;
  }
  return { streams: streams.size, missing, duplicates };
}
