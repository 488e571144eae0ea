import { describe, expect, it } from 'vitest';
import { Drop } from '../../src/decode/drop.ts';
import { MAX_VLAN_TAGS } from '../../src/decode/limits.ts';
import {
  concat,
  decodeOne,
  dropsByLength,
  ETHERNET_IPV4_TCP,
  hex,
  IPV4_TCP,
  IPV6_TCP,
  LinkType,
  MACS,
  patched,
} from './packets.ts';

const SLL = hex(`
  0004           ; sent by us
  0001           ; ARPHRD_ETHER
  0006           ; address length
  020000000001 0000
  0800           ; IPv4
`);
const SLL2 = hex(`
  0800 0000      ; IPv4, reserved
  00000003       ; interface index
  0001 04 06     ; ARPHRD_ETHER, sent by us, address length
  020000000001 0000
`);
const SNAP = hex(`
  0038           ; 802.3 length
  aaaa 03        ; SNAP, unnumbered information
  000000 0800    ; OUI, IPv4
`);

describe('ethernet', () => {
  it('reads IPv4 behind the addresses, and says where they are', () => {
    const { drop, frame } = decodeOne(LinkType.Ethernet, ETHERNET_IPV4_TCP);
    expect(drop).toBe(Drop.Decoded);
    expect(frame.macAt).toBe(64);
    expect(frame.srcAt).toBe(64 + 14 + 12);
    expect(frame.vlanId).toBe(-1);
    expect(frame.packet).toBe(frame.buf);
  });

  it('reads IPv6', () => {
    const { drop, frame } = decodeOne(LinkType.Ethernet, concat(MACS, hex('86dd'), IPV6_TCP));
    expect([drop, frame.ipVersion]).toEqual([Drop.Decoded, 6]);
  });

  it('tells at every length what was cut', () => {
    expect(dropsByLength(LinkType.Ethernet, ETHERNET_IPV4_TCP)).toEqual([
      `0-13: ${Drop.EthernetTruncated}`,
      `14-33: ${Drop.IpTruncated}`,
      `34-53: ${Drop.TcpTruncated}`,
      `54-62: ${Drop.Decoded}`,
    ]);
  });

  it.each([
    ['0806', Drop.NotIpArp],
    ['8035', Drop.NotIpArp],
    ['88cc', Drop.NotIpLldp],
    ['8809', Drop.NotIpSlow],
    ['888e', Drop.NotIpEapol],
    ['88e5', Drop.NotIpMacsec],
    ['8863', Drop.NotIpPpp],
    ['88f7', Drop.NotIpOther],
    ['ffff', Drop.NotIpOther],
    ['8864', Drop.TunnelPppoe],
    ['8847', Drop.TunnelMpls],
    ['8848', Drop.TunnelMpls],
    ['6558', Drop.TunnelEthernet],
    ['88e7', Drop.TunnelEthernet],
    ['8903', Drop.TunnelFabricTag],
    ['8909', Drop.TunnelFabricTag],
    ['8926', Drop.TunnelFabricTag],
    ['893f', Drop.TunnelFabricTag],
    ['894f', Drop.TunnelNsh],
  ])('counts type 0x%s by its own reason', (type, expected) => {
    expect(decodeOne(LinkType.Ethernet, concat(MACS, hex(type), IPV4_TCP)).drop).toBe(expected);
  });
});

describe('vlan', () => {
  const tags = (n: number): Uint8Array =>
    concat(MACS, ...Array.from({ length: n }, (_, i) => hex(`8100 e${(0x064 + i).toString(16).padStart(3, '0')}`)));

  it.each(['8100', '88a8', '9100', '9200'])('reads a tag of type 0x%s', (type) => {
    const { drop, frame } = decodeOne(LinkType.Ethernet, concat(MACS, hex(`${type} 6fff 0800`), IPV4_TCP));
    expect([drop, frame.vlanId]).toEqual([Drop.Decoded, 0xfff]);
  });

  it('keeps the outermost id, at any depth up to the cap', () => {
    for (let n = 1; n <= MAX_VLAN_TAGS; n++) {
      const { drop, frame } = decodeOne(LinkType.Ethernet, concat(tags(n), hex('86dd'), IPV6_TCP));
      expect([drop, frame.vlanId]).toEqual([Drop.Decoded, 100]);
    }
  });

  it('refuses more tags than the cap', () => {
    const packet = concat(tags(MAX_VLAN_TAGS + 1), hex('0800'), IPV4_TCP);
    expect(decodeOne(LinkType.Ethernet, packet).drop).toBe(Drop.VlanTooDeep);
  });

  it('refuses a tag that was cut', () => {
    const packet = concat(tags(2), hex('0800'), IPV4_TCP);
    expect(dropsByLength(LinkType.Ethernet, packet).slice(0, 3)).toEqual([
      `0-13: ${Drop.EthernetTruncated}`,
      `14-21: ${Drop.VlanTruncated}`,
      `22-41: ${Drop.IpTruncated}`,
    ]);
  });

  it('reads a priority tag (id 0) as VLAN 0', () => {
    expect(decodeOne(LinkType.Ethernet, concat(MACS, hex('8100 0000 0800'), IPV4_TCP)).frame.vlanId).toBe(0);
  });
});

describe('llc', () => {
  const packet = concat(MACS, SNAP, IPV4_TCP);

  it('reads IP behind SNAP', () => {
    expect(decodeOne(LinkType.Ethernet, packet).drop).toBe(Drop.Decoded);
    expect(decodeOne(LinkType.Ethernet, patched(packet, 17, '0000f8')).drop).toBe(Drop.Decoded);
    expect(decodeOne(LinkType.Ethernet, concat(MACS, hex('8100 0005'), SNAP, IPV4_TCP)).frame.vlanId).toBe(5);
  });

  it('refuses every truncation', () => {
    expect(dropsByLength(LinkType.Ethernet, packet).slice(1, 3)).toEqual([
      `14-21: ${Drop.LlcTruncated}`,
      `22-41: ${Drop.IpTruncated}`,
    ]);
  });

  it.each([
    ['spanning tree', 14, '4242'],
    ['a source that is not SNAP', 15, '42'],
    ['a control field that numbers', 16, '00'],
    ['a private OUI (CDP)', 17, '00000c'],
    ['a length in place of the type', 20, '0010'],
  ])('does not look for IP behind %s', (_, at, bytes) => {
    expect(decodeOne(LinkType.Ethernet, patched(packet, at, bytes)).drop).toBe(Drop.NotIpLlc);
  });
});

describe('link types without Ethernet', () => {
  it.each([
    ['SLL', LinkType.Sll, SLL, Drop.SllTruncated],
    ['SLL2', LinkType.Sll2, SLL2, Drop.SllTruncated],
    ['NULL, little end first', LinkType.Null, hex('02000000'), Drop.LoopbackTruncated],
    ['NULL, big end first', LinkType.Null, hex('00000002'), Drop.LoopbackTruncated],
    ['LOOP', LinkType.Loop, hex('00000002'), Drop.LoopbackTruncated],
    ['C-HDLC', LinkType.Hdlc, hex('0f00 0800'), Drop.HdlcTruncated],
    ['PPP', LinkType.Ppp, hex('ff03 0021'), Drop.PppTruncated],
    ['PPP without address and control', LinkType.Ppp, hex('0021'), Drop.PppTruncated],
    ['PPP with a short protocol', LinkType.Ppp, hex('21'), Drop.PppTruncated],
  ])('reads %s and refuses its truncations', (_, linkType, header, truncated) => {
    const { drop, frame } = decodeOne(linkType, concat(header, IPV4_TCP));
    expect([drop, frame.srcAt, frame.macAt]).toEqual([Drop.Decoded, 64 + header.length + 12, -1]);
    const [first, second] = dropsByLength(linkType, concat(header, IPV4_TCP));
    expect(first).toBe(`0-${header.length - 1}: ${truncated}`);
    expect(second).toBe(`${header.length}-${header.length + 19}: ${Drop.IpTruncated}`);
  });

  it.each([
    ['raw IP', LinkType.RawIp],
    ['raw IP as 12', 12],
    ['raw IP as 14', 14],
  ])('reads both versions of %s', (_, linkType) => {
    expect(decodeOne(linkType, IPV4_TCP).frame.ipVersion).toBe(4);
    expect(decodeOne(linkType, IPV6_TCP).frame.ipVersion).toBe(6);
    expect(decodeOne(linkType, patched(IPV4_TCP, 0, '55')).drop).toBe(Drop.IpBadVersion);
    expect(decodeOne(linkType, new Uint8Array(0)).drop).toBe(Drop.IpTruncated);
  });

  it('holds IPV4 and IPV6 captures to their version', () => {
    expect(decodeOne(LinkType.Ipv4, IPV4_TCP).drop).toBe(Drop.Decoded);
    expect(decodeOne(LinkType.Ipv6, IPV6_TCP).drop).toBe(Drop.Decoded);
    expect(decodeOne(LinkType.Ipv4, IPV6_TCP).drop).toBe(Drop.IpBadVersion);
    expect(decodeOne(LinkType.Ipv6, IPV4_TCP.subarray(0, 48)).drop).toBe(Drop.IpBadVersion);
  });

  it.each(['18', '1c', '1e'])('reads IPv6 behind loopback family 0x%s in both byte orders', (family) => {
    expect(decodeOne(LinkType.Null, concat(hex(`${family}000000`), IPV6_TCP)).frame.ipVersion).toBe(6);
    expect(decodeOne(LinkType.Loop, concat(hex(`000000${family}`), IPV6_TCP)).frame.ipVersion).toBe(6);
  });

  it.each(['07000000', '02000002', '02010000', '00000000'])(
    'does not look for IP behind loopback family %s',
    (family) => {
      expect(decodeOne(LinkType.Null, concat(hex(family), IPV4_TCP)).drop).toBe(Drop.NotIpOther);
    },
  );

  it('reads tags and 802.2 behind a cooked header', () => {
    const tagged = concat(patched(SLL, 14, '8100'), hex('0064 0800'), IPV4_TCP);
    expect(decodeOne(LinkType.Sll, tagged).frame.vlanId).toBe(100);
    const llc = concat(patched(SLL2, 0, '0004'), SNAP.subarray(2), IPV4_TCP);
    expect(decodeOne(LinkType.Sll2, llc).drop).toBe(Drop.Decoded);
  });

  it.each([
    ['IPv6', '0057', IPV6_TCP, Drop.Decoded],
    ['MPLS', '0281', IPV4_TCP, Drop.TunnelMpls],
    ['LCP', 'c021', IPV4_TCP, Drop.NotIpPpp],
  ])('reads %s behind PPP by its number', (_, protocol, packet, expected) => {
    expect(decodeOne(LinkType.Ppp, concat(hex(`ff03 ${protocol}`), packet)).drop).toBe(expected);
  });

  it('refuses a link type that it does not know', () => {
    expect(decodeOne(147, ETHERNET_IPV4_TCP).drop).toBe(Drop.LinkTypeUnsupported);
    expect(decodeOne(-1, ETHERNET_IPV4_TCP).drop).toBe(Drop.LinkTypeUnsupported);
  });
});
