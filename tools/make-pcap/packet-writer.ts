/**
 * Packets as they stand on the wire, written layer by layer: TCP or UDP, IPv4 or IPv6, and a link layer around them.
 *
 *     buildLink(LinkType.Ethernet, frame,
 *       buildIp({ src, dst, protocol: 6 },
 *         buildTcp(src, dst, { srcPort, dstPort, seq, ack, flags }, payload)))
 *
 *     destination 6 | source 6 | [0x8100 tag 4]... | type 2 | IP | TCP | payload | padding to 60
 *
 * Lengths and checksums are right unless a field says otherwise, so a test that wants a broken packet breaks one thing
 * and nothing else. RFC 791, RFC 8200, RFC 9293, RFC 768, RFC 1071 (checksum), IEEE 802.1Q, tcpdump.org/linktypes.
 *
 * This writes what tests, benchmarks and captures need, for speed of reading and not of running. It throws a `TypeError`
 * for what is no address: its caller is a program, not the wire. Every result is a fresh `Uint8Array`.
 */

/** Values of LINKTYPE_, https://www.tcpdump.org/linktypes.html */
export const LinkType = { Null: 0, Ethernet: 1, Raw: 101, LinuxSll: 113, LinuxSll2: 276 } as const;
export type LinkType = (typeof LinkType)[keyof typeof LinkType];

/** TCP control bits (RFC 9293 3.1). */
export const Tcp = { Fin: 0x01, Syn: 0x02, Rst: 0x04, Psh: 0x08, Ack: 0x10, Urg: 0x20 } as const;

/** A frame without its checksum sequence is at least this long; senders pad with zeros (IEEE 802.3 3.2.7). */
const ETHERNET_MIN = 60;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_QINQ = 0x88a8;

/** AF_INET, and the AF_INET6 of macOS: LINKTYPE_NULL has the numbers of the system that captured. */
const AF_INET = 2;
const AF_INET6 = 30;

export interface IpFields {
  /** Both IPv4 (`192.0.2.1`) or both IPv6 (`2001:db8::1`). */
  readonly src: string;
  readonly dst: string;
  /** 6 is TCP, 17 is UDP. */
  readonly protocol: number;
  /** TTL or hop limit; 64 unless set. */
  readonly ttl?: number;
  /** IPv4 identification, or the flow label of IPv6. */
  readonly id?: number;
  /** Offset in bytes of a fragment, a multiple of 8; IPv4 only. */
  readonly fragmentAt?: number;
  /** More fragments follow; IPv4 only. */
  readonly moreFragments?: boolean;
  /** Written into the length field instead of the real length. */
  readonly claimedLen?: number;
  /** Written instead of the right checksum; IPv4 only. */
  readonly checksum?: number;
}

export interface TcpFields {
  readonly srcPort: number;
  readonly dstPort: number;
  /** Taken modulo 2^32. */
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  /** 64,240 unless set. */
  readonly window?: number;
  /** Padded to a multiple of four with end-of-options. */
  readonly options?: Uint8Array;
  /** Written instead of the right checksum. */
  readonly checksum?: number;
}

export interface UdpFields {
  readonly srcPort: number;
  readonly dstPort: number;
  /** Written instead of the right checksum; 0 is `none` over IPv4. */
  readonly checksum?: number;
}

export interface LinkFields {
  /** `02:00:5e:00:00:01`. */
  readonly srcMac: string;
  readonly dstMac: string;
  /** VLAN ids, outermost first. With more than one the outermost gets the type of IEEE 802.1ad. */
  readonly vlans?: readonly number[];
  /** Ethernet only: pad to 60 bytes, as a receiver's capture has it. True unless set. */
  readonly pad?: boolean;
}

/** The header and `payload` of a TCP segment; addresses go into the checksum. */
export function buildTcp(src: string, dst: string, tcp: TcpFields, payload: Uint8Array): Uint8Array {
  const optionsLen = ((tcp.options?.length ?? 0) + 3) & ~3;
  const out = new Uint8Array(20 + optionsLen + payload.length);
  const view = new DataView(out.buffer);
  view.setUint16(0, tcp.srcPort);
  view.setUint16(2, tcp.dstPort);
  view.setUint32(4, tcp.seq);
  view.setUint32(8, tcp.ack);
  view.setUint8(12, ((20 + optionsLen) >> 2) << 4);
  view.setUint8(13, tcp.flags);
  view.setUint16(14, tcp.window ?? 64_240);
  if (tcp.options) out.set(tcp.options, 20);
  out.set(payload, 20 + optionsLen);
  view.setUint16(16, tcp.checksum ?? transportChecksum(src, dst, 6, out));
  return out;
}

/** The header and `payload` of a UDP datagram. */
export function buildUdp(src: string, dst: string, udp: UdpFields, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(8 + payload.length);
  const view = new DataView(out.buffer);
  view.setUint16(0, udp.srcPort);
  view.setUint16(2, udp.dstPort);
  view.setUint16(4, out.length);
  out.set(payload, 8);
  // A computed zero is sent as all ones, because zero means `no checksum` (RFC 768).
  view.setUint16(6, udp.checksum ?? (transportChecksum(src, dst, 17, out) || 0xffff));
  return out;
}

/** An IPv4 or IPv6 packet, by the form of its addresses. No options, no extension headers. */
export function buildIp(ip: IpFields, payload: Uint8Array): Uint8Array {
  return ip.src.includes(':') ? buildIpv6(ip, payload) : buildIpv4(ip, payload);
}

function buildIpv4(ip: IpFields, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(20 + payload.length);
  const view = new DataView(out.buffer);
  const isFragment = ip.moreFragments === true || (ip.fragmentAt ?? 0) > 0;
  view.setUint8(0, 0x45);
  view.setUint16(2, ip.claimedLen ?? out.length);
  view.setUint16(4, ip.id ?? 0);
  // Don't-fragment is set as every modern TCP stack does, except on what is a fragment.
  view.setUint16(6, isFragment ? (ip.moreFragments ? 0x2000 : 0) | ((ip.fragmentAt ?? 0) >> 3) : 0x4000);
  view.setUint8(8, ip.ttl ?? 64);
  view.setUint8(9, ip.protocol);
  out.set(addressBytes(ip.src), 12);
  out.set(addressBytes(ip.dst), 16);
  view.setUint16(10, ip.checksum ?? internetChecksum(out.subarray(0, 20)));
  out.set(payload, 20);
  return out;
}

function buildIpv6(ip: IpFields, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(40 + payload.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, 0x6000_0000 | ((ip.id ?? 0) & 0xf_ffff));
  view.setUint16(4, ip.claimedLen ?? payload.length);
  view.setUint8(6, ip.protocol);
  view.setUint8(7, ip.ttl ?? 64);
  out.set(addressBytes(ip.src), 8);
  out.set(addressBytes(ip.dst), 24);
  out.set(payload, 40);
  return out;
}

/** `ip` inside its link layer: `LinkType.Ethernet` and the others that the sensor reads. */
export function buildLink(linkType: LinkType, link: LinkFields, ip: Uint8Array): Uint8Array {
  const isIpv6 = ip[0]! >> 4 === 6;
  const etherType = isIpv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
  switch (linkType) {
    case LinkType.Ethernet: {
      const tags = link.vlans ?? [];
      const types = tags.map((_, i) => (i === 0 && tags.length > 1 ? ETHERTYPE_QINQ : ETHERTYPE_VLAN));
      const words = tags.flatMap((id, i) => [types[i]!, id]);
      const frame = joinBytes(macBytes(link.dstMac), macBytes(link.srcMac), words16(...words, etherType), ip);
      if (link.pad === false || frame.length >= ETHERNET_MIN) return frame;
      return joinBytes(frame, new Uint8Array(ETHERNET_MIN - frame.length));
    }
    case LinkType.LinuxSll:
      // Packet type `to us`, ARPHRD_ETHER, address length, address padded to 8, protocol.
      return joinBytes(words16(0, 1, 6), macBytes(link.srcMac), words16(0, etherType), ip);
    case LinkType.LinuxSll2:
      // Protocol, reserved, interface index (32 bits), ARPHRD_ETHER, packet type and address length, address.
      return joinBytes(words16(etherType, 0, 0, 2, 1, 6), macBytes(link.srcMac), words16(0), ip);
    case LinkType.Null:
      // Host byte order, little-endian here.
      return joinBytes(Uint8Array.of(isIpv6 ? AF_INET6 : AF_INET, 0, 0, 0), ip);
    case LinkType.Raw:
      break;
  }
  return ip.slice();
}

/**
 * An IPv4 packet cut into fragments whose IP payload is at most `size` bytes (rounded down to a multiple of 8). The packet must be
 * whole, with a header of 20 bytes, as `buildIp` writes it; `id` names the fragments of one packet.
 */
export function fragmentIpv4(packet: Uint8Array, size: number, id: number): Uint8Array[] {
  const step = Math.max(8, size & ~7);
  const payload = packet.subarray(20);
  const src = packet.subarray(12, 16).join('.');
  const dst = packet.subarray(16, 20).join('.');
  const out: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += step) {
    const moreFragments = at + step < payload.length;
    const fields = { src, dst, protocol: packet[9]!, ttl: packet[8]!, id, fragmentAt: at, moreFragments };
    out.push(buildIp(fields, payload.subarray(at, at + step)));
  }
  return out;
}

/** The internet checksum of `bytes` (RFC 1071), ready to be written. Over bytes that hold it, the result is 0. */
function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  // Every part but the last must be even in length, which headers and pseudo-headers are.
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += (part[i]! << 8) | (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}

/** Checksum of a TCP segment or UDP datagram with the pseudo-header of its addresses (RFC 9293 3.1, RFC 8200 8.1). */
function transportChecksum(src: string, dst: string, protocol: number, segment: Uint8Array): number {
  // The lengths and zeros of the two pseudo-headers differ in place and not in sum.
  const pseudo = joinBytes(addressBytes(src), addressBytes(dst), words16(segment.length, protocol));
  return internetChecksum(pseudo, segment);
}

/** Four or sixteen bytes of an address. */
export function addressBytes(text: string): Uint8Array {
  if (!text.includes(':')) {
    const bytes = text.split('.').map(Number);
    if (bytes.length === 4 && bytes.every((b) => Number.isInteger(b) && b >= 0 && b <= 255))
      return Uint8Array.from(bytes);
    throw new TypeError(`not an IP address: ${text}`);
  }
  const [head = '', tail] = text.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const words = [...before, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...after];
  if (words.length !== 8 || !words.every((word) => /^[0-9a-f]{1,4}$/i.test(word))) {
    throw new TypeError(`not an IP address: ${text}`);
  }
  return words16(...words.map((word) => Number.parseInt(word, 16)));
}

function macBytes(text: string): Uint8Array {
  const parts = text.split(':');
  if (parts.length !== 6 || !parts.every((part) => /^[0-9a-f]{2}$/i.test(part))) {
    throw new TypeError(`not a MAC address: ${text}`);
  }
  return Uint8Array.from(parts, (part) => Number.parseInt(part, 16));
}

/** 16-bit numbers in network byte order. */
function words16(...words: readonly number[]): Uint8Array {
  return Uint8Array.from(words.flatMap((word) => [(word >> 8) & 0xff, word & 0xff]));
}

export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
