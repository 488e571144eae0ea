import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/bytes/hex.ts';
import {
  addressBytes,
  buildIp,
  buildLink,
  buildTcp,
  buildUdp,
  fragmentIpv4,
  joinBytes,
  LinkType,
  Tcp,
} from '../../tools/make-pcap/packet-writer.ts';

const MACS = { srcMac: '02:00:5e:10:00:01', dstMac: '02:00:5e:20:00:01' };
const PORTS = { srcPort: 49_152, dstPort: 443 };

/** Ones' complement sum by the remainder: over bytes with a right checksum in them it is 0 (RFC 1071 3). */
function onesComplementRest(bytes: Uint8Array): number {
  let rest = 0;
  bytes.forEach((byte, i) => {
    rest = (rest + byte * (i % 2 === 0 ? 256 : 1)) % 0xffff;
  });
  return rest;
}

function withPseudoHeader(src: string, dst: string, protocol: number, segment: Uint8Array): Uint8Array {
  const length = Uint8Array.of(0, protocol, segment.length >> 8, segment.length & 0xff);
  return joinBytes(addressBytes(src), addressBytes(dst), length, segment);
}

describe('packet writer', () => {
  it('writes a SYN as it stands on the wire', () => {
    const options = Uint8Array.of(2, 4, 0x05, 0xb4);
    const tcp = buildTcp(
      '192.0.2.1',
      '198.51.100.2',
      { ...PORTS, seq: 0x0102_0304, ack: 0, flags: Tcp.Syn, options },
      new Uint8Array(0),
    );
    const ip = buildIp({ src: '192.0.2.1', dst: '198.51.100.2', protocol: 6, id: 0x1234 }, tcp);
    expect(buildLink(LinkType.Ethernet, MACS, ip)).toEqual(
      fromHex(
        '02005e200001 02005e100001 0800' + // destination, source, IPv4
          '45 00 002c 1234 4000 40 06 3c61' + // 44 bytes, don't fragment, TTL 64, TCP, checksum
          'c0000201 c6336402' + // 192.0.2.1, 198.51.100.2
          'c000 01bb 01020304 00000000' + // ports, sequence number, no acknowledgement
          '60 02 faf0 eb3c 0000' + // six words, SYN, window, checksum, urgent pointer
          '020405b4' + // MSS 1460
          '0000', // padding to 60 bytes
      ),
    );
  });

  it('gives TCP and UDP over IPv4 and IPv6 right checksums, whatever they carry', () => {
    const pairs = [
      ['192.0.2.1', '203.0.113.255'],
      ['2001:db8::1', '2001:db8:ffff::2'],
    ] as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...pairs),
        fc.uint8Array({ maxLength: 64 }),
        fc.nat(0xffff_ffff),
        ([src, dst], payload, seq) => {
          const tcp = buildTcp(src, dst, { ...PORTS, seq, ack: ~seq, flags: Tcp.Ack }, payload);
          expect(onesComplementRest(withPseudoHeader(src, dst, 6, tcp))).toBe(0);
          const udp = buildUdp(src, dst, PORTS, payload);
          expect(onesComplementRest(withPseudoHeader(src, dst, 17, udp))).toBe(0);
          expect(udp[6]! + udp[7]!).not.toBe(0);
          const ip = buildIp({ src, dst, protocol: 6, id: seq & 0xffff }, tcp);
          const header = ip[0] === 0x45 ? ip.subarray(0, 20) : new Uint8Array(0);
          expect(onesComplementRest(header)).toBe(0);
        },
      ),
    );
  });

  it('breaks the one thing that it is told to break', () => {
    const tcp = { ...PORTS, seq: 1, ack: 2, flags: Tcp.Ack };
    const payload = fromHex('160301');
    const good = buildTcp('192.0.2.1', '192.0.2.2', tcp, payload);
    const bad = buildTcp('192.0.2.1', '192.0.2.2', { ...tcp, checksum: 0xbeef }, payload);
    expect([...bad.subarray(16, 18)]).toEqual([0xbe, 0xef]);
    expect([...bad.subarray(0, 16), ...bad.subarray(18)]).toEqual([...good.subarray(0, 16), ...good.subarray(18)]);
    const ip = buildIp({ src: '192.0.2.1', dst: '192.0.2.2', protocol: 6, claimedLen: 1500 }, good);
    expect([...ip.subarray(2, 4)]).toEqual([0x05, 0xdc]);
    expect(onesComplementRest(ip.subarray(0, 20))).toBe(0);
  });

  it('puts VLAN tags in front, the outermost as a service tag', () => {
    const ip = buildIp({ src: '2001:db8::1', dst: '2001:db8::2', protocol: 17 }, new Uint8Array(40));
    const frame = buildLink(LinkType.Ethernet, { ...MACS, vlans: [100, 20] }, ip);
    expect(frame.subarray(12, 22)).toEqual(fromHex('88a8 0064 8100 0014 86dd'));
    const single = buildLink(LinkType.Ethernet, { ...MACS, vlans: [20] }, ip);
    expect(single.subarray(12, 18)).toEqual(fromHex('8100 0014 86dd'));
  });

  it('writes the cooked, loopback and raw link layers', () => {
    const ip = buildIp({ src: '192.0.2.1', dst: '192.0.2.2', protocol: 17 }, new Uint8Array(8));
    const head = (linkType: LinkType) => {
      const packet = buildLink(linkType, MACS, ip);
      expect(packet.subarray(packet.length - ip.length)).toEqual(ip);
      return packet.subarray(0, packet.length - ip.length);
    };
    expect(head(LinkType.LinuxSll)).toEqual(fromHex('0000 0001 0006 02005e100001 0000 0800'));
    expect(head(LinkType.LinuxSll2)).toEqual(fromHex('0800 0000 00000002 0001 00 06 02005e100001 0000'));
    expect(head(LinkType.Null)).toEqual(fromHex('02000000'));
    expect(head(LinkType.Raw)).toHaveLength(0);
  });

  it('cuts an IPv4 packet into fragments that make it up again', () => {
    const payload = Uint8Array.from({ length: 100 }, (_, i) => i);
    const packet = buildIp({ src: '192.0.2.1', dst: '192.0.2.2', protocol: 17 }, payload);
    const fragments = fragmentIpv4(packet, 50, 7);
    expect(fragments.map((f) => [f[6], f[7], f.length - 20])).toEqual([
      [0x20, 0, 48],
      [0x20, 6, 48],
      [0, 12, 4],
    ]);
    expect(joinBytes(...fragments.map((f) => f.subarray(20)))).toEqual(payload);
    for (const fragment of fragments) expect(onesComplementRest(fragment.subarray(0, 20))).toBe(0);
  });

  it('reads addresses in all their forms', () => {
    expect(addressBytes('::')).toEqual(new Uint8Array(16));
    expect(addressBytes('2001:db8::1')).toEqual(fromHex('20010db8 00000000 00000000 00000001'));
    expect(addressBytes('1:2:3:4:5:6:7:8')).toEqual(fromHex('0001 0002 0003 0004 0005 0006 0007 0008'));
  });

  it.each(['192.0.2', '192.0.2.256', '1:2:3', '2001:db8::g', '1:2:3:4:5:6:7:8:9'])(
    'refuses %s as an address',
    (text) => {
      expect(() => addressBytes(text)).toThrow(`not an IP address: ${text}`);
    },
  );

  it.each(['02:00:5e:10:00', '02:00:5e:10:00:0g', ''])('refuses "%s" as a MAC address', (srcMac) => {
    const ip = buildIp({ src: '192.0.2.1', dst: '192.0.2.2', protocol: 17 }, new Uint8Array(8));
    expect(() => buildLink(LinkType.Ethernet, { ...MACS, srcMac }, ip)).toThrow('not a MAC address');
  });
});
