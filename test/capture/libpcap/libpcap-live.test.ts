/**
 * libpcap on a real interface. The package `cap` is not installed with the others (docs/decisions/), so this is skipped where it
 * is not: `npm i --no-save cap`, or its main file in SPANGLASS_CAP.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleProgram, type Program, startProgram } from '../../support/bundled-program.ts';
import { type Namespace, NetworkLab, waitUntil, whyNoLab } from '../../support/netns.ts';

const CAPTURES = ['pcaps/vlan-ipv6.pcapng', 'pcaps/tls12-ecdhe-rsa-chain.pcap'];

const capFile = findCap();
const lacks = ['tcpdump', 'tcpreplay'].find((tool) => spawnSync(tool, ['--version']).error !== undefined);
const reason =
  whyNoLab() ?? (lacks === undefined ? null : `no ${lacks} here`) ?? (capFile === null ? 'no package cap here' : null);

describe.skipIf(reason !== null)(`libpcap on a real interface${reason === null ? '' : ` (${reason})`}`, () => {
  let lab: NetworkLab;
  let space: Namespace;
  let program = '';

  beforeAll(async () => {
    program = await bundleProgram('test/capture/libpcap/libpcap-reader.ts');
    lab = new NetworkLab();
    space = lab.namespace('cap');
    lab.connect({ namespace: space, device: 'a0' }, { namespace: space, device: 'b0' });
    for (const device of ['a0', 'b0']) space.setLink(device, 'mtu', '2000');
  }, 60_000);
  afterAll(() => lab.close());

  function start(name: string, expression: string): Program {
    const [command, ...args] = space.command([process.execPath, program, name, expression, capFile!]);
    return startProgram(command!, args);
  }

  it.each(['', 'tcp port 443', 'vlan and ip6'])(
    'gives, in a worker, the packets that tcpdump takes: "%s"',
    async (expression) => {
      const reader = start('b0', expression);
      const [tool, ...options] = space.command([
        'tcpdump',
        '-i',
        'b0',
        '--immediate-mode',
        '-n',
        '-t',
        '-q',
        expression,
      ]);
      const peer = startProgram(tool!, options);
      expect(await reader.line('{"open":true,"linkType":1}')).not.toBeNull();
      await waitUntil(() => peer.errors.some((line) => line.includes('listening on')), 'tcpdump to listen');
      for (const file of CAPTURES) space.run(['tcpreplay', '-q', '-K', '--topspeed', '-i', 'a0', file]);
      await sleep(300);
      reader.child.kill('SIGTERM');
      peer.child.kill('SIGINT');
      expect(await reader.ended).toBe(0);
      await peer.ended;
      const wanted = Number.parseInt(peer.errors.find((line) => line.includes('received by filter'))!, 10);
      const packets = reader.lines.filter((line) => line.startsWith('{"packet"'));
      expect(wanted).toBeGreaterThan(0);
      expect(packets.length).toBe(wanted);
      expect(await reader.line('{"end":true')).toContain(`"walked":${wanted},"waiting":0`);
    },
    20_000,
  );

  it('says what libpcap says of an interface that is not there, and of a filter that is none', async () => {
    expect(await start('nope0', '').line('{"error"')).toContain('nope0');
    expect(await start('b0', 'tcp prt 443').line('{"error"')).toContain('syntax error');
  }, 20_000);
});

function findCap(): string | null {
  const named = process.env['SPANGLASS_CAP'];
  if (named !== undefined) return named;
  try {
    return createRequire(import.meta.url).resolve('cap');
  } catch {
    return null;
  }
}
