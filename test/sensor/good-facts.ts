/** Facts as a good mirror port has them, to be spoiled one at a time. */
import type { InterfaceFacts } from '../../src/capture/interface-facts.ts';
import { Capability, type HostFacts } from '../../src/capture/interface-host.ts';
import { DROP_NAMES } from '../../src/decode/drop.ts';
import type { Check } from '../../src/sensor/check.ts';
import type { MirrorSample } from '../../src/sensor/mirror-sample.ts';

export const GOOD_INTERFACE: InterfaceFacts = {
  name: 'eth1',
  isUp: true,
  hasCarrier: true,
  isLoopback: false,
  isEthernet: true,
  promiscuity: 1,
  mtu: 1500,
  mac: '020000000009',
  addresses: [],
  driver: 'ixgbe',
  speedMbps: 10_000,
  ring: { rx: 4096, rxMax: 4096 },
  features: new Set(['rx-checksum']),
  fixed: new Set(),
  hasXdp: false,
  isPort: false,
  card: { packets: 1000, errors: 0, missed: 0, fifo: 0, length: 0 },
};

const mask = (...bits: readonly Capability[]) => bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);

export const GOOD_HOST: HostFacts = {
  platform: 'linux',
  kernel: '6.1.0-9-amd64',
  addonFault: null,
  capabilities: mask(Capability.NetRaw, Capability.NetAdmin, Capability.Bpf),
  lockedBytes: 65_536,
  unprivilegedBpfDisabled: 2,
  bpfJit: 1,
  shuntRefusal: null,
  executable: '/usr/bin/node',
};

export function without(host: HostFacts, bit: Capability): HostFacts {
  return { ...host, capabilities: host.capabilities! & ~(1n << BigInt(bit)) };
}

export const GOOD_SAMPLE: MirrorSample = {
  seconds: 5,
  packets: 10_000,
  bytes: 8_000_000,
  groupPackets: 20,
  ownPackets: 0,
  largestFrame: 1514,
  mergedFrames: 0,
  cutFrames: 0,
  vlans: new Map(),
  decoded: DROP_NAMES.map(() => 0),
  erspanPackets: 0,
  tlsBytes: 6_000_000,
  tcpBytes: 7_000_000,
  quicBytes: 500_000,
  udpBytes: 600_000,
  tlsFlows: 40,
  tellingFlows: 60,
  oneWayFlows: 1,
  gapBytes: 0,
  streamBytes: 7_000_000,
  comparedPackets: 9_000,
  repeatedPackets: 10,
};

/** Those that are no `ok`, as `verdict id`. */
export function complaints(checks: readonly Check[]): string[] {
  return checks.filter(({ verdict }) => verdict !== 'ok').map(({ verdict, id }) => `${verdict} ${id}`);
}

export function find(checks: readonly Check[], id: string): Check {
  const found = checks.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no finding ${id} among ${checks.map((one) => one.id).join(', ')}`);
  return found;
}
