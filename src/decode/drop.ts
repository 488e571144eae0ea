/**
 * Why the decoder ended with a packet. Every packet ends in exactly one of these: the sum of the counters is the number
 * of packets received.
 *
 * The order is that of the layers. A header that was cut short has a reason of its own, so that a snap length that is too
 * small can be told from a link type that is read wrongly.
 */

export const Drop = {
  /** TCP or UDP was reached: the frame is filled. */
  Decoded: 0,

  LinkTypeUnsupported: 1,
  EthernetTruncated: 2,
  VlanTruncated: 3,
  /** More tags than `MAX_VLAN_TAGS`. */
  VlanTooDeep: 4,
  LlcTruncated: 5,
  /** Linux cooked capture, version 1 or 2. */
  SllTruncated: 6,
  LoopbackTruncated: 7,
  PppTruncated: 8,
  HdlcTruncated: 9,

  /** ARP and RARP. */
  NotIpArp: 10,
  NotIpLldp: 11,
  /** LACP, link OAM: IEEE 802.3 slow protocols. */
  NotIpSlow: 12,
  /** 802.1X. */
  NotIpEapol: 13,
  /** Encrypted by 802.1AE: nothing behind it can be read. */
  NotIpMacsec: 14,
  /** 802.2 without IP: spanning tree, CDP, IS-IS, IPX. */
  NotIpLlc: 15,
  /** LCP, IPCP, PPPoE discovery and the like. */
  NotIpPpp: 16,
  NotIpOther: 17,

  /** Read by the next header's reader, which this version does not have. */
  TunnelMpls: 18,
  TunnelPppoe: 19,
  /** Transparent Ethernet bridging, provider backbone bridging, EtherIP. */
  TunnelEthernet: 20,
  /** Cisco metadata (SGT), FabricPath, VN-Tag, 802.1BR. */
  TunnelFabricTag: 21,
  TunnelNsh: 22,
  TunnelGre: 23,
  /** IPv4 or IPv6 in IP. */
  TunnelIp: 24,
  TunnelVxlan: 25,
  TunnelGeneve: 26,
  TunnelGtp: 27,
  TunnelTeredo: 28,
  TunnelTzsp: 29,

  /** The version nibble contradicts the link, or is neither 4 nor 6. */
  IpBadVersion: 30,
  /** IPv4 header length below five words. */
  IpBadHeaderLength: 31,
  IpTruncated: 32,
  /** IPv4 total length shorter than its own header. */
  IpLengthLies: 33,
  ExtensionTruncated: 34,
  /** More IPv6 extension headers than `MAX_EXTENSIONS`. */
  TooManyExtensions: 35,
  /** More headers than `MAX_HEADERS`. */
  TooManyHeaders: 36,

  /** Kept until the rest of the datagram arrives. */
  FragmentHeld: 37,
  /** Brings nothing that is not held already. */
  FragmentDuplicate: 38,
  /** Came after its datagram was complete. */
  FragmentLate: 39,
  /** The snap length cut its data. */
  FragmentTruncated: 40,
  /** Empty, or not a multiple of eight though more follow. */
  FragmentBadLength: 41,
  /** Reaches beyond the largest datagram ("ping of death"). */
  FragmentTooLong: 42,
  /** Contradicts the end of the datagram that another fragment gave. */
  FragmentBadEnd: 43,
  /** Other bytes for a place that is filled, and nothing new; or any overlap in IPv6. */
  FragmentOverlap: 44,
  /** More than `MAX_FRAGMENTS` for one datagram, which is given up. */
  FragmentTooMany: 45,
  /** Belongs to a datagram that was given up. */
  FragmentRefused: 46,

  /** ICMP, ICMPv6 and IGMP. */
  TransportIcmp: 47,
  TransportSctp: 48,
  /** Encrypted by IPsec ESP. */
  TransportEsp: 49,
  /** IPv6 says that nothing follows (next header 59). */
  TransportNone: 50,
  TransportOther: 51,

  TcpTruncated: 52,
  /** Data offset below five words or beyond the segment. */
  TcpBadOffset: 53,
  UdpTruncated: 54,
  /** UDP length below its header or beyond the datagram. */
  UdpBadLength: 55,
} as const;
export type Drop = (typeof Drop)[keyof typeof Drop];

/** The names of the reasons, by number, as they appear in counters. */
export const DROP_NAMES: readonly string[] = Object.keys(Drop).map((name) =>
  name.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase(),
);
