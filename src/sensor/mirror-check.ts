/** Whether what comes in on an interface is a mirror worth reading. A sample and facts in, findings out. */
import { escapeUnsafe } from '../bytes/text.ts';
import type { InterfaceFacts } from '../capture/interface-facts.ts';
import { Drop } from '../decode/drop.ts';
import { type Check, check } from './check.ts';
import type { MirrorSample } from './mirror-sample.ts';

/** Fewer flows may be one way by chance: a talker at a time, a flow that ends. */
const MIN_FLOWS = 5;
/** Shares, from 0 to 1. Scans and dead flows make some one-way flows on every network. */
const ONE_WAY_SOME = 0.2;
const ONE_WAY_ALL = 0.9;
/** TCP's own fast retransmissions and keep-alives stay below it. */
const REPEATS_SOME = 0.02;
/** Half of the packets are the second of a pair where all come twice. */
const REPEATS_ALL = 0.4;
const LOSS_NOTED = 0.0005;
const LOSS_BAD = 0.01;
const TUNNEL_SOME = 0.01;
const TUNNEL_ALL = 0.9;
const CUT_SOME = 0.001;
/** Below this nothing is said about shares. */
const MIN_PACKETS = 100;
/** VLANs that are named. */
const MAX_NAMED = 8;

/** What the kernel and the card said about the time of the sample. */
export interface SampleLosses {
  readonly ringDropped: number;
  /** Null where the driver does not count. */
  readonly cardMissed: number | null;
  readonly cardLength: number | null;
}

const TUNNELS = [
  { drop: Drop.TunnelVxlan, name: 'VXLAN' },
  { drop: Drop.TunnelGre, name: 'GRE' },
  { drop: Drop.TunnelGeneve, name: 'GENEVE' },
  { drop: Drop.TunnelGtp, name: 'GTP' },
  { drop: Drop.TunnelMpls, name: 'MPLS' },
  { drop: Drop.TunnelPppoe, name: 'PPPoE' },
  { drop: Drop.TunnelIp, name: 'IP in IP' },
  { drop: Drop.TunnelEthernet, name: 'Ethernet in Ethernet' },
  { drop: Drop.TunnelFabricTag, name: 'fabric tags' },
  { drop: Drop.TunnelNsh, name: 'NSH' },
  { drop: Drop.TunnelTeredo, name: 'Teredo' },
  { drop: Drop.TunnelTzsp, name: 'TZSP' },
] as const;

export function checkMirror(sample: MirrorSample, facts: InterfaceFacts, losses: SampleLosses): Check[] {
  const named = { ...facts, name: escapeUnsafe(facts.name) };
  const presence = checkPresence(sample, named);
  if (presence.verdict === 'fail') return [presence, ...checkCard(named, losses)];
  return [
    presence,
    ...checkDirections(sample, named),
    checkRepeats(sample),
    checkShares(sample),
    ...checkTunnels(sample),
    ...checkFrames(sample, named),
    ...checkVlans(sample),
    checkLoss(sample, losses),
    ...checkRing(losses),
    ...checkCard(named, losses),
  ];
}

function checkPresence(sample: MirrorSample, { name, isLoopback }: InterfaceFacts): Check {
  const { packets, bytes, seconds, groupPackets, ownPackets } = sample;
  const span = `in ${seconds.toFixed(1)} s`;
  if (packets === 0) {
    return check(
      'traffic',
      'fail',
      `Nothing came in on ${name} ${span}`,
      'Check the mirror session on the switch (SPAN, TAP, port mirroring): its sources, its destination port, and that it is enabled. A silent network gives nothing either.',
    );
  }
  const rate = `${packets} packets ${span}, ${Math.round(packets / seconds)} a second, ${((8 * bytes) / seconds / 1e6).toFixed(2)} Mbit/s`;
  if (isLoopback) return check('traffic', 'ok', rate);
  if (groupPackets === packets) {
    return check(
      'traffic',
      'fail',
      `Only broadcast and multicast came in (${rate}): this is an ordinary port, not a mirror port`,
      'Make this port of the switch the destination of a mirror session, or check the sources of the session.',
    );
  }
  if (groupPackets + ownPackets === packets) {
    return check(
      'traffic',
      'warn',
      `Only this machine's own traffic came in (${rate}), and no mirrored packet`,
      'Make this port of the switch the destination of a mirror session. To watch this machine alone nothing has to be done, but what it sends is not seen.',
    );
  }
  return check('traffic', 'ok', rate);
}

function checkDirections(sample: MirrorSample, { isLoopback }: InterfaceFacts): Check[] {
  const { tellingFlows, oneWayFlows, packets, groupPackets, ownPackets } = sample;
  // Own packets that go out are not taken in, so there is one direction only, and that has been said.
  if (!isLoopback && groupPackets + ownPackets === packets) return [];
  if (tellingFlows === 0)
    return [check('directions', 'note', 'No TCP connection with data came by: nothing can be said of directions')];
  const share = oneWayFlows / tellingFlows;
  const cure =
    'Mirror both directions (rx and tx, "both") of the source port, and all ports of a bundle; where routing is asymmetric, mirror both paths.';
  if (share >= ONE_WAY_ALL) {
    return [
      check(
        'directions',
        tellingFlows < MIN_FLOWS ? 'warn' : 'fail',
        `Only one direction is mirrored: of ${oneWayFlows} of ${tellingFlows} TCP connections one side alone was seen`,
        cure,
      ),
    ];
  }
  if (share >= ONE_WAY_SOME) {
    return [
      check(
        'directions',
        'warn',
        `Of ${oneWayFlows} of ${tellingFlows} TCP connections (${percent(share)}) one side alone was seen`,
        cure,
      ),
    ];
  }
  return [
    check(
      'directions',
      'ok',
      `Both directions come in: ${tellingFlows - oneWayFlows} of ${tellingFlows} TCP connections`,
    ),
  ];
}

function checkRepeats({ comparedPackets, repeatedPackets }: MirrorSample): Check {
  if (comparedPackets < MIN_PACKETS)
    return check('duplicates', 'note', 'Too few packets to tell whether packets come twice');
  const share = repeatedPackets / comparedPackets;
  const seen = `${repeatedPackets} of ${comparedPackets} packets (${percent(share)}) came twice`;
  const cure =
    'Mirror each path once: either the uplink or the ports behind it, and of a VLAN only what comes in ("rx"). Events stay right, but rings and processor do it all twice.';
  if (share >= REPEATS_ALL) return check('duplicates', 'warn', `The mirror sends everything twice: ${seen}`, cure);
  if (share >= REPEATS_SOME) return check('duplicates', 'warn', seen, cure);
  return check('duplicates', 'ok', repeatedPackets === 0 ? 'No packet came twice' : seen);
}

function checkShares(sample: MirrorSample): Check {
  const { tlsBytes, tcpBytes, quicBytes, udpBytes, tlsFlows, packets } = sample;
  const all = tcpBytes + udpBytes;
  if (all === 0) return check('tls', 'note', 'No TCP or UDP data came by');
  const shares = `TLS ${percent(tlsBytes / all)}, other TCP ${percent(Math.max(0, tcpBytes - tlsBytes) / all)}, QUIC ${percent(quicBytes / all)}, other UDP ${percent((udpBytes - quicBytes) / all)} of ${all} bytes`;
  if (tlsFlows > 0) return check('tls', 'ok', `${shares}; ${tlsFlows} TLS connections`);
  return check(
    'tls',
    packets < MIN_PACKETS ? 'note' : 'warn',
    `No TLS came by: ${shares}`,
    'Mirror where clients reach servers: the uplink, or the ports of the servers.',
  );
}

function checkTunnels({ decoded, packets, erspanPackets }: MirrorSample): Check[] {
  const found = TUNNELS.filter(({ drop }) => decoded[drop]! > 0);
  const inTunnels = found.reduce((sum, { drop }) => sum + decoded[drop]!, 0);
  if (inTunnels === 0) return [];
  const share = inTunnels / packets;
  const names = found.map(
    ({ drop, name }) => `${drop === Drop.TunnelGre && erspanPackets > 0 ? 'ERSPAN' : name} ${decoded[drop]}`,
  );
  return [
    check(
      'tunnels',
      share >= TUNNEL_ALL ? 'fail' : share >= TUNNEL_SOME ? 'warn' : 'note',
      `${inTunnels} of ${packets} packets (${percent(share)}) are in tunnels, which are not read yet: ${names.join(', ')}`,
      'Mirror where the tunnel has ended, or end it on this machine (ip link add type vxlan, gretap, erspan) and capture on the interface that it makes.',
    ),
  ];
}

function checkFrames(sample: MirrorSample, { name, mtu, features, fixed }: InterfaceFacts): Check[] {
  const { mergedFrames, packets, largestFrame, cutFrames } = sample;
  const checks: Check[] = [];
  if (mergedFrames > 0) {
    const on = ['gro', 'lro', 'gro-hw'].filter((one) => features?.has(`rx-${one}`) === true && !fixed.has(`rx-${one}`));
    const options = on.map((one) => (one === 'gro-hw' ? 'rx-gro-hw' : one)).map((one) => `${one} off`);
    checks.push(
      check(
        'merged_packets',
        'warn',
        `${mergedFrames} of ${packets} frames are longer than the MTU of ${mtu}, up to ${largestFrame} bytes: several packets merged to one`,
        options.length > 0
          ? `ethtool -K ${name} ${options.join(' ')}`
          : 'They were merged before they came here: turn segmentation off at the machine or bridge that sends them (ethtool -K INTERFACE tso off gso off gro off).',
      ),
    );
  } else if (packets > 0)
    checks.push(check('frame_size', 'ok', `The largest frame has ${largestFrame} bytes, within the MTU of ${mtu}`));
  if (cutFrames > 0) {
    checks.push(
      check(
        'cut_frames',
        cutFrames / packets >= CUT_SOME ? 'warn' : 'note',
        `${cutFrames} of ${packets} frames are shorter than their IP header says: something cut them`,
        'Have the mirror send whole packets (no truncation, no slicing), and give the way to here an MTU with room for its header.',
      ),
    );
  }
  return checks;
}

function checkVlans({ vlans }: MirrorSample): Check[] {
  if (vlans.size === 0) return [];
  const ids = [...vlans].toSorted(([, a], [, b]) => b - a).map(([id]) => id);
  const more = ids.length > MAX_NAMED ? ` and ${ids.length - MAX_NAMED} more` : '';
  return [check('vlans', 'ok', `VLANs seen: ${ids.slice(0, MAX_NAMED).join(', ')}${more}`)];
}

function checkLoss({ gapBytes, streamBytes }: MirrorSample, { ringDropped }: SampleLosses): Check {
  if (gapBytes + streamBytes === 0) return check('loss', 'note', 'No TCP data came by: nothing can be said of loss');
  const share = gapBytes / (gapBytes + streamBytes);
  if (gapBytes === 0) return check('loss', 'ok', `No byte is missing in ${streamBytes} bytes of TCP streams`);
  const seen = `${gapBytes} bytes (${percent(share)}) are missing in TCP streams`;
  if (share < LOSS_NOTED) return check('loss', 'ok', seen);
  const where = ringDropped > 0 ? 'the ring lost some of them' : 'they were lost before the sensor';
  return check(
    'loss',
    share >= LOSS_BAD ? 'warn' : 'note',
    `${seen}; ${where}`,
    'A mirror port drops what is more than its own speed: mirror fewer ports, one direction less, or to a faster port; and look at the drop counters of the switch.',
  );
}

function checkRing({ ringDropped }: SampleLosses): Check[] {
  if (ringDropped === 0) return [check('ring', 'ok', 'The ring lost no packet')];
  return [
    check(
      'ring',
      'warn',
      `The ring lost ${ringDropped} packets; this look takes in all, a capture has the kernel drop what nobody needs`,
      'If a capture loses packets too (kernel.ring_dropped): --workers 2 or more, a larger --ring.',
    ),
  ];
}

function checkCard({ name, mtu, ring }: InterfaceFacts, { cardMissed, cardLength }: SampleLosses): Check[] {
  const checks: Check[] = [];
  if (cardMissed !== null && cardMissed > 0) {
    const canGrow = ring !== null && ring.rx < ring.rxMax;
    checks.push(
      check(
        'card_loss_now',
        'warn',
        `The card lost ${cardMissed} packets for want of room during the look`,
        canGrow
          ? `ethtool -G ${name} rx ${ring.rxMax}`
          : `More queues: ethtool -L ${name} combined N; and see that its interrupts reach several processors.`,
      ),
    );
  }
  if (cardLength !== null && cardLength > 0) {
    checks.push(
      check(
        'mirrored_mtu',
        'warn',
        `The card refused ${cardLength} frames for their length during the look: the mirrored network has a larger MTU than ${mtu}`,
        `ip link set ${name} mtu 9216`,
      ),
    );
  }
  return checks;
}

/** Never 0 % of something, never 100 % of not all. */
function percent(share: number): string {
  if (share > 0 && share < 0.001) return '< 0.1 %';
  if (share < 1 && share > 0.999) return '> 99.9 %';
  return `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
}
