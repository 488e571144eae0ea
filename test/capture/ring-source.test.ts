/** The ring against the real kernel: two ends of a cable in a namespace, and packets sent over it. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openCapture } from '../../src/capture/open-capture.ts';
import { PacketBlock } from '../../src/capture/packet-source.ts';
import { bundleProgram, type Program, startProgram } from '../support/bundled-program.ts';
import { type Namespace, NetworkLab, waitUntil, whyNoLab } from '../support/netns.ts';

const CAPTURE = 'pcaps/tls12-ecdhe-rsa-chain.pcap';
const TAGGED = 'pcaps/vlan-ipv6.pcapng';
const Line = z.looseObject({
  packet: z.string().optional(),
  us: z.number().optional(),
  link: z.string().optional(),
  error: z.string().optional(),
  descriptors: z.number().optional(),
  maps: z.number().optional(),
  received: z.number().optional(),
  ringDropped: z.number().optional(),
  walked: z.number().optional(),
  waiting: z.number().optional(),
});
type Line = z.infer<typeof Line>;

const reason = whyNoLab() ?? (spawnSync('tcpreplay', ['--version']).error === undefined ? null : 'no tcpreplay here');

describe.skipIf(reason !== null)(`a ring on a real interface${reason === null ? '' : ` (${reason})`}`, () => {
  let lab: NetworkLab;
  let space: Namespace;
  let program = '';

  beforeAll(async () => {
    program = await bundleProgram('test/capture/ring-reader.ts');
    lab = new NetworkLab();
    space = lab.namespace('ring');
    lab.connect({ namespace: space, device: 'a0' }, { namespace: space, device: 'b0' });
    // Room for full-sized frames with a tag.
    for (const device of ['a0', 'b0']) space.setLink(device, 'mtu', '2000');
  }, 60_000);
  afterAll(() => lab.close());

  async function start(plan: Readonly<Record<string, unknown>>): Promise<Program> {
    const [command, ...args] = space.command([
      process.execPath,
      program,
      JSON.stringify({ interface: 'b0', blocks: 8, ...plan }),
    ]);
    const reader = startProgram(command!, args);
    expect(await reader.line('{"open":true')).not.toBeNull();
    return reader;
  }

  async function stop(reader: Program): Promise<Line> {
    reader.child.kill('SIGTERM');
    expect(await reader.ended).toBe(0);
    return linesOf(reader).at(-1)!;
  }

  const send = (file: string, ...options: string[]) =>
    space.run(['tcpreplay', '-q', '-K', '--topspeed', '-i', 'a0', ...options, file]);

  it('gives each packet as it was sent, in order, with the time of now', async () => {
    const reader = await start({ shows: true });
    const sent = await packetsOf(CAPTURE);
    const beganUs = Date.now() * 1000;
    send(CAPTURE);
    await waitUntil(() => packetsIn(reader).length >= sent.length, 'the packets to arrive');
    const end = await stop(reader);
    expect(packetsIn(reader).map(({ packet }) => packet)).toEqual(sent);
    for (const { us } of packetsIn(reader)) expect(us).toBeGreaterThanOrEqual(beganUs - 1000);
    expect(end).toMatchObject({ received: sent.length, walked: sent.length, ringDropped: 0, waiting: 0, shunted: {} });
  });

  it('puts the VLAN tag back that the kernel took out', async () => {
    const reader = await start({ shows: true });
    const sent = await packetsOf(TAGGED);
    send(TAGGED);
    await waitUntil(() => packetsIn(reader).length >= sent.length, 'the tagged packets to arrive');
    await stop(reader);
    expect(packetsIn(reader).map(({ packet }) => packet)).toEqual(sent);
    expect(sent.some((hex) => hex.startsWith('8100', 24))).toBe(true);
  });

  it('counts each packet that a full ring drops, and the sum is exact', async () => {
    const before = space.counters('b0').rxPackets;
    const reader = await start({ blockBytes: 65_536, blocks: 2, pauseMs: 1500 });
    send(CAPTURE, '--loop', '300');
    await sleep(200);
    const end = await stop(reader);
    const sent = space.counters('b0').rxPackets - before;
    expect(end.ringDropped).toBeGreaterThan(0);
    expect(end.walked).toBeGreaterThan(0);
    expect(end.waiting).toBe(0);
    expect(end.received).toBe(sent);
    expect(end.walked! + end.ringDropped!).toBe(sent);
  });

  it('gives all that came before the intake stopped, while packets keep coming', async () => {
    const reader = await start({ blocks: 16 });
    const [command, ...args] = space.command([
      'tcpreplay',
      '-q',
      '-K',
      '--loop',
      '100000',
      '--topspeed',
      '-i',
      'a0',
      CAPTURE,
    ]);
    const sender = startProgram(command!, args);
    await sleep(700);
    const end = await stop(reader);
    sender.child.kill();
    await sender.ended;
    expect(end.walked).toBeGreaterThan(1000);
    expect(end.waiting).toBe(0);
    expect(end.received).toBe(end.walked! + end.ringDropped!);
  });

  it('goes on when the interface went down and came back, and says so', async () => {
    const reader = await start({ shows: true });
    space.setLink('b0', 'down');
    await reader.line('{"link":"down"}');
    space.setLink('b0', 'up');
    await reader.line('{"link":"up"}');
    space.waitForCarrier('b0');
    send(CAPTURE);
    const count = (await packetsOf(CAPTURE)).length;
    await waitUntil(() => packetsIn(reader).length >= count, 'packets after the flap');
    await stop(reader);
    expect(
      linesOf(reader)
        .filter((line) => line.link !== undefined)
        .map((line) => line.link),
    ).toEqual(['up', 'down', 'up']);
  });

  it('says so, too, when the link was down for a moment only', async () => {
    const reader = await start({});
    space.setLink('b0', 'down');
    space.setLink('b0', 'up');
    expect(await reader.line('{"link":"down"}')).not.toBeNull();
    await waitForLink(reader, 'up');
    await stop(reader);
    space.waitForCarrier('b0');
  });

  it('ends with an error when the interface of a group is removed', async () => {
    lab.connect({ namespace: space, device: 'e0' }, { namespace: space, device: 'f0' });
    const reader = await start({ interface: 'f0', fanoutGroup: 79 });
    space.run(['ip', 'link', 'del', 'f0']);
    const line = await reader.line('{"error"');
    expect(line).toContain('"code":"interface_gone"');
    expect(line).toContain('f0: the interface was removed');
    await reader.ended;
  });

  it('finds an interface again that was removed and made anew', async () => {
    lab.connect({ namespace: space, device: 'c0' }, { namespace: space, device: 'd0' });
    const reader = await start({ interface: 'd0', shows: true });
    space.run(['ip', 'link', 'del', 'd0']);
    expect(await reader.line('{"link":"gone"}')).not.toBeNull();
    lab.connect({ namespace: space, device: 'c0' }, { namespace: space, device: 'd0' });
    expect(await waitForLink(reader, 'up')).toBe(true);
    space.run(['tcpreplay', '-q', '-K', '--topspeed', '-i', 'c0', CAPTURE]);
    const count = (await packetsOf(CAPTURE)).length;
    await waitUntil(() => packetsIn(reader).length >= count, 'packets of the new interface');
    await stop(reader);
  });

  it('shares the flows of an interface between the rings of a group', async () => {
    const readers = [await start({ fanoutGroup: 77 }), await start({ fanoutGroup: 77 })];
    const before = space.counters('b0').rxPackets;
    // Each file with connections of its own: the hash spreads connections, not packets.
    for (const file of ['tls12-ecdsa', 'tls13', 'expired', 'wildcard'])
      space.tryRun(['tcpreplay', '-q', '-K', '--topspeed', '-i', 'a0', `pcaps/${file}.pcap`]);
    const sent = space.counters('b0').rxPackets - before;
    await sleep(300);
    const ends = [await stop(readers[0]!), await stop(readers[1]!)];
    expect(sent).toBeGreaterThan(0);
    expect(ends[0]!.walked! + ends[1]!.walked!).toBe(sent);
  });

  it('gives no packet twice while a ring joins a group that is busy', async () => {
    const before = space.counters('b0').rxPackets;
    const first = await start({ fanoutGroup: 78 });
    const [command, ...args] = space.command([
      'tcpreplay',
      '-q',
      '-K',
      '--topspeed',
      '--loop',
      '4000',
      '-i',
      'a0',
      CAPTURE,
    ]);
    const sender = startProgram(command!, args);
    await waitUntil(() => space.counters('b0').rxPackets > before, 'packets');
    const second = await start({ fanoutGroup: 78 });
    expect(await sender.ended).toBe(0);
    const sent = space.counters('b0').rxPackets - before;
    const ends = [await stop(first), await stop(second)];
    const given = ends.map(({ walked, ringDropped }) => walked! + ringDropped!);
    expect(given[0]! + given[1]!).toBeLessThanOrEqual(sent);
    expect(given[0]! + given[1]!).toBeGreaterThan(sent * 0.9);
  });

  it('leaves no descriptor and no mapping behind, and refuses an interface that is not there', async () => {
    const reader = await start({ rounds: 200 });
    const [first, last] = linesOf(reader).filter((line) => line.descriptors !== undefined);
    await stop(reader);
    expect(last!.descriptors).toBe(first!.descriptors);
    expect(last!.maps).toBe(0);
    const [command, ...args] = space.command([process.execPath, program, JSON.stringify({ interface: 'nothere0' })]);
    const refused = startProgram(command!, args);
    await refused.ended;
    expect(linesOf(refused)).toMatchObject([
      { start: true },
      { error: 'nothere0: there is no such interface; see: ip link', code: 'no_interface' },
    ]);
  });
});

function linesOf(reader: Program): Line[] {
  return reader.lines.map((line) => Line.parse(JSON.parse(line)));
}

function packetsIn(reader: Program): Line[] {
  return linesOf(reader).filter((line) => line.packet !== undefined);
}

async function waitForLink(reader: Program, state: string): Promise<boolean> {
  await waitUntil(
    () =>
      linesOf(reader)
        .filter((line) => line.link !== undefined)
        .at(-1)?.link === state,
    `link ${state}`,
  );
  return true;
}

async function packetsOf(path: string): Promise<string[]> {
  const source = await openCapture(path);
  const block = new PacketBlock();
  const packets: string[] = [];
  while (await source.next(block)) {
    for (let i = 0; i < block.count; i++) {
      packets.push(Buffer.from(block.buf.subarray(block.at[i], block.at[i]! + block.capLen[i]!)).toString('hex'));
    }
  }
  await source.close();
  return packets;
}
