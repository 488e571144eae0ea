/**
 * Whether an interface is fit to be a mirror port. Facts in, findings out; what its traffic shows is judged in mirror-check.ts.
 *
 * The names of offloads are the kernel's (`rx-gro`), those in the cures what `ethtool -K` calls them.
 */
import { escapeUnsafe } from '../bytes/text.ts';
import type { InterfaceFacts } from '../capture/interface-facts.ts';
import { type Check, check } from './check.ts';
import { nearestName } from './nearest-name.ts';

/** Ethernet's. What is mirrored has at least this. */
const USUAL_MTU = 1500;
/** At 1 Mpacket/s a ring of this size is full within a millisecond: less than the kernel may take to come. */
const LEAST_DESCRIPTORS = 1024;
/** Interfaces that are named to somebody who named none of them. */
const MAX_NAMED = 16;

/** What merges packets of a flow to one, before anybody can see them. */
const MERGING = [
  { feature: 'rx-gro', option: 'gro', what: 'GRO: the kernel merges packets of a flow before the sensor sees them' },
  { feature: 'rx-lro', option: 'lro', what: 'LRO: the card merges packets of a flow, and their headers are lost' },
  {
    feature: 'rx-gro-hw',
    option: 'rx-gro-hw',
    what: 'GRO in the card merges packets of a flow before the kernel sees them',
  },
  { feature: 'rx-gro-list', option: 'rx-gro-list', what: 'GRO by lists chains packets of a flow together' },
] as const;

export function refuseUnknownInterface(name: string, names: readonly string[]): Check {
  const near = nearestName(name, names);
  const shown = names.slice(0, MAX_NAMED).map(escapeUnsafe).join(', ');
  const more = names.length > MAX_NAMED ? `, and ${names.length - MAX_NAMED} more` : '';
  return check(
    'interface',
    'fail',
    `There is no interface ${escapeUnsafe(name)}`,
    `${near === null ? '' : `Did you mean ${escapeUnsafe(near)}? `}There are ${shown}${more}. A container sees only its own.`,
  );
}

export function checkInterface(read: InterfaceFacts): Check[] {
  const facts = { ...read, name: escapeUnsafe(read.name) };
  return [
    checkLink(facts),
    ...checkKind(facts),
    checkPromiscuous(facts),
    checkMtu(facts),
    ...checkMerging(facts),
    ...checkVlan(facts),
    ...checkRing(facts),
    ...checkAddress(facts),
    ...checkOthers(facts),
  ];
}

function checkLink({ name, isUp, hasCarrier, speedMbps, driver }: InterfaceFacts): Check {
  if (!isUp) return check('link', 'fail', `${name} is down`, `ip link set ${name} up`);
  if (hasCarrier === false) {
    return check(
      'link',
      'fail',
      `${name} is up, but has no carrier: nothing is plugged in, or the other end is off`,
      'Check the cable, the transceiver, and that the port of the switch is not shut down.',
    );
  }
  const speed = speedMbps === null ? 'its speed is not known' : speedText(speedMbps);
  return check('link', 'ok', `${name} is up, ${speed}${driver === null ? '' : `, driver ${escapeUnsafe(driver)}`}`);
}

function checkKind({ name, isEthernet, isLoopback }: InterfaceFacts): Check[] {
  if (isLoopback)
    return [check('kind', 'note', `${name} is the loopback: it has only what this machine says to itself`)];
  if (isEthernet) return [];
  return [check('kind', 'note', `${name} is no Ethernet interface: no MAC addresses and no VLANs will be in events`)];
}

function checkPromiscuous({ name, promiscuity, isLoopback }: InterfaceFacts): Check {
  if (isLoopback || promiscuity > 0) {
    return check('promiscuous', 'ok', isLoopback ? 'The loopback needs no promiscuous mode' : `${name} is promiscuous`);
  }
  return check('promiscuous', 'note', `${name} is not promiscuous at present; a capture makes it so while it runs`);
}

function checkMtu({ name, mtu, card }: InterfaceFacts): Check {
  if ((card.length ?? 0) > 0) {
    return check(
      'mtu',
      'warn',
      `The card refused ${card.length} frames for their length since it came up; the MTU is ${mtu}`,
      `Set it to that of the mirrored network, VLAN tags and tunnels included: ip link set ${name} mtu 9216`,
    );
  }
  if (mtu < USUAL_MTU) {
    return check(
      'mtu',
      'warn',
      `The MTU is ${mtu}: longer frames, as Ethernet has them, may not come in`,
      `ip link set ${name} mtu 9216, or the most that the card takes`,
    );
  }
  return check('mtu', 'ok', `The MTU is ${mtu}; no frame was refused for its length`);
}

function checkMerging({ name, features, fixed }: InterfaceFacts): Check[] {
  if (features === null)
    return [check('offloads', 'note', 'Not looked at: the kernel does not tell the offloads of this interface')];
  const on = MERGING.filter(({ feature }) => features.has(feature));
  if (on.length === 0) return [check('offloads', 'ok', 'No offload merges packets (GRO, LRO)')];
  return on.map(({ feature, option, what }) =>
    check(
      option.replaceAll('-', '_'),
      'warn',
      `${what}; packet counts, gaps and round trips in events are wrong then`,
      fixed.has(feature)
        ? `The driver does not let it be turned off (ethtool -K ${name} ${option} off is refused): use another card, or another kind of virtual one.`
        : `ethtool -K ${name} ${option} off`,
    ),
  );
}

function checkVlan({ name, features, fixed }: InterfaceFacts): Check[] {
  if (features === null) return [];
  const checks: Check[] = [];
  if (features.has('rx-vlan-hw-parse')) {
    checks.push(
      check(
        'vlan_offload',
        'note',
        'The card takes VLAN tags off; the sensor puts the outer one back',
        `Nothing has to be done. To have frames as they were: ethtool -K ${name} rxvlan off`,
      ),
    );
  }
  if (features.has('rx-vlan-filter') && !fixed.has('rx-vlan-filter')) {
    checks.push(
      check(
        'vlan_filter',
        'note',
        'The card filters VLANs; some drivers go on with it in promiscuous mode',
        `If VLANs are missing: ethtool -K ${name} rx-vlan-filter off`,
      ),
    );
  }
  return checks;
}

function checkRing({ name, ring, card }: InterfaceFacts): Check[] {
  const checks: Check[] = [];
  const lost = (card.missed ?? 0) + (card.fifo ?? 0);
  const canGrow = ring !== null && ring.rx < ring.rxMax;
  if (lost > 0) {
    checks.push(
      check(
        'card_loss',
        'note',
        `The card lost ${lost} packets for want of room since it came up`,
        canGrow
          ? `If it goes on: ethtool -G ${name} rx ${ring.rxMax}`
          : 'If it goes on: more queues (ethtool -L), or a faster machine.',
      ),
    );
  }
  if (ring === null) return checks;
  if (!canGrow) checks.push(check('card_ring', 'ok', `The card's ring has ${ring.rx} descriptors, its most`));
  else {
    const verdict = ring.rx < LEAST_DESCRIPTORS ? 'warn' : 'note';
    checks.push(
      check(
        'card_ring',
        verdict,
        `The card's ring has ${ring.rx} of ${ring.rxMax} possible descriptors: a burst may overrun it`,
        `ethtool -G ${name} rx ${ring.rxMax}`,
      ),
    );
  }
  return checks;
}

function checkAddress({ name, addresses, isLoopback }: InterfaceFacts): Check[] {
  if (isLoopback) return [];
  if (addresses.length === 0) return [check('address', 'ok', `${name} has no IP address, as a mirror port should`)];
  const routed = addresses.filter((address) => !address.toLowerCase().startsWith('fe80:'));
  if (routed.length === 0) {
    return [
      check(
        'address',
        'note',
        `${name} has an IPv6 address of the link: the machine talks on the mirror port`,
        `sysctl -w net.ipv6.conf.${name}.disable_ipv6=1`,
      ),
    ];
  }
  return [
    check(
      'address',
      'warn',
      `${name} has the address ${routed.join(', ')}: a mirror port should have none, or the machine answers to what is only mirrored`,
      `If it is for nothing but mirroring: ip address flush dev ${name}`,
    ),
  ];
}

function checkOthers({ name, hasXdp, isPort }: InterfaceFacts): Check[] {
  const checks: Check[] = [];
  if (isPort) {
    checks.push(
      check(
        'port',
        'warn',
        `${name} is a port of a bridge or a bond, which may send mirrored packets on`,
        `ip link set ${name} nomaster; of a bond whose ports together are the mirror, name the bond instead`,
      ),
    );
  }
  if (hasXdp) {
    checks.push(
      check(
        'xdp',
        'warn',
        `An XDP program is attached to ${name}: it may drop packets before the sensor, and --xdp is refused`,
        `See whose it is: bpftool net show dev ${name}. To take it off: ip link set dev ${name} xdp off`,
      ),
    );
  }
  return checks;
}

function speedText(mbps: number): string {
  return mbps >= 1000 ? `${mbps / 1000} Gbit/s` : `${mbps} Mbit/s`;
}
