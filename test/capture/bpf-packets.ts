/** Packets of many kinds, and expressions that tell them apart. */

import { ethernet, Flag, type Packet, tcp, udp } from './shunt-packets.ts';

export const EXPRESSIONS: readonly string[] = [
  '',
  'tcp',
  'udp',
  'arp',
  'ip',
  'ip6',
  'icmp',
  'icmp6',
  'tcp port 443',
  'tcp src port 443',
  'dst port 443',
  'port 53',
  'portrange 400-500',
  'not port 443',
  'host 192.0.2.1',
  'src host 192.0.2.1 and dst host 192.0.2.2',
  'host 2001:db8::1',
  'net 192.0.2.0/28',
  'ip6 net 2001:db8::/32',
  'not net 10.0.0.0/8 and tcp',
  'ether host 02:00:00:00:00:01',
  'ether proto 0x88b5',
  'ether multicast',
  'broadcast',
  'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0',
  'tcp[13] = 18',
  'tcp[((tcp[12] & 0xf0) >> 2)] = 0x16',
  'tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x16030100 or udp[8] & 0xc0 = 0xc0',
  'ip[6:2] & 0x1fff != 0',
  'ip[2:2] > 100',
  'ip[0] & 0xf != 5',
  'ip[8] < 10',
  'less 60',
  'greater 100',
  'len = 54',
  'vlan',
  'vlan 7 and tcp port 443',
  'vlan and vlan and tcp',
  'tcp or (vlan and tcp)',
  'ip proto 47 or ip6 proto 47',
  'mpls 100',
  'ip[16:4] % 3 = 1',
  '(tcp[4:4] * 7 + 1) / 5 ^ 3 > 1000',
  'ip[12:4] << 3 = 0 or ip[12:4] >> udp[4:2] = 3',
  'tcp[4:4] & 0x80000000 != 0',
  'udp[4:2] - 8 = 0',
  'sctp port 80',
  'host 192.0.2.1 or host 192.0.2.9 or host 192.0.2.17 or net 198.51.100.0/24 and not tcp port 22',
];

const V4 = { source: '192.0.2.1', target: '192.0.2.2' };
const V6 = { source: '2001:db8::1', target: '2001:db8::2' };

export const filterPackets: readonly Uint8Array[] = build();

function build(): Uint8Array[] {
  const hello = Uint8Array.from([0x16, 3, 1, 0, 0x20, 1, 0, 0, 0x1c, 3, 3]);
  const packets: Uint8Array[] = [];
  for (const ends of [
    V4,
    V6,
    { source: '10.1.2.3', target: '198.51.100.7' },
    { source: '192.0.2.17', target: '224.0.0.1' },
  ]) {
    for (const [sourcePort, targetPort] of [
      [40_000, 443],
      [443, 40_001],
      [22, 450],
      [53, 53],
    ] as const) {
      const base: Packet = { ...ends, sourcePort, targetPort };
      packets.push(
        tcp({ ...base, flags: Flag.Syn, seq: 0xdead_beef }),
        tcp({ ...base, flags: Flag.Syn | Flag.Ack, seq: 1, ack: 2, tcpOptions: 12 }),
        tcp({ ...base, flags: Flag.Ack, seq: 5 }),
        tcp({ ...base, flags: Flag.Psh | Flag.Ack, seq: 0x8000_0001, payload: hello }),
        tcp({ ...base, flags: Flag.Fin | Flag.Ack, ipOptions: 8, payload: new Uint8Array(200) }),
        tcp({ ...base, flags: Flag.Ack, vlans: [0x8100], payload: hello }),
        tcp({ ...base, flags: Flag.Ack, vlans: [0x88a8, 0x8100], payload: hello }),
        udp({ ...base, payload: Uint8Array.from([0xc3, 0, 0, 0, 1, 8]) }),
        udp({ ...base, vlans: [0x8100] }),
        ethernet(base, 47, Uint8Array.from([0, 0, 8, 0, 0x45])),
        ethernet(base, 132, Uint8Array.from([0, 80, 0, 80, 0, 0, 0, 0])),
        ethernet(base, ends === V6 ? 58 : 1, Uint8Array.from([8, 0, 0, 0])),
      );
    }
  }
  packets.push(tcp({ ...V6, sourcePort: 1, targetPort: 443, flags: Flag.Ack, extensions: [0, 60] }));
  const fragment = Uint8Array.from(tcp({ ...V4, sourcePort: 1, targetPort: 443, flags: Flag.Ack }));
  fragment.set([0x20, 0x05], 20);
  packets.push(fragment);
  const broadcast = new Uint8Array(60);
  broadcast.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06, 0, 1, 8, 0]);
  packets.push(broadcast);
  const mpls = new Uint8Array(60);
  mpls.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0x47, 0, 6, 0x41, 64]);
  packets.push(mpls);
  const unknown = new Uint8Array(100).fill(0x5a);
  unknown.set([0x88, 0xb5], 12);
  packets.push(unknown);
  // Every cut of two packets: what is not there is not wanted.
  for (const whole of [packets[3]!, packets[3 + 48 / 4]!, packets[5]!]) {
    for (let length = 1; length < whole.length; length += 1) packets.push(whole.subarray(0, length));
  }
  return packets;
}
