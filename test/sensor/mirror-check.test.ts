import { describe, expect, it } from 'vitest';
import { Drop } from '../../src/decode/drop.ts';
import { checkMirror, type SampleLosses } from '../../src/sensor/mirror-check.ts';
import type { MirrorSample } from '../../src/sensor/mirror-sample.ts';
import { complaints, find, GOOD_INTERFACE, GOOD_SAMPLE } from './good-facts.ts';

const NO_LOSS: SampleLosses = { ringDropped: 0, cardMissed: 0, cardLength: 0 };
const judge = (change: Partial<MirrorSample>, losses: Partial<SampleLosses> = {}) =>
  checkMirror({ ...GOOD_SAMPLE, ...change }, GOOD_INTERFACE, { ...NO_LOSS, ...losses });

/** `GOOD_SAMPLE.decoded` with packets in a tunnel. */
function inTunnel(drop: Drop, packets: number): readonly number[] {
  return GOOD_SAMPLE.decoded.map((n, i) => (i === drop ? packets : n));
}

describe('a mirror', () => {
  it('is good', () => {
    expect(complaints(judge({}))).toEqual([]);
    expect(find(judge({}), 'traffic').seen).toBe('10000 packets in 5.0 s, 2000 a second, 12.80 Mbit/s.');
    expect(find(judge({}), 'tls').seen).toContain('TLS 79 %, other TCP 13 %, QUIC 6.6 %');
  });

  it.each<[string, Partial<MirrorSample>, string[]]>([
    ['is silent', { packets: 0 }, ['fail traffic']],
    ['is an ordinary port', { groupPackets: 10_000 }, ['fail traffic']],
    ['has only the traffic of this machine', { groupPackets: 100, ownPackets: 9_900 }, ['warn traffic']],
    ['has one direction', { oneWayFlows: 58 }, ['fail directions']],
    ['has one direction of the few flows it has', { oneWayFlows: 2, tellingFlows: 2 }, ['warn directions']],
    ['has one direction of some', { oneWayFlows: 15 }, ['warn directions']],
    ['has no TCP', { tellingFlows: 0, oneWayFlows: 0 }, ['note directions']],
    ['sends everything twice', { repeatedPackets: 4_400 }, ['warn duplicates']],
    ['sends some twice', { repeatedPackets: 400 }, ['warn duplicates']],
    ['has too little to tell', { comparedPackets: 20 }, ['note duplicates']],
    ['has no TLS', { tlsFlows: 0, tlsBytes: 0 }, ['warn tls']],
    ['has no data', { tcpBytes: 0, udpBytes: 0, tlsBytes: 0, quicBytes: 0, tlsFlows: 0 }, ['note tls']],
    ['is in a tunnel', { decoded: inTunnel(Drop.TunnelVxlan, 9_500) }, ['fail tunnels']],
    ['is partly in a tunnel', { decoded: inTunnel(Drop.TunnelGre, 500) }, ['warn tunnels']],
    ['has a trace of a tunnel', { decoded: inTunnel(Drop.TunnelGre, 5) }, ['note tunnels']],
    ['has merged packets', { mergedFrames: 3, largestFrame: 64_000 }, ['warn merged_packets']],
    ['cuts packets', { cutFrames: 1_000 }, ['warn cut_frames']],
    ['cut a packet', { cutFrames: 1 }, ['note cut_frames']],
    ['loses much', { gapBytes: 200_000 }, ['warn loss']],
    ['loses a little', { gapBytes: 10_000 }, ['note loss']],
    ['loses next to nothing', { gapBytes: 100 }, []],
    ['has no streams', { streamBytes: 0 }, ['note loss']],
  ])('that %s is told', (_, change, expected) => {
    expect(complaints(judge(change))).toEqual(expected);
  });

  it('that loses says who lost it', () => {
    expect(find(judge({ gapBytes: 200_000 }), 'loss').seen).toContain('lost before the sensor');
    expect(find(judge({ gapBytes: 200_000 }, { ringDropped: 9 }), 'loss').seen).toContain('the ring lost some');
    expect(complaints(judge({}, { ringDropped: 9 }))).toEqual(['warn ring']);
    expect(complaints(judge({}, { cardMissed: 9 }))).toEqual(['warn card_loss_now']);
    expect(find(judge({}, { cardLength: 9 }), 'mirrored_mtu').cure).toBe('ip link set eth1 mtu 9216');
    // A mirror of jumbo frames looks silent where all of them are refused.
    expect(complaints(judge({ packets: 0 }, { cardLength: 9 }))).toEqual(['fail traffic', 'warn mirrored_mtu']);
    expect(complaints(judge({}, { cardMissed: null, cardLength: null }))).toEqual([]);
  });

  it('with merged packets says who merged them', () => {
    const sample = { ...GOOD_SAMPLE, mergedFrames: 3 };
    const merging = {
      ...GOOD_INTERFACE,
      features: new Set(['rx-gro', 'rx-lro', 'rx-gro-hw']),
      fixed: new Set(['rx-lro']),
    };
    expect(find(checkMirror(sample, merging, NO_LOSS), 'merged_packets').cure).toBe(
      'ethtool -K eth1 gro off rx-gro-hw off',
    );
    expect(find(judge({ mergedFrames: 3 }), 'merged_packets').cure).toContain('tso off gso off');
  });

  it('names tunnels and VLANs', () => {
    const erspan = judge({ decoded: inTunnel(Drop.TunnelGre, 5_000), erspanPackets: 5_000 });
    expect(find(erspan, 'tunnels').seen).toContain('ERSPAN 5000');
    const vlans = new Map(Array.from({ length: 10 }, (_, i) => [i + 1, 100 - i] as const));
    expect(find(judge({ vlans }), 'vlans').seen).toBe('VLANs seen: 1, 2, 3, 4, 5, 6, 7, 8 and 2 more.');
  });

  it('on the loopback is not asked for packets of others', () => {
    const loopback = { ...GOOD_INTERFACE, isLoopback: true };
    expect(complaints(checkMirror({ ...GOOD_SAMPLE, ownPackets: 10_000, groupPackets: 0 }, loopback, NO_LOSS))).toEqual(
      [],
    );
  });

  it('never says 0 % of something', () => {
    expect(find(judge({ repeatedPackets: 1 }), 'duplicates').seen).toContain('< 0.1 %');
    expect(find(judge({ oneWayFlows: 0 }), 'directions').seen).toContain('60 of 60');
  });
});
