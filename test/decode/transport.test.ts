import { describe, expect, it } from 'vitest';
import { Drop } from '../../src/decode/drop.ts';
import { IpProtocol, TcpFlag } from '../../src/decode/frame.ts';
import { concat, decodeOne, dropsByLength, hex, IPV4_TCP, LinkType, patched } from './packets.ts';

const { RawIp } = LinkType;

const IPV4_UDP = hex(`
  45 00 0020     ; total length 32
  0000 0000 40 11 0000
  c0000201 c6336402
  d431 01bb      ; ports 54321, 443
  000c 0000      ; length 12, checksum
  c0ffee00       ; payload
`);

describe('tcp', () => {
  it('reads ports, numbers and flags', () => {
    expect(decodeOne(RawIp, IPV4_TCP).frame).toMatchObject({
      protocol: IpProtocol.Tcp,
      srcPort: 50_000,
      dstPort: 443,
      seq: -2,
      ack: -0x7fff_ffff,
      tcpFlags: TcpFlag.Psh | TcpFlag.Ack,
    });
  });

  it('reads a header whose options the snap length cut', () => {
    const { drop, frame } = decodeOne(RawIp, IPV4_TCP.subarray(0, 42), 48);
    expect(drop).toBe(Drop.Decoded);
    expect([frame.payloadAt, frame.payloadEnd, frame.payloadLen]).toEqual([64 + 42, 64 + 42, 4]);
  });

  it('refuses a data offset below five words', () => {
    for (const offset of ['00', '10', '40']) {
      expect(decodeOne(RawIp, patched(IPV4_TCP, 32, offset)).drop).toBe(Drop.TcpBadOffset);
    }
  });

  it('refuses a header longer than the segment', () => {
    expect(decodeOne(RawIp, patched(IPV4_TCP, 32, '80')).drop).toBe(Drop.TcpBadOffset);
    expect(decodeOne(RawIp, patched(IPV4_TCP, 32, '70')).drop).toBe(Drop.Decoded);
  });
});

describe('udp', () => {
  it('reads ports and payload', () => {
    const { drop, frame } = decodeOne(RawIp, IPV4_UDP);
    expect(drop).toBe(Drop.Decoded);
    expect(frame).toMatchObject({
      protocol: IpProtocol.Udp,
      srcPort: 54_321,
      dstPort: 443,
      seq: 0,
      ack: 0,
      tcpFlags: 0,
    });
    expect([frame.payloadAt, frame.payloadEnd, frame.payloadLen]).toEqual([64 + 28, 64 + 32, 4]);
  });

  it('tells at every length what was cut', () => {
    expect(dropsByLength(RawIp, IPV4_UDP)).toEqual([
      `0-19: ${Drop.IpTruncated}`,
      `20-27: ${Drop.UdpTruncated}`,
      `28-32: ${Drop.Decoded}`,
    ]);
  });

  it('cuts what is behind its length, and takes all where the length is zero', () => {
    expect(decodeOne(RawIp, patched(IPV4_UDP, 24, '000a')).frame.payloadLen).toBe(2);
    expect(decodeOne(RawIp, patched(IPV4_UDP, 24, '0000')).frame.payloadLen).toBe(4);
  });

  it('keeps the length by the header where the snap length cut the payload', () => {
    const packet = patched(patched(IPV4_UDP, 2, '0514'), 24, '0500');
    const { frame } = decodeOne(RawIp, packet, 1300);
    expect([frame.payloadEnd - frame.payloadAt, frame.payloadLen]).toEqual([4, 0x500 - 8]);
  });

  it('refuses a length below its header or beyond the datagram', () => {
    for (const length of ['0001', '0007', '000d', 'ffff']) {
      expect(decodeOne(RawIp, patched(IPV4_UDP, 24, length)).drop).toBe(Drop.UdpBadLength);
    }
  });

  it.each([
    ['GTP-U', '0868', Drop.TunnelGtp],
    ['Teredo', '0dd8', Drop.TunnelTeredo],
    ['VXLAN', '12b5', Drop.TunnelVxlan],
    ['GENEVE', '17c1', Drop.TunnelGeneve],
    ['TZSP', '9090', Drop.TunnelTzsp],
  ])('counts %s by its own reason, but not the answer of a server to such a port', (_, port, expected) => {
    const packet = concat(IPV4_UDP);
    expect(decodeOne(RawIp, patched(packet, 22, port)).drop).toBe(expected);
    expect(decodeOne(RawIp, patched(packet, 20, `01bb ${port}`)).drop).toBe(Drop.Decoded);
  });
});
