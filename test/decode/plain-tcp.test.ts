import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/bytes/hex.ts';
import { Decoder } from '../../src/decode/decode-packet.ts';
import { Drop } from '../../src/decode/drop.ts';
import { Frame } from '../../src/decode/frame.ts';
import { decodePlainTcp } from '../../src/decode/plain-tcp.ts';

const RAW_IP = 101;
const ETHERNET_LEN = 14;

/** 192.0.2.1:50000 to 198.51.100.2:443, an option of 4 bytes, payload `ab cd`, two bytes of padding behind it. */
const OVER_IPV4 = fromHex(`
  02 00 00 00 00 02  02 00 00 00 00 01  08 00
  45 00 00 2e 00 01 40 00 40 06 00 00  c0 00 02 01  c6 33 64 02
  c3 50 01 bb  00 00 00 07  80 00 00 09  60 18 01 00 00 00 00 00  02 04 05 b4
  ab cd  00 00`);

/** 2001:db8::1 to 2001:db8::2, no option, payload `ab`. */
const OVER_IPV6 = fromHex(`
  02 00 00 00 00 02  02 00 00 00 00 01  86 dd
  60 00 00 00 00 15 06 40
  20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01
  20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02
  c3 50 01 bb  00 00 00 07  80 00 00 09  50 10 01 00 00 00 00 00
  ab`);

/** What a frame says of the packet, without what only the link layer knows. */
function facts(frame: Frame): object {
  const { buf: _buf, packet: _packet, macAt: _macAt, vlanId: _vlanId, ...rest } = frame;
  return rest;
}

describe('the short cut for plain TCP', () => {
  it('reads a packet over IPv4 and leaves its padding out', () => {
    const frame = new Frame();
    expect(decodePlainTcp(OVER_IPV4, 0, OVER_IPV4.length, frame)).toBe(true);
    expect(frame).toMatchObject({ ipVersion: 4, srcPort: 50_000, dstPort: 443, seq: 7, ack: -2_147_483_639 });
    expect(frame).toMatchObject({ tcpFlags: 0x18, payloadAt: 58, payloadEnd: 60, payloadLen: 2, macAt: 0, vlanId: -1 });
  });

  it('reads a packet over IPv6', () => {
    const frame = new Frame();
    expect(decodePlainTcp(OVER_IPV6, 0, OVER_IPV6.length, frame)).toBe(true);
    expect(frame).toMatchObject({ ipVersion: 6, srcAt: 22, dstAt: 38, payloadAt: 74, payloadEnd: 75, payloadLen: 1 });
  });

  it.each([
    ['IPv4', OVER_IPV4, 60],
    ['IPv6', OVER_IPV6, 75],
  ])('leaves every truncation of a packet over %s to the readers of single headers', (_, packet, wholeAt) => {
    for (let end = 0; end < wholeAt; end++) expect(decodePlainTcp(packet, 0, end, new Frame())).toBe(false);
  });

  it('agrees with the readers of single headers on whatever it accepts', () => {
    const change = fc.record({ at: fc.nat(74), value: fc.nat(255) });
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(OVER_IPV4, OVER_IPV6),
        fc.array(change, { maxLength: 3 }),
        fc.nat(8),
        (base, edits, cut) => {
          const packet = base.slice();
          for (const { at, value } of edits) if (at < packet.length) packet[at] = value;
          const end = packet.length - cut;
          const short = new Frame();
          if (!decodePlainTcp(packet, 0, end, short)) return;
          accepted += 1;
          const long = new Frame();
          const drop = new Decoder().decode(RAW_IP, packet, ETHERNET_LEN, end, packet.length - ETHERNET_LEN, 0, long);
          expect(drop).toBe(Drop.Decoded);
          expect(facts(short)).toEqual(facts(long));
        },
      ),
      { numRuns: 5000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });
});
