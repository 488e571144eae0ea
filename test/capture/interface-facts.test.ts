/** The addon's answers against those of other tools of the same machine. No privilege is needed. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { listInterfaces, listInterfacesOfProc, readInterface } from '../../src/capture/interface-facts.ts';
import { readHost } from '../../src/capture/interface-host.ts';

const host = readHost();
const reason = host.addonFault;

const LINKS = z.array(
  z.object({
    ifname: z.string(),
    flags: z.array(z.string()),
    mtu: z.number(),
    address: z.string(),
    promiscuity: z.number(),
  }),
);

describe.skipIf(reason !== null)(`facts of interfaces${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  it('know the loopback', () => {
    expect(readInterface('lo')).toMatchObject({ name: 'lo', isLoopback: true, isEthernet: false, mac: '000000000000' });
  });

  it('are null of what is not there, whatever its name', () => {
    for (const name of [
      '',
      'no-such',
      'l',
      'lo\u0000',
      'a'.repeat(15),
      'lo'.padEnd(16, 'o'),
      'x'.repeat(10_000),
      'lö',
    ]) {
      expect([name, readInterface(name)]).toEqual([name, null]);
    }
  });

  it('list the same names as /proc', () => {
    expect([...listInterfaces()].toSorted()).toEqual([...listInterfacesOfProc()].toSorted());
  });

  it('agree with ip(8)', (context) => {
    const answer = ask(['ip', '-d', '-j', 'link']);
    if (answer === null) context.skip('no ip here');
    const links = LINKS.parse(JSON.parse(answer ?? ''));
    const ours = links.map(({ ifname }) => {
      const { isUp, mtu, mac, promiscuity } = readInterface(ifname)!;
      return { ifname, isUp, mtu, mac, promiscuity };
    });
    expect(ours).toEqual(
      links.map(({ ifname, flags, mtu, address, promiscuity }) => ({
        ifname,
        isUp: flags.includes('UP'),
        mtu,
        mac: address.replaceAll(':', ''),
        promiscuity,
      })),
    );
  });

  it('agree with ethtool(8) on what merges packets', (context) => {
    if (ask(['ethtool', '--version']) === null) context.skip('no ethtool here');
    for (const name of listInterfaces()) {
      const { features } = readInterface(name)!;
      const answer = ask(['ethtool', '-k', name]) ?? '';
      const states = FEATURES.filter(([line]) => new RegExp(`^${line}: on`, 'm').test(answer));
      expect([name, ...FEATURES.filter(([, feature]) => features!.has(feature))]).toEqual([name, ...states]);
    }
  });
});

/** What ethtool calls a feature, and what the kernel does. */
const FEATURES = [
  ['generic-receive-offload', 'rx-gro'],
  ['large-receive-offload', 'rx-lro'],
  ['rx-gro-hw', 'rx-gro-hw'],
  ['rx-vlan-offload', 'rx-vlan-hw-parse'],
  ['rx-vlan-filter', 'rx-vlan-filter'],
] as const;

/** What a program says; null where it is not there or refuses. */
function ask([program, ...args]: readonly string[]): string | null {
  const { error, status, stdout } = spawnSync(program!, args, { encoding: 'utf8' });
  return error === undefined && status === 0 ? stdout : null;
}

describe.skipIf(process.platform !== 'linux')('facts of the machine (Linux)', () => {
  it('are those of this process', () => {
    expect(host).toMatchObject({ platform: 'linux', executable: process.execPath });
    expect(host.kernel).toMatch(/^\d+\.\d+/);
    expect(typeof host.capabilities).toBe('bigint');
    expect(host.lockedBytes).toBeGreaterThan(0);
  });
});
