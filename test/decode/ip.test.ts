import { describe, expect, it } from 'vitest';
import { Drop } from '../../src/decode/drop.ts';
import { MAX_CUT_BYTES, MAX_EXTENSIONS } from '../../src/decode/limits.ts';
import {
  concat,
  decodeOne,
  dropsByLength,
  ETHERNET_IPV4_TCP,
  hex,
  IPV4_TCP,
  IPV6_TCP,
  LinkType,
  patched,
  TCP,
} from './packets.ts';

const { RawIp, Ethernet } = LinkType;

function ipv6(protocol: number, payload: Uint8Array): Uint8Array {
  const packet = concat(IPV6_TCP.subarray(0, 40), payload);
  packet[4] = payload.length >> 8;
  packet[5] = payload.length & 0xff;
  packet[6] = protocol;
  return packet;
}

describe('ipv4', () => {
  it('says where the addresses and the payload are', () => {
    const { drop, frame } = decodeOne(RawIp, IPV4_TCP);
    expect(drop).toBe(Drop.Decoded);
    expect(frame).toMatchObject({ ipVersion: 4, srcAt: 76, dstAt: 80, payloadAt: 64 + 44, payloadEnd: 64 + 48 });
    expect(frame.payloadLen).toBe(4);
  });

  it('skips options', () => {
    const packet = concat(patched(IPV4_TCP.subarray(0, 20), 0, '46 00 0034'), hex('94040000'), TCP);
    const { drop, frame } = decodeOne(RawIp, packet);
    expect([drop, frame.payloadAt, frame.payloadLen]).toEqual([Drop.Decoded, 64 + 48, 4]);
    expect(dropsByLength(RawIp, packet)[0]).toBe(`0-23: ${Drop.IpTruncated}`);
  });

  it('cuts Ethernet padding off, so that an empty ACK stays empty', () => {
    const ack = patched(patched(ETHERNET_IPV4_TCP.subarray(0, 54), 16, '0028'), 46, '50 10');
    const { drop, frame } = decodeOne(Ethernet, concat(ack, new Uint8Array(6)));
    expect(drop).toBe(Drop.Decoded);
    expect([frame.payloadAt, frame.payloadEnd, frame.payloadLen]).toEqual([64 + 54, 64 + 54, 0]);
  });

  it('keeps the length by the header where the snap length cut the payload', () => {
    const { drop, frame } = decodeOne(RawIp, patched(IPV4_TCP, 2, '05dc'), 1500);
    expect(drop).toBe(Drop.Decoded);
    expect([frame.payloadEnd - frame.payloadAt, frame.payloadLen]).toEqual([4, 1500 - 44]);
  });

  it('takes everything captured where the total length is zero (segmentation offload)', () => {
    const offload = concat(patched(IPV4_TCP, 2, '0000'), new Uint8Array(1000));
    expect(decodeOne(RawIp, offload).frame.payloadLen).toBe(1004);
    const cut = decodeOne(RawIp, offload, 3048).frame;
    expect([cut.payloadEnd - cut.payloadAt, cut.payloadLen]).toEqual([1004, 3004]);
  });

  it('does not believe a wire length beyond the cap, or below what was captured', () => {
    const offload = patched(IPV4_TCP, 2, '0000');
    expect(decodeOne(RawIp, offload, 48 + MAX_CUT_BYTES).frame.payloadLen).toBe(4 + MAX_CUT_BYTES);
    for (const wireLen of [49 + MAX_CUT_BYTES, 0x7fff_ffff, 0, -1, -0x8000_0000]) {
      expect(decodeOne(RawIp, offload, wireLen).frame.payloadLen).toBe(4);
    }
  });

  it.each([
    ['another version', 0, '65', LinkType.Ipv4, Drop.IpBadVersion],
    ['a header below five words', 0, '44', RawIp, Drop.IpBadHeaderLength],
    ['a header longer than the capture', 0, '4f 00 0040', RawIp, Drop.IpTruncated],
    ['a total length below the header', 2, '0013', RawIp, Drop.IpLengthLies],
    ['a total length of one', 2, '0001', RawIp, Drop.IpLengthLies],
    ['a total length that leaves TCP too little', 2, '0027', RawIp, Drop.TcpTruncated],
  ])('refuses %s', (_, at, bytes, linkType, expected) => {
    expect(decodeOne(linkType, patched(IPV4_TCP, at, bytes)).drop).toBe(expected);
  });

  it.each([
    [1, Drop.TransportIcmp],
    [2, Drop.TransportIcmp],
    [4, Drop.TunnelIp],
    [41, Drop.TunnelIp],
    [47, Drop.TunnelGre],
    [50, Drop.TransportEsp],
    [97, Drop.TunnelEthernet],
    [132, Drop.TransportSctp],
    [137, Drop.TunnelMpls],
    [0, Drop.TransportOther],
    [44, Drop.TransportOther],
    [60, Drop.TransportOther],
    [255, Drop.TransportOther],
  ])('counts protocol %i by its own reason', (protocol, expected) => {
    expect(decodeOne(RawIp, patched(IPV4_TCP, 9, protocol.toString(16).padStart(2, '0'))).drop).toBe(expected);
  });

  it('reads TCP behind an authentication header', () => {
    const ah = hex('06 01 0000 00000001 00000001'); // TCP, 3 words - 2
    const packet = concat(patched(patched(IPV4_TCP.subarray(0, 20), 2, '003c'), 9, '33'), ah, TCP);
    const { drop, frame } = decodeOne(RawIp, packet);
    expect([drop, frame.payloadAt, frame.payloadLen]).toEqual([Drop.Decoded, 64 + 56, 4]);
  });
});

describe('ipv6', () => {
  it('says where the addresses and the payload are', () => {
    const { drop, frame } = decodeOne(RawIp, IPV6_TCP);
    expect(drop).toBe(Drop.Decoded);
    expect(frame).toMatchObject({ ipVersion: 6, srcAt: 72, dstAt: 88, payloadAt: 128, payloadEnd: 132, payloadLen: 4 });
  });

  it('tells at every length what was cut', () => {
    expect(dropsByLength(RawIp, IPV6_TCP)).toEqual([
      `0-39: ${Drop.IpTruncated}`,
      `40-59: ${Drop.TcpTruncated}`,
      `60-68: ${Drop.Decoded}`,
    ]);
  });

  it('cuts padding, keeps the length of what was cut, and takes all where the length is zero', () => {
    expect(decodeOne(RawIp, concat(IPV6_TCP, new Uint8Array(9))).frame.payloadLen).toBe(4);
    expect(decodeOne(RawIp, patched(IPV6_TCP, 4, '0100'), 296).frame.payloadLen).toBe(256 - 24);
    expect(decodeOne(RawIp, concat(patched(IPV6_TCP, 4, '0000'), new Uint8Array(9))).frame.payloadLen).toBe(13);
  });

  it('reads through extension headers of every kind', () => {
    const chain = concat(
      hex('2b 00 0502 0000 0100'), //                    hop-by-hop, then routing
      hex('3c 02 0000 00000000').subarray(0, 8), //      routing, 24 bytes, then destination options
      new Uint8Array(16),
      hex('33 00 0104 00000000'), //                     destination options, then AH
      hex('87 02 0000 00000001 00000001 abababab'), //   AH, 16 bytes, then mobility
      hex('8b 00 0000 00000000'), //                     mobility, then HIP
      hex('8c 00 0000 00000000'), //                     HIP, then shim6
      hex('2c 00 0000 00000000'), //                     shim6, then fragment
      hex('06 00 0000 12345678'), //                     the only fragment of its datagram, then TCP
      TCP,
    );
    const { drop, frame } = decodeOne(RawIp, ipv6(0, chain));
    expect([drop, frame.payloadAt, frame.payloadLen]).toEqual([Drop.Decoded, 64 + 40 + chain.length - 4, 4]);
  });

  it.each([0, 43, 44, 51, 60, 135, 139, 140])('refuses extension header %i when it was cut', (kind) => {
    const packet = ipv6(kind, hex('06 00 0000 00000000'));
    const runs = dropsByLength(RawIp, packet);
    expect(runs.slice(0, 2)).toEqual([`0-39: ${Drop.IpTruncated}`, `40-47: ${Drop.ExtensionTruncated}`]);
    expect(runs[2]).toBe(`48-48: ${Drop.TcpTruncated}`);
  });

  it('refuses an extension header longer than the packet', () => {
    expect(decodeOne(RawIp, ipv6(60, hex('06 01 0000 00000000'))).drop).toBe(Drop.ExtensionTruncated);
    expect(decodeOne(RawIp, ipv6(51, hex('06 ff 0000 00000000'))).drop).toBe(Drop.ExtensionTruncated);
  });

  it('reads as many extension headers as the cap, and no more', () => {
    const options = (n: number): Uint8Array[] =>
      Array.from({ length: n }, (_, i) => hex(`${i === n - 1 ? '06' : '3c'} 00 0104 00000000`));
    expect(decodeOne(RawIp, ipv6(60, concat(...options(MAX_EXTENSIONS), TCP))).drop).toBe(Drop.Decoded);
    expect(decodeOne(RawIp, ipv6(60, concat(...options(MAX_EXTENSIONS + 1), TCP))).drop).toBe(Drop.TooManyExtensions);
    const atomic = hex('2c 00 0000 00000000');
    const atomics = Array.from({ length: MAX_EXTENSIONS + 1 }, () => atomic);
    expect(decodeOne(RawIp, ipv6(44, concat(...atomics))).drop).toBe(Drop.TooManyExtensions);
  });

  it.each([
    [50, Drop.TransportEsp],
    [58, Drop.TransportIcmp],
    [59, Drop.TransportNone],
    [253, Drop.TransportOther],
  ])('stops at next header %i', (protocol, expected) => {
    expect(decodeOne(RawIp, ipv6(protocol, TCP)).drop).toBe(expected);
  });
});
