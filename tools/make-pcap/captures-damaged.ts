/** Captures of what mirror ports do to a good handshake, and of the links they sit on. */

import { type Capture, expectHandshake } from './capture.ts';
import {
  duplicateAll,
  loseData,
  mergeByTime,
  onlyFrom,
  overlapData,
  retransmitData,
  reverseData,
  swapData,
  withoutOpening,
} from './damage.ts';
import type { Lab } from './lab.ts';
import { opensslClient, opensslServer } from './openssl.ts';
import type { Segment, TcpConversation } from './tcp-conversation.ts';

type Damage = (segments: readonly Segment[]) => Segment[];

/** The server's name says what was done to its connection. Data segments of the server are counted from 0. */
const DAMAGES: Readonly<Record<string, Damage>> = {
  'reordered.example.com': (segments) => swapData(segments, 'server', 0),
  'reversed.example.com': (segments) => reverseData(segments, 'server', 0, 3),
  'mirrored-twice.example.com': (segments) => duplicateAll(segments, 1),
  'retransmitted.example.com': (segments) => retransmitData(segments, 'server', 1),
  'overlapping.example.com': (segments) => overlapData(segments, 'server', 1, 200),
  'segment-lost.example.com': (segments) => loseData(segments, 'server', 1),
  'mid-stream.example.com': withoutOpening,
  'server-side-only.example.com': (segments) => onlyFrom(segments, 'server'),
};

export const DAMAGED_CAPTURES: readonly Capture[] = [
  {
    name: 'lossy',
    shows: 'Eight handshakes, each damaged in the way that its server is named after (see below).',
    expected: Object.keys(DAMAGES).map((host) => {
      if (host.startsWith('segment-lost')) return expectHandshake(host, 'TLSv1.2', 'lost');
      // Without the client's packets there is no SNI; the certificate still names the server.
      if (!host.startsWith('server-side')) return expectHandshake(host, 'TLSv1.2', 'clear');
      return expectHandshake(null, 'TLSv1.2', 'clear', { ssl_subject_common_name: host });
    }),
    isDamaged: true,
    async packets(lab) {
      const lists = [];
      let afterNs = 0n;
      for (const [host, damage] of Object.entries(DAMAGES)) {
        const talk = await longHandshake(lab, host, afterNs);
        lists.push(talk.toPackets(damage(talk.segments)));
        afterNs += 2_000_000_000n;
      }
      return mergeByTime(...lists);
    },
  },
  {
    name: 'vlan-ipv6',
    shows: 'pcapng with two interfaces, IPv6: VLAN 20; VLAN 20 inside 100, in nanoseconds.',
    expected: [
      expectHandshake('six.example.com', 'TLSv1.2', 'clear'),
      expectHandshake('six.example.com', 'TLSv1.3', 'encrypted_tls13', { dest_port: 8443 }),
    ],
    interfaces: [{ name: 'eth1' }, { name: 'eth2', isNano: true }],
    async packets(lab) {
      const leaf = await lab.issueFor('ec256', 'six.example.com');
      const client = opensslClient('six.example.com');
      const common = { isIpv6: true, clients: [client] };
      const [first] = await lab.meet({ ...common, server: opensslServer(leaf, ['-tls1_2']) });
      const later = { ...common, serverPort: 8443, afterNs: 15_000_000n };
      const [second] = await lab.meet({ ...later, server: opensslServer(leaf) });
      return mergeByTime(
        first!.toPackets(first!.segments, { vlans: [20], iface: 0 }),
        second!.toPackets(second!.segments, { vlans: [100, 20], iface: 1 }),
      );
    },
  },
];

/** A handshake whose server flight takes three segments: a certificate with many names, and its issuer's. */
async function longHandshake(lab: Lab, host: string, afterNs: bigint): Promise<TcpConversation> {
  const names = Array.from({ length: 60 }, (_, i) => `shard-${i}.${host}`);
  const leaf = await lab.issueFor('rsa2048', host, ...names);
  const server = opensslServer(leaf, ['-tls1_2', '-cert_chain', lab.authority.intermediate.cert]);
  const [talk] = await lab.meet({ server, clients: [opensslClient(host)], afterNs });
  return talk!;
}
