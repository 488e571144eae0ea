/** What a network engineer would want to be told of a capture: each hint names what was seen, what it means, and the cure. */
import { toCountOf, toCountText } from './quantity-text.ts';
import type { RunStats } from './run-stats.ts';

const TUNNEL_PREFIX = 'tunnel_';

/** `watched` is the interface of a capture. */
export function toHints(stats: RunStats, watched: string | null = null): readonly string[] {
  const hints = watched === null ? aboutCaptures(stats) : aboutInterface(stats, watched);
  return [...hints, ...aboutPackets(stats), ...aboutFlows(stats), ...aboutHandshakes(stats)];
}

function* aboutCaptures({ packets, captures }: RunStats): Generator<string> {
  if (captures.read > 0 && packets.received === 0) yield 'The captures hold no packet.';
  if (packets.cut_by_snap_length > 0) {
    yield `${toCountOf(packets.cut_by_snap_length, 'packet')} cut by the snap length, and certificates with them: capture with "tcpdump -s 0".`;
  }
}

function* aboutInterface({ packets, kernel }: RunStats, watched: string): Generator<string> {
  const doctor = `spanglass doctor --interface ${watched}`;
  if (kernel?.received === 0)
    yield `Nothing came in: is ${watched} the mirror port, and does it mirror? ${doctor} says more.`;
  if (packets.cut_by_snap_length > 0) {
    yield `${toCountOf(packets.cut_by_snap_length, 'packet')} longer than the MTU of ${watched} were cut: ${doctor} says more.`;
  }
  if (kernel !== undefined && kernel.ring_dropped > 0) {
    yield `${toCountOf(kernel.ring_dropped, 'packet')} lost because the ring was full: raise --workers, or --ring where they come in bursts.`;
  }
}

function* aboutPackets({ packets }: RunStats): Generator<string> {
  const { drops } = packets;
  const unread = drops['link_type_unsupported'] ?? 0;
  if (unread > 0) yield `${toCountOf(unread, 'packet')} of a link type that is not read.`;
  const tunnels = Object.entries(drops).filter(([name]) => name.startsWith(TUNNEL_PREFIX));
  if (tunnels.length > 0) {
    const kinds = tunnels.map(([name, n]) => `${name.slice(TUNNEL_PREFIX.length)} ${toCountText(n)}`).join(', ');
    yield `Packets inside tunnels were not looked into: ${kinds}.`;
  }
  const sealed = (drops['not_ip_macsec'] ?? 0) + (drops['transport_esp'] ?? 0);
  if (sealed > 0) {
    yield `${toCountOf(sealed, 'packet')} encrypted below TLS (MACsec, IPsec): mirror the traffic where it is in the clear.`;
  }
}

function* aboutFlows({ packets, flows, handshakes }: RunStats): Generator<string> {
  if (flows.evicted > 0) {
    yield `${toCountOf(flows.evicted, 'connection')} given up because the table was full: raise --max-flows.`;
  }
  if (packets.decoded > 0 && packets.tcp === 0) {
    yield `There is no TCP in it, only UDP (${toCountOf(packets.udp, 'packet')}), which this version does not look into.`;
  } else if (packets.decoded > 0 && handshakes.total === 0) {
    const what =
      flows.total === 0 ? 'no connection begins or carries data in it' : toCountOf(flows.total, 'connection');
    yield `There is no TLS handshake in it (${what}). A capture that begins after its connections did shows none.`;
  }
}

function* aboutHandshakes({ flows, handshakes }: RunStats): Generator<string> {
  const { total, by_visibility: seen, one_direction: oneWay, doubled } = handshakes;
  if (oneWay > 0) {
    const share = oneWay === total ? '' : `${toCountText(oneWay)} of ${toCountOf(total, 'handshake')}: `;
    yield `${share}only one direction was seen: check that the mirror port copies both, and that both ways of the traffic pass it.`;
  }
  if (doubled * 2 > total) {
    yield `${toCountText(doubled)} of ${toCountOf(total, 'handshake')}: packets came twice. The mirror port copies them on their way in and out; one is enough.`;
  }
  const lost = seen['lost'] ?? 0;
  if (lost > 0) {
    yield `${toCountOf(lost, 'handshake')} lost the certificate to missing packets (${toCountOf(flows.gap_bytes, 'byte')} are missing in all): the mirror port or the capture dropped them.`;
  }
  const truncated = seen['truncated'] ?? 0;
  if (truncated > 0) yield `${toCountOf(truncated, 'handshake')} had the certificate cut, by the snap length or a cap.`;
  const encrypted = seen['encrypted_tls13'] ?? 0;
  if (encrypted > 0) {
    yield `${toCountOf(encrypted, 'handshake')} hid the certificate, as TLS 1.3 does by design: their events have all the rest.`;
  }
}
