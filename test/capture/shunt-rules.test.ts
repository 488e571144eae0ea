import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Drop } from '../../src/decode/drop.ts';
import { layerOfUdpPort } from '../../src/decode/udp-port.ts';
import { type Kind, labRefusal, ShuntLab, type Verdict } from './shunt-lab.ts';
import { concat, ethernet, Flag, flowOf, type Packet, repeated, tcp, udp } from './shunt-packets.ts';

const refusal = labRefusal();
const BUDGET = 4000;
const YOUNG = 6;

const PAIRS = {
  v4: { source: '10.0.0.1', target: '192.0.2.7', sourcePort: 40_000, targetPort: 443 },
  v6: { source: '2001:db8::1', target: '2001:db8::2', sourcePort: 40_000, targetPort: 443 },
} as const;

function back<T extends Packet>(packet: T): T {
  const { source, target, sourcePort, targetPort } = packet;
  return { ...packet, source: target, target: source, sourcePort: targetPort, targetPort: sourcePort };
}

describe.skipIf(refusal !== null).each(['socket', 'xdp'] as const)(
  `shunt rules, ${refusal ?? 'run by the kernel'}: %s`,
  (kind: Kind) => {
    let lab: ShuntLab;
    beforeEach(() => {
      lab = new ShuntLab(kind, BUDGET, YOUNG);
    });
    afterEach(() => {
      lab.close();
    });

    const payload = new Uint8Array(1000).fill(7);

    describe.each(['v4', 'v6'] as const)('TCP over %s', (version) => {
      const there = PAIRS[version];
      /** Padded, since the kernel's test of a socket filter leaves the 14 bytes of Ethernet out of the packet's length. */
      const data = (seq: number, packet: Packet = there): Uint8Array =>
        concat(tcp({ ...packet, flags: Flag.Ack, seq, payload }), new Uint8Array(14));
      const ack = (packet: Packet = there): Uint8Array => tcp({ ...packet, flags: Flag.Ack });

      it('passes a handshake with its bare ACK, and makes no entry for it', () => {
        expect(lab.judge(tcp({ ...there, flags: Flag.Syn, seq: 99 }))).toBe('passed');
        expect(lab.judge(tcp({ ...back(there), flags: Flag.Syn | Flag.Ack, seq: 499, ack: 100 }))).toBe('passed');
        expect(lab.judge(ack())).toBe('passed');
        expect(lab.entry(flowOf(there))).toBeNull();
      });

      it('passes empty ACKs of a flow that nothing is known of, however many', () => {
        for (let i = 0; i < 3 * YOUNG; i++) expect(lab.judge(ack())).toBe('passed');
      });

      it('passes the first bytes of each direction and drops what is over the budget', () => {
        for (const packet of [there, back(there)]) {
          for (let seq = 0; seq < BUDGET; seq += 1000) expect(lab.judge(data(seq, packet))).toBe('passed');
          expect(lab.judge(data(BUDGET, packet))).toBe('budget');
          expect(lab.judge(data(BUDGET + 1000, packet))).toBe('budget');
        }
      });

      it('counts a retransmission once, and passes it when the budget is gone', () => {
        for (let seq = 0; seq < BUDGET; seq += 1000) {
          for (let times = 0; times < 3; times++) expect(lab.judge(data(seq))).toBe('passed');
        }
        expect(lab.judge(data(BUDGET))).toBe('budget');
        expect(lab.judge(data(1000))).toBe('passed');
        expect(lab.judge(data(BUDGET))).toBe('budget');
      });

      it('counts over the wrap of sequence numbers', () => {
        for (let i = 0; i < 4; i++) expect(lab.judge(data(0xffff_ffff - 1500 + 1000 * i))).toBe('passed');
        expect(lab.judge(data(0xffff_ffff - 1500 + 4000))).toBe('budget');
        expect(lab.judge(data(0xffff_ffff - 1500))).toBe('passed');
      });

      it('is moved by a forged sequence number, and moved back by the next packet', () => {
        expect(lab.judge(data(0))).toBe('passed');
        expect(lab.judge(data(0x7000_0000))).toBe('passed');
        expect(lab.judge(data(1000))).toBe('passed');
        expect(lab.judge(data(2000))).toBe('passed');
        expect(lab.judge(data(3000))).toBe('budget');
      });

      it('drops empty ACKs of both directions once the flow is past its start', () => {
        expect(lab.judge(data(0))).toBe('passed');
        for (let i = 1; i < YOUNG; i++) expect(lab.judge(ack(i % 2 === 0 ? there : back(there)))).toBe('passed');
        expect(lab.judge(ack())).toBe('empty_ack');
        expect(lab.judge(ack(back(there)))).toBe('empty_ack');
        expect(lab.judge(data(1000))).toBe('passed');
      });

      it('does not take Ethernet padding for payload', () => {
        expect(lab.judge(data(0))).toBe('passed');
        for (let i = 1; i < YOUNG; i++) lab.judge(ack());
        expect(lab.judge(Uint8Array.from([...ack(), 0, 0, 0, 0, 0, 0]))).toBe('empty_ack');
      });

      it('passes an empty packet without ACK: no TCP sends it', () => {
        for (let i = 0; i <= YOUNG; i++) lab.judge(data(0));
        expect(lab.judge(tcp({ ...there, flags: 0 }))).toBe('passed');
      });

      it('drops both directions of a finished flow, but its SYN, FIN and RST', () => {
        lab.judge(data(0));
        lab.finish(flowOf(there));
        expect(lab.judge(data(1000))).toBe('finished');
        expect(lab.judge(data(0, back(there)))).toBe('finished');
        expect(lab.judge(ack())).toBe('finished');
        for (const flags of [Flag.Fin | Flag.Ack, Flag.Rst])
          expect(lab.judge(tcp({ ...there, flags, payload }))).toBe('passed');
        expect(lab.judge(data(1000))).toBe('finished');
        expect(lab.judge(tcp({ ...there, flags: Flag.Syn, seq: 5 }))).toBe('passed');
        expect(lab.judge(data(6))).toBe('passed');
      });

      it('drops a finished flow whose entry was pushed out', () => {
        lab.finish(flowOf(there), [1, 2]);
        expect(lab.judge(data(0))).toBe('finished');
      });

      it('begins anew with the answer to a SYN that the mirror lost', () => {
        for (let seq = 0; seq <= BUDGET; seq += 1000) lab.judge(data(seq));
        lab.finish(flowOf(there));
        expect(lab.judge(tcp({ ...back(there), flags: Flag.Syn | Flag.Ack, seq: 70, ack: 1 }))).toBe('passed');
        expect(lab.judge(data(5_000_000))).toBe('passed');
      });

      it('refuses the finish of an earlier connection of the same five-tuple', () => {
        const flow = flowOf(there);
        const isns = (own: number, other: number): [number, number] => (flow.isSwapped ? [other, own] : [own, other]);
        lab.judge(data(11));
        lab.judge(tcp({ ...there, flags: Flag.Syn, seq: 1_000_000 }));
        lab.judge(tcp({ ...back(there), flags: Flag.Syn | Flag.Ack, seq: 2_000_000, ack: 1_000_001 }));
        lab.finish(flow, isns(10, 20));
        expect(lab.judge(data(1_000_001))).toBe('passed');
        lab.finish(flow);
        expect(lab.judge(data(1_001_001))).toBe('passed');
        lab.finish(flow, isns(1_000_000, 20));
        expect(lab.judge(data(1_002_001))).toBe('passed');
        lab.finish(flow, isns(1_000_000, 2_000_000));
        expect(lab.judge(data(1_002_001))).toBe('finished');
      });

      it('reads headers behind IP and TCP options', () => {
        const odd = { ...there, ipOptions: 40, extensions: version === 'v6' ? [0, 43, 60, 60] : [], tcpOptions: 40 };
        expect(lab.judge(tcp({ ...odd, flags: Flag.Ack, seq: 1, payload }))).toBe('passed');
        lab.finish(flowOf(there));
        expect(lab.judge(tcp({ ...odd, flags: Flag.Ack, seq: 1, payload }))).toBe('finished');
      });

      it.each([0, 1, 2, 3])('finds a flow behind %i VLAN tags, whatever they are', (tags) => {
        lab.judge(data(0));
        lab.finish(flowOf(there));
        const vlans = [0x88a8, 0x8100, 0x9100].slice(0, tags);
        expect(lab.judge(tcp({ ...there, vlans, flags: Flag.Ack, payload }))).toBe('finished');
      });

      it('takes the length of a packet merged to more than 64 KiB from the frame', () => {
        const merged = data(0);
        merged.fill(0, version === 'v4' ? 16 : 18, version === 'v4' ? 18 : 20);
        expect(lab.judge(merged)).toBe('passed');
        const entry = lab.entry(flowOf(there))!;
        const side = flowOf(there).isSwapped ? 4 : 0;
        expect(entry[side]).toBe(kind === 'xdp' ? 1014 : 1000);
      });

      it('counts no more than came, whatever the header claims', () => {
        const liar = data(0);
        liar[version === 'v4' ? 16 : 18] = 0xff;
        expect(lab.judge(liar)).toBe('passed');
        const side = flowOf(there).isSwapped ? 4 : 0;
        expect(lab.entry(flowOf(there))![side]).toBe(kind === 'xdp' ? 1014 : 1000);
      });
    });

    it('tells an IPv4 flow from an IPv6 flow with the same bits', () => {
      const v4 = { source: '32.1.13.184', target: '32.1.13.185', sourcePort: 1, targetPort: 2 };
      const v6 = { source: '2001:db8::', target: '2001:db9::', sourcePort: 1, targetPort: 2 };
      lab.finish(flowOf(v4));
      expect(lab.judge(tcp({ ...v4, flags: Flag.Ack, payload }))).toBe('finished');
      expect(lab.judge(tcp({ ...v6, flags: Flag.Ack, payload }))).toBe('passed');
    });

    it('orders the ends of a flow by signed words, and by ports between equal addresses', () => {
      const pairs = [
        { source: '127.255.255.255', target: '128.0.0.0', sourcePort: 5, targetPort: 6 },
        { source: '10.0.0.1', target: '10.0.0.1', sourcePort: 50_000, targetPort: 443 },
        { source: '2001:db8::1', target: '2001:db8::8000:0', sourcePort: 443, targetPort: 50_000 },
        { source: 'fe80::1', target: '2001:db8::1', sourcePort: 443, targetPort: 443 },
      ];
      for (const pair of pairs) {
        lab.finish(flowOf(pair));
        expect(lab.judge(tcp({ ...pair, flags: Flag.Ack, payload }))).toBe('finished');
        expect(lab.judge(tcp({ ...back(pair), flags: Flag.Ack, payload }))).toBe('finished');
      }
    });

    it.each<[string, readonly number[], Verdict]>([
      ['DNS', [0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0], 'udp'],
      ['QUIC with a long header', [0xc3, 0, 0, 0, 1, 0, 0, 9, 9], 'passed'],
      ['QUIC of an unknown version', [0xc3, 0xfa, 0xce, 0xb0, 0x02, 0, 0], 'passed'],
      ['QUIC whose fixed bit is clear', [0x83, 0, 0, 0, 1, 0, 0, 9, 9], 'passed'],
      ['QUIC version 2 whose fixed bit is clear', [0x83, 0x6b, 0x33, 0x43, 0xcf, 0, 0], 'passed'],
      ['QUIC version negotiation', [0x80, 0, 0, 0, 0, 0, 0, 0, 0], 'passed'],
      ['QUIC with a short header', [0x43, 1, 2, 3, 4, 5, 6, 7, 8], 'udp'],
      ['RTP', [0x80, 0x60, 0x12, 0x34, 0, 0, 1, 0, 9, 9, 9, 9], 'udp'],
      ['a DTLS handshake', [22, 0xfe, 0xfd, 0, 0, 0, 0, 0], 'passed'],
      ['a DTLS 1.3 ACK', [26, 0xfe, 0xfd, 0, 0, 0, 0, 0], 'passed'],
      ['a content type before those of DTLS', [19, 0xfe, 0xfd, 0, 0, 0, 0, 0], 'udp'],
      ['a content type behind those of DTLS', [27, 0xfe, 0xfd, 0, 0, 0, 0, 0], 'udp'],
      ['TLS sent over UDP', [22, 0x03, 0x03, 0, 0, 0, 0, 0], 'udp'],
      ['seven bytes, the shortest long header', [0xc0, 0, 0, 0, 1, 0, 0], 'passed'],
      ['six bytes', [0xc0, 0, 0, 0, 1, 0], 'udp'],
      ['nothing', [], 'udp'],
    ])('judges UDP with %s', (_, bytes, verdict) => {
      for (const pair of [PAIRS.v4, PAIRS.v6]) {
        expect(lab.judge(udp({ ...pair, payload: Uint8Array.from(bytes) }))).toBe(verdict);
      }
    });

    it('knows the same tunnels as the decoder', () => {
      const ports = [
        0, 53, 443, 1701, 2151, 2152, 2153, 3543, 3544, 3545, 4788, 4789, 4790, 6080, 6081, 6082, 8472, 37_007, 37_008,
        37_009, 65_535,
      ];
      for (const targetPort of ports) {
        for (const sourcePort of [53, 1023, 1024, 50_000, 4789]) {
          const isTunnel = layerOfUdpPort(sourcePort, targetPort) !== Drop.Decoded;
          const packet = udp({ ...PAIRS.v4, sourcePort, targetPort, payload: new Uint8Array(40) });
          expect(`${sourcePort}>${targetPort} ${lab.judge(packet)}`).toBe(
            `${sourcePort}>${targetPort} ${isTunnel ? 'passed' : 'udp'}`,
          );
        }
      }
    });

    it('passes every other IP protocol', () => {
      for (const pair of [PAIRS.v4, PAIRS.v6]) {
        for (let protocol = 0; protocol < 256; protocol++) {
          if (protocol === 6 || protocol === 17) continue;
          expect(lab.judge(ethernet(pair, protocol, new Uint8Array(64)))).toBe('passed');
        }
      }
    });

    it('passes fragments, the first and the rest', () => {
      for (const fragment of [0x2000, 0x2001, 0x0001]) {
        const packet = udp({ ...PAIRS.v4, payload: new Uint8Array(40) });
        new DataView(packet.buffer).setUint16(20, fragment);
        expect(lab.judge(packet)).toBe('passed');
      }
      const dontFragment = udp({ ...PAIRS.v4, payload: new Uint8Array(40) });
      dontFragment[20] = 0x40;
      expect(lab.judge(dontFragment)).toBe('udp');
      expect(lab.judge(udp({ ...PAIRS.v6, extensions: [44], payload: new Uint8Array(40) }))).toBe('passed');
    });

    it('passes what is behind more extension headers, or more tags, than it reads', () => {
      const chain = (length: number): Verdict => {
        const extensions = repeated(60, length);
        return lab.judge(udp({ ...PAIRS.v6, extensions, payload: new Uint8Array(40) }));
      };
      expect([0, 1, 2, 3, 4, 5, 6].map(chain)).toEqual(['udp', 'udp', 'udp', 'udp', 'udp', 'passed', 'passed']);
      const tagged = (depth: number): Verdict => {
        const vlans = repeated(0x8100, depth);
        return lab.judge(udp({ ...PAIRS.v4, vlans, payload: new Uint8Array(40) }));
      };
      expect([0, 1, 2, 3, 4, 5, 6, 7, 8].map(tagged)).toEqual(['udp', 'udp', 'udp', 'udp', ...repeated('passed', 5)]);
    });

    it('passes lengths that contradict each other', () => {
      const good = (): Uint8Array => udp({ ...PAIRS.v4, payload: new Uint8Array(40) });
      const broken: readonly (readonly [at: number, value: number])[] = [
        [14, 0x55], // version 5
        [14, 0x44], // header of 16 bytes
        [17, 19], // total length below the header
        [39, 7], // UDP length below its header
        [39, 200], // UDP length beyond IP's
      ];
      expect(lab.judge(good())).toBe('udp');
      for (const [at, value] of broken) {
        const packet = good();
        packet[at] = value;
        expect(lab.judge(packet)).toBe('passed');
      }
      const segment = tcp({ ...PAIRS.v4, flags: Flag.Ack, payload });
      lab.finish(flowOf(PAIRS.v4));
      expect(lab.judge(segment)).toBe('finished');
      segment[46] = 0x40; // TCP header of 16 bytes
      expect(lab.judge(segment)).toBe('passed');
      segment[46] = 0xf0;
      segment[16] = 0;
      segment[17] = 79; // TCP header beyond IP's length
      expect(lab.judge(segment)).toBe('passed');
    });

    it('keeps the newest flows when a flood of payload fills the table', () => {
      for (let port = 1; port <= 6000; port++) {
        lab.passes(tcp({ ...PAIRS.v4, sourcePort: port, flags: Flag.Ack, payload }));
      }
      const last = { ...PAIRS.v4, sourcePort: 6000 };
      expect(lab.entry(flowOf(last))).not.toBeNull();
    });

    it('makes no entry for a flood of SYNs, so that nobody is pushed out', () => {
      lab.judge(tcp({ ...PAIRS.v4, flags: Flag.Ack, payload }));
      for (let port = 1; port <= 9000; port++) {
        lab.passes(tcp({ ...PAIRS.v4, source: '203.0.113.9', sourcePort: port, flags: Flag.Syn }));
      }
      expect(lab.entry(flowOf(PAIRS.v4))).not.toBeNull();
      expect(lab.entry(flowOf({ ...PAIRS.v4, source: '203.0.113.9', sourcePort: 9000 }))).toBeNull();
    });
  },
);
