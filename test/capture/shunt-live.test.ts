/** The shunt on a real interface: what BPF_PROG_TEST_RUN can't show. Tags beside the packet, merged segments, memory in pieces, XDP. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bundleProgram, type Program, startProgram } from '../support/bundled-program.ts';
import { type Namespace, NetworkLab, waitUntil, whyNoLab } from '../support/netns.ts';
import { labRefusal } from './shunt-lab.ts';
import { ShuntModel } from './shunt-model.ts';
import { concat, Flag, type Packet, tcp, udp } from './shunt-packets.ts';

const Count = z.object({ packets: z.number(), bytes: z.number() });
const Line = z.looseObject({
  packet: z.string().optional(),
  kind: z.string().optional(),
  notes: z.array(z.string()).optional(),
});
const End = z.object({
  longest: z.number(),
  passed: Count,
  dropped: z.object({ finished: Count, budget: Count, empty_ack: Count, udp: Count, filtered: Count }),
  kernel: z.looseObject({ received: z.number(), walked: z.number(), ringDropped: z.number(), waiting: z.number() }),
});

const V4 = { source: '10.0.0.1', target: '192.0.2.7', sourcePort: 40_000, targetPort: 443 };
const V6 = { source: '2001:db8::1', target: '2001:db8::2', sourcePort: 40_000, targetPort: 443 };

const reason =
  labRefusal() ??
  whyNoLab() ??
  (spawnSync('tcpreplay', ['--version']).error === undefined ? null : 'no tcpreplay here');
const hasPython = spawnSync('python3', ['--version']).error === undefined;

describe.skipIf(reason !== null)(`the shunt on a real interface${reason === null ? '' : ` (${reason})`}`, () => {
  let lab: NetworkLab;
  let a: Namespace;
  let b: Namespace;
  let program = '';
  const folder = mkdtempSync(path.join(tmpdir(), 'spanglass-shunt-'));

  beforeAll(async () => {
    program = await bundleProgram('test/capture/shunt-reader.ts');
    lab = new NetworkLab();
    a = lab.namespace('shunt-a');
    b = lab.namespace('shunt-b');
    lab.connect({ namespace: a, device: 'a0' }, { namespace: b, device: 'b0' });
  }, 60_000);
  afterAll(() => {
    lab.close();
    rmSync(folder, { recursive: true });
  });

  async function start(plan: Readonly<Record<string, unknown>>): Promise<Program> {
    const words = b.command([process.execPath, program, JSON.stringify({ interface: 'b0', ...plan })]);
    const reader = startProgram(words[0]!, words.slice(1));
    if ((await reader.line('{"open":true')) === null) throw new Error(reader.errors.join('\n'));
    return reader;
  }

  /** Ends the reader; every packet that it counted is in one counter, and was given out if it passed. */
  async function stop(reader: Program): Promise<z.infer<typeof End>> {
    reader.child.kill('SIGTERM');
    expect(await reader.ended).toBe(0);
    const end = End.parse(JSON.parse(reader.lines.at(-1)!));
    expect(end.kernel.waiting).toBe(0);
    const { received, walked, ringDropped } = end.kernel;
    const dropped = Object.values(end.dropped).reduce((sum, { packets }) => sum + packets, 0);
    // What XDP drops the ring knows nothing of.
    const isXdp = firstLine(reader).kind === 'xdp';
    expect(received).toBe(isXdp ? walked + ringDropped : end.passed.packets + dropped);
    expect(walked + ringDropped).toBe(end.passed.packets);
    return end;
  }

  function send(packets: readonly Uint8Array[]): void {
    const file = path.join(folder, 'packets.pcap');
    writeFileSync(file, toPcap(packets));
    a.run(['tcpreplay', '-q', '-K', '--topspeed', '-i', 'a0', file]);
  }

  it('judges packets that are cut short as the model does, with tags beside them and within', async () => {
    const payload = Uint8Array.from({ length: 40 }, (_, i) => i);
    const originals = [V4, V6, { ...V4, ipOptions: 8 }].flatMap((base) =>
      [[], [0x8100], [0x88a8, 0x8100]].flatMap((vlans) => {
        const packet: Packet = { ...base, vlans };
        return [
          udp({ ...packet, payload }),
          udp({ ...packet, payload: concat(Uint8Array.of(0xc3, 0, 0, 0, 1), payload) }),
          tcp({ ...packet, flags: Flag.Ack, payload }),
        ];
      }),
    );
    // A tag that is cut is dropped by the kernel itself.
    const cuts = originals.flatMap((packet) =>
      Array.from({ length: packet.length - 22 }, (_, i) => packet.subarray(0, packet.length - i)),
    );
    const model = new ShuntModel(400, 4, 0);
    const expected = cuts.filter((packet) => model.judge(withoutTag(packet)) === 'passed');
    const reader = await start({ budgetBytes: 400, youngPackets: 4, shows: true });
    send(cuts);
    await waitUntil(() => packetsIn(reader).length >= expected.length, 'the packets that pass');
    const end = await stop(reader);
    expect(packetsIn(reader)).toEqual(expected.map((packet) => Buffer.from(packet).toString('hex')));
    expect(end.kernel.received).toBe(cuts.length);
    expect(end.dropped.udp.packets).toBeGreaterThan(50);
  });

  it('finds a finished flow whatever its tag, which the kernel has put beside the packet', async () => {
    const data = (vlans: number[]): Uint8Array =>
      tcp({ ...V4, vlans, flags: Flag.Ack, seq: 9, payload: new Uint8Array(64) });
    const reader = await start({ finish: V4, shows: true });
    send([data([0x8100])]);
    await waitUntil(() => packetsIn(reader).length === 1, 'the first packet');
    reader.child.kill('SIGUSR2');
    await reader.line('{"finished":true');
    send([
      data([0x8100]),
      data([]),
      data([0x88a8, 0x8100]),
      tcp({ ...V4, vlans: [0x8100], flags: Flag.Fin | Flag.Ack }),
    ]);
    await waitUntil(() => packetsIn(reader).length === 2, 'the FIN');
    const end = await stop(reader);
    expect(end.dropped.finished.packets).toBe(3);
    expect(end.passed.packets).toBe(2);
  });

  it('cuts off a download of merged segments, whose payload lies in pieces of memory', async () => {
    for (const [space, device, address] of [
      [a, 'a0', '10.9.0.1/24'],
      [b, 'b0', '10.9.0.2/24'],
    ] as const) {
      space.addAddresses(device, address);
      for (const offload of ['sg', 'tx', 'rx', 'tso', 'gso', 'gro'])
        space.tryRun(['ethtool', '-K', device, offload, 'on']);
    }
    const reader = await start({ budgetBytes: 200_000 });
    const sizeBytes = 40_000_000;
    const server = startIn(
      b,
      `
      const server = require('node:net').createServer((socket) => {
        let got = 0;
        socket.on('data', (bytes) => { got += bytes.length; });
        socket.on('end', () => { console.log(got); server.close(); });
      }).listen(4443, '10.9.0.2', () => console.log('listening'));`,
    );
    await server.line('listening');
    const client = startIn(
      a,
      `
      const socket = require('node:net').connect(4443, '10.9.0.2', () => socket.end(Buffer.alloc(${sizeBytes})));`,
    );
    expect(await client.ended).toBe(0);
    expect(await server.ended).toBe(0);
    expect(server.lines.at(-1)).toBe(`${sizeBytes}`);
    const end = await stop(reader);
    expect(end.longest).toBeGreaterThan(3000);
    const passedAndDropped = end.passed.bytes + end.dropped.budget.bytes;
    expect(passedAndDropped).toBeGreaterThan(sizeBytes);
    // The last packet that begins within the budget passes whole.
    expect(end.passed.bytes).toBeLessThan(200_000 + 2 * 65_536 + 20_000);
    expect(end.dropped.budget.bytes).toBeGreaterThan(0.98 * sizeBytes);
  });

  it.skipIf(!hasPython)(
    `reads UDP whose payload lies in pieces of memory${hasPython ? '' : ' (no python3 here)'}`,
    async () => {
      a.addAddresses('a0', '10.8.0.1/24');
      b.addAddresses('b0', '10.8.0.2/24');
      const reader = await start({});
      // SOL_UDP, UDP_SEGMENT: the kernel puts such a payload beside the headers.
      a.run([
        'python3',
        '-c',
        `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(17, 103, 1200)
for first in (b'\\xc3\\0\\0\\0\\1', b'\\x43\\0\\0\\0\\1', b'\\x16\\xfe\\xfd\\0\\0'):
    for i in range(10):
        s.sendto(first + bytes(6000), ('10.8.0.2', 4444))
`,
      ]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const end = await stop(reader);
      expect(end.longest).toBeGreaterThan(1200);
      // Ten of each kind, whole or as six datagrams each.
      expect(end.dropped.udp.packets).toBeGreaterThanOrEqual(10);
      expect(end.passed.packets).toBeGreaterThanOrEqual(20);
      expect(end.dropped.udp.bytes).toBeGreaterThan(10 * 6000);
    },
  );

  it('drops in the driver with XDP, and leaves nothing attached when it is killed', async () => {
    const reader = await start({ xdp: true, shows: true });
    expect(firstLine(reader)).toMatchObject({ kind: 'xdp' });
    expect(b.run(['ip', 'link', 'show', 'b0'])).toContain('prog/xdp');
    const passing = tcp({ ...V4, flags: Flag.Syn });
    const tagged = tcp({ ...V4, vlans: [0x8100], flags: Flag.Syn });
    send([
      udp({ ...V4, payload: new Uint8Array(40) }),
      passing,
      udp({ ...V4, vlans: [0x8100], payload: new Uint8Array(40) }),
      tagged,
    ]);
    await waitUntil(() => packetsIn(reader).length >= 2, 'what passes');
    expect(packetsIn(reader)).toEqual([passing, tagged].map((packet) => Buffer.from(packet).toString('hex')));
    const end = await stop(reader);
    expect(end.dropped.udp).toEqual({ packets: 2, bytes: 14 + 20 + 8 + 40 + (14 + 4 + 20 + 8 + 40) });
    expect(b.run(['ip', 'link', 'show', 'b0'])).not.toContain('prog/xdp');

    const killed = await start({ xdp: true });
    expect(b.run(['ip', 'link', 'show', 'b0'])).toContain('prog/xdp');
    killed.child.kill('SIGKILL');
    await killed.ended;
    await waitUntil(() => !b.run(['ip', 'link', 'show', 'b0']).includes('prog/xdp'), 'the program to go');
  });

  it('says why there is no XDP where another program has the interface, and drops at the socket', async () => {
    const first = await start({ xdp: true });
    const second = await start({ xdp: true });
    expect(firstLine(second).kind).toBe('socket');
    expect(firstLine(second).notes).toEqual([
      'b0 has an XDP program already: ip link show dev b0 names it; end its owner; packets are dropped at the socket instead',
    ]);
    await stop(second);
    await stop(first);
  });

  function startIn(space: Namespace, source: string): Program {
    const words = space.command([process.execPath, '-e', source]);
    return startProgram(words[0]!, words.slice(1));
  }
});

function firstLine(reader: Program): z.infer<typeof Line> {
  return Line.parse(JSON.parse(reader.lines.find((line) => line.startsWith('{"open":true'))!));
}

function packetsIn(reader: Program): string[] {
  return reader.lines.map((line) => Line.parse(JSON.parse(line)).packet).filter((packet) => packet !== undefined);
}

/** As the kernel's programs see it. */
function withoutTag(packet: Uint8Array): Uint8Array {
  const isTagged = packet[12] === 0x81 || packet[12] === 0x88;
  return isTagged ? concat(packet.subarray(0, 12), packet.subarray(16)) : packet;
}

/** A capture file: magic, version 2.4, snap length 65 535, Ethernet. */
function toPcap(packets: readonly Uint8Array[]): Uint8Array {
  const header = Uint32Array.of(0xa1b2c3d4, 0x0004_0002, 0, 0, 65_535, 1);
  const records = packets.flatMap((packet) => [
    new Uint8Array(Uint32Array.of(0, 0, packet.length, packet.length).buffer),
    packet,
  ]);
  return concat(new Uint8Array(header.buffer), ...records);
}
