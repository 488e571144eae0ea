import { describe, expect, it } from 'vitest';
import { Capability, type HostFacts } from '../../src/capture/interface-host.ts';
import { checkHost } from '../../src/sensor/host-check.ts';
import { complaints, find, GOOD_HOST, without } from './good-facts.ts';

describe('the machine and the process', () => {
  it('are fit', () => {
    expect(complaints(checkHost(GOOD_HOST))).toEqual([]);
  });

  it.each<[string, Partial<HostFacts>, string[]]>([
    ['another system', { platform: 'darwin' }, ['fail platform']],
    ['no addon', { addonFault: 'no compiler; build it', shuntRefusal: undefined }, ['fail addon', 'note ebpf']],
    ['a kernel without eBPF for us', { kernel: '4.15.0-20' }, ['warn kernel', 'warn cap_bpf', 'warn memlock']],
    ['a kernel with a name of its own', { kernel: 'custom' }, ['note kernel']],
    ['unknown capabilities', { capabilities: null }, ['note capabilities']],
    ['eBPF that is refused', { shuntRefusal: 'the kernel refuses to load it' }, ['warn ebpf']],
    ['eBPF that is interpreted', { bpfJit: 0 }, ['warn bpf_jit']],
    ['a container', { bpfJit: null }, ['note bpf_jit']],
    ['an unknown limit of memory', { lockedBytes: null }, ['note memlock']],
    ['little locked memory in a kernel that counts it', { kernel: '5.10.0' }, ['warn memlock']],
    ['enough of it', { kernel: '5.10.0', lockedBytes: Number.POSITIVE_INFINITY }, []],
  ])('%s is told', (_, change, expected) => {
    expect(complaints(checkHost({ ...GOOD_HOST, ...change }))).toEqual(expected);
  });

  it('tell each missing capability, with the way to get it', () => {
    expect(complaints(checkHost(without(GOOD_HOST, Capability.NetRaw)))).toEqual(['fail cap_net_raw']);
    expect(complaints(checkHost(without(GOOD_HOST, Capability.Bpf)))).toEqual(['warn cap_bpf']);
    expect(complaints(checkHost(without(GOOD_HOST, Capability.NetAdmin)))).toEqual(['note cap_net_admin']);
    const { cure } = find(checkHost({ ...GOOD_HOST, capabilities: 0n }), 'cap_net_raw');
    expect(cure).toContain('AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN CAP_BPF');
    expect(cure).toContain('setcap cap_net_raw,cap_net_admin,cap_bpf=ep /usr/bin/node');
  });

  it('take CAP_SYS_ADMIN for CAP_BPF, as the kernel does', () => {
    const admin = {
      ...GOOD_HOST,
      kernel: '5.4.0',
      lockedBytes: 1e9,
      capabilities: (1n << 13n) | (1n << 12n) | (1n << 21n),
    };
    expect(complaints(checkHost(admin))).toEqual([]);
  });

  it('make a cure of what stands behind the semicolon', () => {
    const { seen, cure } = find(
      checkHost({ ...GOOD_HOST, addonFault: 'it is not built; with a C compiler: npm run build:native' }),
      'addon',
    );
    expect([seen, cure]).toEqual(['It is not built.', 'With a C compiler: npm run build:native']);
  });
});
