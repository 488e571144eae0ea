import { assert, boolean, nat, property, record, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { moveToNetwork } from '../../bench/readdress.ts';
import { buildIp, buildLink, buildTcp, LinkType } from '../../tools/make-pcap/packet-writer.ts';

/** The packet as the packet writer makes it in network `k`, checksums computed over all of it. */
function packetIn(k: number, isIpv6: boolean, fields: Parameters<typeof buildTcp>[2], payload: Uint8Array): Uint8Array {
  const hex = k.toString(16);
  const src = isIpv6 ? `2001:2:0:${hex}:1::7` : `198.18.${k}.7`;
  const dst = isIpv6 ? `2001:2:0:${hex}::3` : `198.19.${k}.3`;
  const ip = buildIp({ src, dst, protocol: 6 }, buildTcp(src, dst, fields, payload));
  return buildLink(LinkType.Ethernet, { srcMac: '02:00:00:00:00:01', dstMac: '02:00:00:00:00:02' }, ip);
}

describe('moving a packet to another network', () => {
  it('gives the packet that would have been written there, checksums included', () => {
    const fields = record({
      srcPort: nat(0xffff),
      dstPort: nat(0xffff),
      seq: nat(0xffff_ffff),
      ack: nat(0xffff_ffff),
      flags: nat(0xff),
      options: uint8Array({ maxLength: 20 }),
    });
    const payload = uint8Array({ maxLength: 50 });
    assert(
      property(nat(255), boolean(), fields, payload, (network, isIpv6, tcp, bytes) => {
        const packet = packetIn(0, isIpv6, tcp, bytes);
        moveToNetwork(packet, 0, network);
        expect(packet).toEqual(packetIn(network, isIpv6, tcp, bytes));
      }),
    );
  });

  it('touches nothing before and behind the packet', () => {
    const packet = packetIn(0, false, { srcPort: 1, dstPort: 2, seq: 3, ack: 4, flags: 16 }, Uint8Array.of(1, 2, 3, 4));
    const buf = new Uint8Array(packet.length + 64).fill(0xee);
    buf.set(packet, 32);
    moveToNetwork(buf, 32, 9);
    expect(buf.subarray(0, 32).every((byte) => byte === 0xee)).toBe(true);
    expect(buf.subarray(32 + packet.length).every((byte) => byte === 0xee)).toBe(true);
  });
});
