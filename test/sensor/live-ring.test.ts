/** Live capture against the real kernel: captures sent over a cable give the events that a replay of them gives. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHUNT_DEFAULTS } from '../../src/capture/flow-shunt.ts';
import { type LiveCounts, shuntedOf } from '../../src/sensor/live-counts.ts';
import { packetsReceived } from '../../src/sensor/pipeline-counts.ts';
import { bundleProgram, type Program, startProgram } from '../support/bundled-program.ts';
import { type Namespace, NetworkLab, waitUntil, whyNoLab } from '../support/netns.ts';
import { joinCaptures, replayEvents } from '../support/replay-events.ts';

const reason = whyNoLab() ?? (spawnSync('tcpreplay', ['--version']).error === undefined ? null : 'no tcpreplay here');

/** Differ between runs and streams, or depend on when packets came. */
const OWN_FIELDS = new Set([
  'boot_id',
  'seq',
  'event_id',
  'flow_id',
  'network_interface',
  'timestamp',
  'endtime',
  'ssl_time',
  'client_rtt',
  'server_rtt',
  'initial_rtt',
  'cert_age_days',
]);

function toContent(event: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.entries(event).filter(([name]) => !OWN_FIELDS.has(name)));
}

describe.skipIf(reason !== null)(`live capture on a real interface${reason === null ? '' : ` (${reason})`}`, () => {
  let lab: NetworkLab;
  let space: Namespace;
  let folder: string;
  let everything: string;
  let program: string;
  let worker: string;

  beforeAll(async () => {
    program = await bundleProgram('test/sensor/live-program.ts');
    worker = await bundleProgram('src/sensor/capture-worker.ts');
    folder = mkdtempSync(join(tmpdir(), 'spanglass-live-'));
    everything = await joinCaptures(folder);
    lab = new NetworkLab();
    space = lab.namespace('live');
    lab.connect({ namespace: space, device: 'a0' }, { namespace: space, device: 'b0' });
    for (const device of ['a0', 'b0']) space.setLink(device, 'mtu', '9000');
  });
  afterAll(() => {
    lab.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(plan: { workers?: number; source?: object }): Promise<Program> {
    const json = JSON.stringify({ ...plan, source: { interface: 'b0', blocks: 8, ...plan.source } });
    const [command, ...args] = space.command([process.execPath, program, worker, json]);
    const running = startProgram(command!, args);
    if ((await running.line('{"open":true')) === null) throw new Error(running.errors.join('\n'));
    return running;
  }

  async function stop(running: Program): Promise<LiveCounts> {
    running.child.kill('SIGTERM');
    expect(await running.ended).toBe(0);
    expect(running.errors).toEqual([]);
    const end: LiveCounts = JSON.parse(running.lines.at(-1)!).end;
    const { kernel, pipeline, handover } = end;
    expect(kernel.received).toBe(kernel.ringDropped + shuntedOf(kernel.shunted).packets + kernel.walked);
    expect(kernel.waiting).toBe(0);
    expect(packetsReceived(pipeline)).toBe(kernel.walked);
    expect([handover.inHand, handover.taken]).toEqual([0, end.made]);
    return end;
  }

  function send(file: string, ...options: readonly string[]): void {
    space.run(['tcpreplay', '-q', '-K', '-i', 'a0', ...options, file]);
  }

  const eventsOf = ({ lines }: Program): Record<string, unknown>[] =>
    lines.filter((line) => line.startsWith('{"event"')).map((line) => JSON.parse(line).event);

  it.each([
    ['one worker without a shunt', 1, null],
    ['one worker', 1, SHUNT_DEFAULTS],
    ['two workers', 2, SHUNT_DEFAULTS],
    ['two workers and XDP', 2, { ...SHUNT_DEFAULTS, xdp: true }],
  ] as const)('gives with %s the events of a replay, and the counts add up', async (_name, workers, shunt) => {
    const running = await start({ workers, source: { shunt } });
    // Slow enough for a finished flow to be known in the kernel before its connection is over.
    send(everything, '--mbps', '4');
    const expected = (await replayEvents(everything)).map((line) => toContent(JSON.parse(line).event)).toSorted();
    await waitUntil(() => eventsOf(running).length >= expected.length - 1, 'the events to come');
    const end = await stop(running);
    expect(eventsOf(running).map(toContent).toSorted()).toEqual(expected);
    expect(end).toMatchObject({ workers, link: 'up', kernel: { ringDropped: 0 } });
    expect(running.lines.filter((line) => line.startsWith('{"note"'))).toEqual([]);
    expect(shuntedOf(end.kernel.shunted).packets > 0).toBe(shunt !== null);
  });

  it('adds up exactly where the rings are too small, over two workers', async () => {
    const before = space.counters('b0').rxPackets;
    const running = await start({ workers: 2, source: { blockBytes: 65_536, blocks: 2, shunt: null } });
    send(everything, '--topspeed', '--loop', '100');
    const { kernel } = await stop(running);
    expect(kernel.ringDropped).toBeGreaterThan(0);
    expect(kernel.received).toBe(space.counters('b0').rxPackets - before);
  });

  it("counts what the user's own filter refuses, and makes events of the rest", async () => {
    const all = (await replayEvents(everything)).map((line) => JSON.parse(line).event);
    const host = all[0].src_ip;
    const running = await start({ source: { filter: `host ${host}` } });
    send(everything, '--mbps', '4');
    const end = await stop(running);
    expect(end.kernel.shunted['filtered']!.packets).toBeGreaterThan(0);
    const expected = all.filter((event) => event.src_ip === host || event.dest_ip === host);
    expect(eventsOf(running).map(toContent).toSorted()).toEqual(expected.map(toContent).toSorted());
    expect(expected.length).toBeLessThan(all.length);
  });
});
