/** Filters on a real interface, where the kernel has taken the VLAN tag out of the packet: held against tcpdump's own verdict. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bundleProgram, startProgram } from '../support/bundled-program.ts';
import { type Namespace, NetworkLab, waitUntil, whyNoLab } from '../support/netns.ts';

const CAPTURES = ['pcaps/vlan-ipv6.pcapng', 'pcaps/tls12-ecdhe-rsa-chain.pcap'];
const EXPRESSIONS = [
  'tcp',
  'ip6',
  'vlan',
  'vlan and tcp port 443',
  'vlan and ip6 and tcp src port 443',
  'not vlan and tcp[tcpflags] & tcp-syn != 0',
  'tcp dst port 443 or (vlan and dst port 443)',
  'vlan 4000',
  'greater 200',
];

const End = z.looseObject({
  kind: z.string(),
  received: z.number(),
  walked: z.number(),
  ringDropped: z.number(),
  shunted: z.record(z.string(), z.object({ packets: z.number() })),
});
type End = z.infer<typeof End>;

const lacks = ['tcpdump', 'tcpreplay'].find((tool) => spawnSync(tool, ['--version']).error !== undefined);
const reason = whyNoLab() ?? (lacks === undefined ? null : `no ${lacks} here`);

describe.skipIf(reason !== null)(`a filter on a real interface${reason === null ? '' : ` (${reason})`}`, () => {
  let lab: NetworkLab;
  let space: Namespace;
  let program = '';

  beforeAll(async () => {
    program = await bundleProgram('test/capture/bpf-reader.ts');
    lab = new NetworkLab();
    space = lab.namespace('bpf');
    lab.connect({ namespace: space, device: 'a0' }, { namespace: space, device: 'b0' });
    for (const device of ['a0', 'b0']) space.setLink(device, 'mtu', '2000');
  }, 60_000);
  afterAll(() => lab.close());

  /** Counters of a ring and the count of tcpdump, which saw the same packets at the same time. */
  async function readThrough(expression: string, kind: 'shunt' | 'plain'): Promise<{ end: End; wanted: number }> {
    const [command, ...args] = space.command([process.execPath, program, 'b0', expression, kind]);
    const reader = startProgram(command!, args);
    const [tool, ...options] = space.command([
      'tcpdump',
      '-Z',
      'root',
      '-i',
      'b0',
      '-n',
      '-w',
      '/dev/null',
      expression,
    ]);
    const peer = startProgram(tool!, options);
    expect(await reader.line('{"open":true}')).not.toBeNull();
    await waitUntil(() => peer.errors.some((line) => line.includes('listening on')), 'tcpdump to listen');
    for (const file of CAPTURES) space.run(['tcpreplay', '-q', '-K', '--topspeed', '-i', 'a0', file]);
    await sleep(50);
    reader.child.kill('SIGTERM');
    peer.child.kill('SIGINT');
    await peer.ended;
    const counted = peer.errors.find((line) => line.includes('received by filter'));
    return {
      end: End.parse(JSON.parse((await reader.line('{"end":true'))!)),
      wanted: Number.parseInt(counted!, 10),
    };
  }

  it('takes the packets that tcpdump takes, alone and in front of the shunt', async () => {
    const sent = (await readThrough('', 'plain')).wanted;
    expect(sent).toBeGreaterThan(40);
    const counts = new Set<number>();
    for (const expression of EXPRESSIONS) {
      const plain = await readThrough(expression, 'plain');
      expect({ expression, walked: plain.end.walked }).toEqual({ expression, walked: plain.wanted });
      const { end, wanted } = await readThrough(expression, 'shunt');
      const filtered = end.shunted['filtered']?.packets;
      expect({ expression, kind: end.kind, walked: end.walked, filtered, received: end.received }).toEqual({
        expression,
        kind: 'socket',
        walked: wanted,
        filtered: sent - wanted,
        received: sent,
      });
      counts.add(wanted);
    }
    // The expressions tell packets apart.
    expect(counts.size).toBeGreaterThan(4);
  }, 120_000);

  it('knows what came in and what went out', async () => {
    const inbound = await readThrough('inbound', 'shunt');
    expect(inbound.end.walked).toBe(inbound.end.received);
    expect((await readThrough('outbound', 'shunt')).end.walked).toBe(0);
  }, 20_000);
});
