import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK_PACKETS, PacketBlock } from '../../src/capture/packet-source.ts';
import { type MirrorSample, MirrorSampler, type SampledInterface } from '../../src/sensor/mirror-sample.ts';
import { concat, ethernet, Flag, tcp, udp } from '../capture/shunt-packets.ts';
import { talk } from '../support/talk.ts';

const INTERFACES = [{ name: 'eth1', linkType: 1 }];
const ELSEWHERE: SampledInterface = { mtu: 1500, mac: '0200000000ff' };

function sample(packets: readonly Uint8Array[], of = ELSEWHERE, spacingUs = 100): MirrorSample {
  const sampler = new MirrorSampler(of);
  for (let from = 0; from < packets.length; from += BLOCK_PACKETS) {
    const block = new PacketBlock();
    const part = packets.slice(from, from + BLOCK_PACKETS);
    block.buf = concat(...part);
    let at = 0;
    for (const [i, packet] of part.entries()) {
      block.at[i] = at;
      block.capLen[i] = packet.length;
      block.wireLen[i] = packet.length;
      block.tsUs[i] = 1.7e15 + (from + i) * spacingUs;
      at += packet.length;
    }
    block.count = part.length;
    sampler.read(block, INTERFACES);
  }
  return sampler.finish(5);
}

describe('a sample of traffic', () => {
  it('counts directions, TLS and nothing missing', () => {
    const packets = talk({ connections: 20, answers: 4 });
    const seen = sample(packets);
    expect(seen).toMatchObject({
      packets: packets.length,
      tellingFlows: 20,
      oneWayFlows: 0,
      tlsFlows: 20,
      gapBytes: 0,
      repeatedPackets: 0,
      groupPackets: 0,
      ownPackets: 0,
      mergedFrames: 0,
      cutFrames: 0,
    });
    expect(seen.tlsBytes).toBe(seen.tcpBytes);
    expect(seen.largestFrame).toBe(14 + 20 + 20 + 1205);
  });

  it('sees that one side is missing', () => {
    expect(sample(talk({ connections: 20, answers: 4, isOneWay: true }))).toMatchObject({
      tellingFlows: 20,
      oneWayFlows: 20,
    });
  });

  it('sees what is missing in streams that go on', () => {
    const { gapBytes, streamBytes } = sample(talk({ connections: 20, answers: 9, lost: [4] }));
    expect(gapBytes).toBe(20 * 1205);
    expect(streamBytes).toBe(20 * 9 * 1205);
  });

  it('knows other TCP from TLS', () => {
    expect(sample(talk({ connections: 5, answers: 2, isTls: false }))).toMatchObject({
      tlsFlows: 0,
      tlsBytes: 0,
      tellingFlows: 5,
    });
  });

  it('sees packets that come twice, as they are or from behind a router', () => {
    const packets = talk({ connections: 20, answers: 4 });
    const twice = packets.flatMap((packet) => {
      const routed = packet.slice();
      routed.set([2, 0, 0, 0, 0, 7], 0);
      routed[14 + 8] = 17;
      routed[14 + 10] = 0xab;
      return [packet, routed];
    });
    expect(sample(twice)).toMatchObject({ comparedPackets: twice.length, repeatedPackets: packets.length });
  });

  it('takes a retransmission that comes after a while for none', () => {
    const packets = talk({ connections: 1, answers: 1 });
    expect(sample([...packets, ...packets], ELSEWHERE, 60_000).repeatedPackets).toBe(0);
  });

  it('compares no IPv6 packets that have nothing to be told apart by', () => {
    const ack = tcp({ source: '2001:db8::1', target: '2001:db8::2', sourcePort: 1, targetPort: 2, flags: Flag.Ack });
    expect(sample([ack, ack])).toMatchObject({ comparedPackets: 0, repeatedPackets: 0 });
  });

  it('tells packets of others from its own and from those to all', () => {
    const [own, foreign, toAll] = [
      talk({ connections: 1, answers: 1 })[0]!,
      talk({ connections: 1, answers: 1 })[1]!.slice(),
      talk({ connections: 1, answers: 1 })[2]!.slice(),
    ];
    foreign.set([2, 0, 0, 0, 0, 5, 2, 0, 0, 0, 0, 6], 0);
    toAll.fill(0xff, 0, 6);
    expect(sample([own, foreign, toAll], { mtu: 1500, mac: '020000000001' })).toMatchObject({
      packets: 3,
      ownPackets: 1,
      groupPackets: 1,
    });
  });

  it('sees frames beyond the MTU, and such as were cut', () => {
    const base = { source: '192.0.2.1', target: '192.0.2.2', sourcePort: 1, targetPort: 2, flags: Flag.Ack };
    const whole = tcp({ ...base, payload: new Uint8Array(1460) });
    const tagged = tcp({ ...base, seq: 1, vlans: [0x8100], payload: new Uint8Array(1460) });
    const merged = tcp({ ...base, seq: 2, payload: new Uint8Array(4380) });
    const seen = sample([whole, tagged, merged, whole.slice(0, 500)]);
    expect(seen).toMatchObject({ mergedFrames: 1, cutFrames: 1, largestFrame: 14 + 40 + 4380 });
    expect([...seen.vlans]).toEqual([[7, 1]]);
  });

  it('knows QUIC by its port and bit, and ERSPAN by its type', () => {
    const base = { source: '192.0.2.1', target: '192.0.2.2', sourcePort: 5000, targetPort: 443 };
    const quic = udp({ ...base, payload: Uint8Array.from([0xc3, 0, 0, 0, 1, 0, 0, 0]) });
    const other = udp({ ...base, targetPort: 53, payload: Uint8Array.from([0xc3, 0, 0, 0]) });
    const gre = (type: number[], vlans: number[] = []) =>
      ethernet({ ...base, vlans }, 47, Uint8Array.from([0x10, 0, ...type, 0, 0, 0, 0]));
    const seen = sample([quic, other, gre([0x88, 0xbe]), gre([0x22, 0xeb], [0x8100]), gre([0x08, 0x00])]);
    expect(seen).toMatchObject({ quicBytes: 8, udpBytes: 12, erspanPackets: 2 });
  });

  it('of anything at all adds up and never throws', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 120 }), { maxLength: 30 }), (packets) => {
        const seen = sample(packets);
        expect(seen.packets).toBe(packets.length);
        expect(seen.decoded.reduce((sum, n) => sum + n, 0)).toBe(packets.length);
        expect(seen.groupPackets + seen.ownPackets).toBeLessThanOrEqual(packets.length);
      }),
    );
  });
});
