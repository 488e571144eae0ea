/**
 * Every difference between our events and the corpus, and why it is there. `tools/check-corpus` fails at a difference that is not in
 * the table, and at a row that occurs no longer.
 */
import { EXTRA_EVENT, HANDSHAKE } from './compare-report.ts';

export interface KnownDifference {
  readonly capture: string;
  /** Differences by field, as many as there are. */
  readonly counts: Readonly<Record<string, number>>;
  readonly reason: string;
}

const TUNNEL = 'A tunnel that the sensor does not look into yet.';
const OPENVPN =
  'TLS inside of OpenVPN, which cuts it into packets of its own: what lies behind the first is not joined yet.';
const NUL =
  'The certificate has a NUL in the middle of a name. The corpus shows it raw; we write it as an escape, since it is an attack that must be seen.';

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  { capture: 'derived/erspan-type2', counts: { [HANDSHAKE]: 1 }, reason: TUNNEL },
  { capture: 'derived/erspan-type2-outer-ip-fragments', counts: { [HANDSHAKE]: 1 }, reason: TUNNEL },
  { capture: 'derived/erspan-type3-platform-subheader', counts: { [HANDSHAKE]: 2 }, reason: TUNNEL },
  { capture: 'derived/gre-ipv4', counts: { [HANDSHAKE]: 1 }, reason: TUNNEL },
  { capture: 'derived/gre-teb-key-seq', counts: { [HANDSHAKE]: 1 }, reason: TUNNEL },
  { capture: 'derived/gtpu-ext-header', counts: { [HANDSHAKE]: 1 }, reason: TUNNEL },
  { capture: 'derived/pppoe', counts: { [HANDSHAKE]: 1 }, reason: TUNNEL },
  { capture: 'derived/vxlan', counts: { [HANDSHAKE]: 1 }, reason: TUNNEL },
  { capture: 'ndpi/4in6tunnel', counts: { [HANDSHAKE]: 1 }, reason: TUNNEL },
  { capture: 'snort3-demo/mpls_ip4_tcp', counts: { [HANDSHAKE]: 1 }, reason: TUNNEL },
  { capture: 'zeek/geneve-47101', counts: { [HANDSHAKE]: 1 }, reason: TUNNEL },
  { capture: 'zeek/gtp6_gtp_0x32', counts: { [HANDSHAKE]: 1 }, reason: TUNNEL },
  { capture: 'zeek/pppoe-over-qinq', counts: { [HANDSHAKE]: 1 }, reason: TUNNEL },
  {
    capture: 'mercury/tls_sgt',
    counts: { sni: 58, client_versions: 58, alpn_offered: 8, ja3: 58, ja4: 58, 'client_cert.count': 58 },
    reason: 'The packets of the clients have a Cisco security tag (ether type 0x8909), which is not looked behind yet.',
  },
  {
    capture: 'mercury/openvpn_tcp_multi',
    counts: { client_versions: 2, ja3: 2, ja4: 2, 'cert.count': 2, 'client_cert.count': 2 },
    reason: OPENVPN,
  },
  {
    capture: 'zeek-spicy-openvpn/openvpn_tcp_nontlsauth',
    counts: { client_versions: 1, ja3: 1, ja4: 1, 'cert.count': 1, 'client_cert.count': 1 },
    reason: OPENVPN,
  },
  { capture: 'ndpi/openvpn_nohmac', counts: { [HANDSHAKE]: 1 }, reason: `${OPENVPN} This one is over UDP.` },
  {
    capture: 'mercury/emix',
    counts: { [EXTRA_EVENT]: 1 },
    reason: 'A real handshake inside of OpenVPN over TCP, port 1194, that no tool of the corpus found.',
  },
  {
    capture: 'zeek/wstunnel-https',
    counts: { sni: 1 },
    reason: 'TLS in WebSocket frames. Those of the client are masked, as RFC 6455 wants it, and we do not unmask them.',
  },
  {
    capture: 'ja4/tls-non-ascii-alpn',
    counts: { alpn_offered: 1 },
    reason:
      'A protocol name of the octets BA AD. The corpus has two replacement characters; we write the octets, as \\xba\\xad.',
  },
  { capture: 'suricata-verify/tls_tls-subject-zero', counts: { 'cert.subject': 1 }, reason: NUL },
  { capture: 'suricata-verify/tls_tls-issuer-zero', counts: { 'cert.issuer': 1 }, reason: NUL },
  { capture: 'suricata-verify/tls_tls-altname-zero', counts: { 'cert.san_dns': 1 }, reason: NUL },
  {
    capture: 'suricata-verify/tls_tls13-draft14__tls13_draft14',
    counts: { cipher_hex: 1, ja3s: 1 },
    reason:
      'A ServerHello of draft 14 has no session id: behind the random comes the suite, C0 2B. tshark, alone here, takes C0 for the length of a session id.',
  },
  {
    capture: 'ndpi/tumblr',
    counts: { ja3s: 1 },
    reason:
      'The client resets the connection at a HelloRetryRequest. nDPI, alone here, makes a JA3S of it; ours is that of a ServerHello.',
  },
  {
    capture: 'ndpi/smtp-starttls',
    counts: { sni: 1 },
    reason:
      'The ClientHello has no server_name. nDPI, alone here, takes the name out of the greeting of the mail server.',
  },
  {
    capture: 'ndpi/heuristic_tcp_ack_payload',
    counts: { 'cert.count': 3 },
    reason: 'nDPI, alone here, states the hash of the leaf and nothing of the rest of the chain; we have all of it.',
  },
];
