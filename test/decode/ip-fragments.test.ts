import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Decoder } from '../../src/decode/decode-packet.ts';
import { Drop } from '../../src/decode/drop.ts';
import { Frame } from '../../src/decode/frame.ts';
import {
  FRAGMENT_MEMORY_S,
  FRAGMENT_TIMEOUT_S,
  MAX_DATAGRAMS,
  MAX_FRAGMENT_BYTES,
  MAX_FRAGMENTS,
  MAX_HEADERS,
} from '../../src/decode/limits.ts';
import { concat, hex, IPV4_TCP, IPV6_TCP, LinkType, MACS, patched, TCP } from './packets.ts';

const { RawIp, Ethernet } = LinkType;
const V4_ADDRESSES = IPV4_TCP.subarray(12, 20);
const V6_ADDRESSES = IPV6_TCP.subarray(8, 40);

/** 44 bytes: a TCP header of 24, then payload 0, 1, 2... */
const SEGMENT = concat(
  TCP.subarray(0, 24),
  Uint8Array.from({ length: 20 }, (_, i) => i),
);

interface FragmentOf {
  readonly from: number;
  readonly data: Uint8Array;
  readonly more: boolean;
  readonly id?: number;
  readonly protocol?: number;
}

function u16(n: number): Uint8Array {
  return Uint8Array.of(n >> 8, n & 0xff);
}

function v4({ from, data, more, id = 7, protocol = 6 }: FragmentOf): Uint8Array {
  const offset = (from >> 3) | (more ? 0x2000 : 0);
  return concat(
    hex('45 00'),
    u16(20 + data.length),
    u16(id),
    u16(offset),
    Uint8Array.of(64, protocol, 0, 0),
    V4_ADDRESSES,
    data,
  );
}

function v6({ from, data, more, id = 7, protocol = 6 }: FragmentOf): Uint8Array {
  const header = concat(Uint8Array.of(protocol, 0), u16(from | (more ? 1 : 0)), u16(id >> 16), u16(id & 0xffff));
  return concat(hex('60000000'), u16(8 + data.length), Uint8Array.of(44, 64), V6_ADDRESSES, header, data);
}

const VERSIONS = [
  ['IPv4', v4, 20],
  ['IPv6', v6, 40],
] as const;

type Build = (fragment: FragmentOf) => Uint8Array;

/** The fragments of `data` cut at these offsets, in order. */
function cut(build: Build, data: Uint8Array, at: readonly number[], id = 7): Uint8Array[] {
  const edges = [0, ...at, data.length];
  return edges.slice(1).map((to, i) => {
    const from = edges[i]!;
    return build({ from, data: data.subarray(from, to), more: to < data.length, id });
  });
}

/** A decoder and its frame, fed packet by packet. */
class Feed {
  readonly decoder = new Decoder();
  readonly frame = new Frame();

  one(packet: Uint8Array, nowSec = 0, linkType: number = RawIp, wireLen = packet.length): Drop {
    return this.decoder.decode(linkType, packet, 0, packet.length, wireLen, nowSec, this.frame);
  }

  all(packets: readonly Uint8Array[]): Drop[] {
    return packets.map((packet) => this.one(packet));
  }

  get payload(): number[] {
    return [...this.frame.buf.subarray(this.frame.payloadAt, this.frame.payloadEnd)];
  }
}

const PAYLOAD = [...SEGMENT.subarray(24)];

describe.each(VERSIONS)('fragments of %s', (name, build, headerLen) => {
  it('are put together in order', () => {
    const feed = new Feed();
    const packets = cut(build, SEGMENT, [24, 32]);
    expect(feed.all(packets)).toEqual([Drop.FragmentHeld, Drop.FragmentHeld, Drop.Decoded]);
    expect(feed.payload).toEqual(PAYLOAD);
    expect(feed.frame).toMatchObject({ srcPort: 50_000, dstPort: 443, seq: -2, payloadLen: 20 });
    expect(feed.decoder.fragments.counters).toMatchObject({ reassembled: 1, conflicts: 0 });
    expect(feed.decoder.fragments.heldBytes).toBe(0);
  });

  it('give a frame whose addresses lie in the datagram and whose packet is the last fragment', () => {
    const feed = new Feed();
    const packets = cut(build, SEGMENT, [24]);
    feed.all(packets);
    const { buf, packet, srcAt, dstAt, ipVersion } = feed.frame;
    expect(packet).toBe(packets[1]);
    expect(buf.length).toBe(headerLen + SEGMENT.length);
    const addresses = ipVersion === 4 ? V4_ADDRESSES : V6_ADDRESSES;
    expect([...buf.subarray(srcAt, dstAt + addresses.length / 2)]).toEqual([...addresses]);
  });

  it('are put together in any order, cut anywhere, with duplicates', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 5 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        fc.boolean(),
        (cuts, order, isDoubled) => {
          const at = cuts.toSorted((a, b) => a - b).map((n) => 8 * n);
          fc.pre(at.length > 0);
          const parts = cut(build, SEGMENT, at);
          const packets = (isDoubled ? [...parts, ...parts] : parts)
            .map((packet) => ({ packet, key: order.next().value }))
            .toSorted((a, b) => a.key - b.key)
            .map(({ packet }) => packet);
          const feed = new Feed();
          const payloads = packets.flatMap((packet) => (feed.one(packet) === Drop.Decoded ? [feed.payload] : []));
          expect(payloads).toEqual([PAYLOAD]);
          expect(feed.decoder.fragments.counters.conflicts).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('may be as small as eight bytes, the first one too', () => {
    const feed = new Feed();
    const drops = feed.all(cut(build, SEGMENT, [8, 16, 24, 32, 40]).toReversed());
    expect(drops.at(-1)).toBe(Drop.Decoded);
    expect(feed.payload).toEqual(PAYLOAD);
  });

  it('are told from those of another id, and of another VLAN', () => {
    const feed = new Feed();
    const [first, last] = cut(build, SEGMENT, [24]);
    const [, other] = cut(build, SEGMENT, [24], 8);
    const type = name === 'IPv4' ? '0800' : '86dd';
    expect(feed.all([first!, other!])).toEqual([Drop.FragmentHeld, Drop.FragmentHeld]);
    expect(feed.one(concat(MACS, hex(`8100 0005 ${type}`), last!), 0, Ethernet)).toBe(Drop.FragmentHeld);
    expect(feed.one(concat(MACS, hex(type), last!), 0, Ethernet)).toBe(Drop.Decoded);
    expect(feed.frame.macAt).toBe(0);
  });

  it('are not held twice: a duplicate is counted as one', () => {
    const feed = new Feed();
    const [first, last] = cut(build, SEGMENT, [24]);
    expect(feed.all([first!, first!, last!])).toEqual([Drop.FragmentHeld, Drop.FragmentDuplicate, Drop.Decoded]);
  });

  it('that come after their datagram are late, until its id may be used again', () => {
    const feed = new Feed();
    const packets = cut(build, SEGMENT, [24]);
    feed.all(packets);
    expect(feed.one(packets[1]!, FRAGMENT_MEMORY_S)).toBe(Drop.FragmentLate);
    expect(feed.one(packets[1]!, FRAGMENT_MEMORY_S + 1)).toBe(Drop.FragmentHeld);
    expect(feed.decoder.fragments.counters.timedOut).toBe(0);
  });

  it('time out in packet time, and the datagram is counted', () => {
    const [first, last] = cut(build, SEGMENT, [24]);
    const inTime = new Feed();
    inTime.one(first!, 1000);
    expect(inTime.one(last!, 1000 + FRAGMENT_TIMEOUT_S)).toBe(Drop.Decoded);
    const tooLate = new Feed();
    tooLate.one(first!, 1000);
    expect(tooLate.one(last!, 1001 + FRAGMENT_TIMEOUT_S)).toBe(Drop.FragmentHeld);
    expect(tooLate.decoder.fragments.counters.timedOut).toBe(1);
    expect(tooLate.decoder.fragments.size).toBe(1);
  });

  it('time out where packet time jumps backwards, and count on over the wrap of seconds', () => {
    const [first, last] = cut(build, SEGMENT, [24]);
    const backwards = new Feed();
    backwards.one(first!, 1000);
    expect(backwards.one(last!, 1000 - FRAGMENT_TIMEOUT_S - 1)).toBe(Drop.FragmentHeld);
    const wrapped = new Feed();
    wrapped.one(first!, 0x7fff_ffff);
    expect(wrapped.one(last!, -0x8000_0000)).toBe(Drop.Decoded);
  });

  it.each([
    ['is empty', { from: 8, data: new Uint8Array(0), more: false }, Drop.FragmentBadLength],
    ['is empty and not the last', { from: 0, data: new Uint8Array(0), more: true }, Drop.FragmentBadLength],
    [
      'is not a multiple of eight, with more to come',
      { from: 0, data: new Uint8Array(9), more: true },
      Drop.FragmentBadLength,
    ],
    [
      'reaches beyond the largest datagram',
      { from: 65_528, data: new Uint8Array(8), more: false },
      Drop.FragmentTooLong,
    ],
  ])('are refused where one %s', (_, fragment, expected) => {
    const feed = new Feed();
    expect(feed.one(build(fragment))).toBe(expected);
    expect(feed.decoder.fragments.size).toBe(0);
  });

  it('are refused where the snap length cut one', () => {
    const feed = new Feed();
    const [first] = cut(build, SEGMENT, [24]);
    const drop = feed.one(first!.subarray(0, first!.length - 1), 0, RawIp, first!.length);
    expect(drop).toBe(Drop.FragmentTruncated);
  });

  it('are refused where one contradicts the end that another gave', () => {
    const beyond = new Feed();
    const end = build({ from: 24, data: SEGMENT.subarray(24, 40), more: false });
    const more = build({ from: 40, data: new Uint8Array(8), more: true });
    expect(beyond.all([end, more])).toEqual([Drop.FragmentHeld, Drop.FragmentBadEnd]);
    expect(new Feed().all([more, end])).toEqual([Drop.FragmentHeld, Drop.FragmentBadEnd]);
    const otherEnd = build({ from: 24, data: SEGMENT.subarray(24, 32), more: false });
    expect(new Feed().all([end, otherEnd])).toEqual([Drop.FragmentHeld, Drop.FragmentBadEnd]);
  });

  it('hold as many datagrams as the cap; the oldest makes room', () => {
    const feed = new Feed();
    const data = SEGMENT.subarray(0, 24);
    for (let id = 0; id <= MAX_DATAGRAMS; id++) feed.one(build({ from: 0, data, more: true, id }));
    expect(feed.decoder.fragments.size).toBe(MAX_DATAGRAMS);
    expect(feed.decoder.fragments.counters.evicted).toBe(1);
    expect(feed.one(build({ from: 24, data: SEGMENT.subarray(24), more: false, id: 1 }))).toBe(Drop.Decoded);
    expect(feed.one(build({ from: 24, data: SEGMENT.subarray(24), more: false, id: 0 }))).toBe(Drop.FragmentHeld);
  });

  it('hold as many bytes as the cap', () => {
    const feed = new Feed();
    const data = new Uint8Array(60_000);
    for (let id = 0; id < 400; id++) {
      feed.one(build({ from: 0, data, more: true, id }));
      expect(feed.decoder.fragments.heldBytes).toBeLessThanOrEqual(MAX_FRAGMENT_BYTES);
    }
    expect(feed.decoder.fragments.counters.evicted).toBe(400 - Math.floor(MAX_FRAGMENT_BYTES / 60_256));
  });

  it('are refused beyond the cap of one datagram, with all that follows', () => {
    const feed = new Feed();
    const tiny = (i: number): Uint8Array => build({ from: 8 + 16 * i, data: new Uint8Array(8), more: true });
    for (let i = 0; i < MAX_FRAGMENTS; i++) expect(feed.one(tiny(i))).toBe(Drop.FragmentHeld);
    expect(feed.one(tiny(MAX_FRAGMENTS))).toBe(Drop.FragmentTooMany);
    expect(feed.one(tiny(MAX_FRAGMENTS + 1))).toBe(Drop.FragmentRefused);
    expect(feed.decoder.fragments.counters.refused).toBe(1);
    expect(feed.decoder.fragments.heldBytes).toBe(0);
  });

  it('make a datagram of the largest size', () => {
    const feed = new Feed();
    const largest = name === 'IPv4' ? 65_515 : 65_535;
    const data = concat(SEGMENT, new Uint8Array(largest - SEGMENT.length));
    // The last one begins where a multiple of eight does, and is short enough for its own packet.
    const drops = feed.all(cut(build, data, [32_768, 65_504]));
    expect(drops.at(-1)).toBe(Drop.Decoded);
    expect(feed.frame.payloadLen).toBe(largest - 24);
  });

  it('never hold more than the caps, whatever comes', () => {
    const feed = new Feed();
    const some = fc.record({
      from: fc.nat(40).map((n) => 8 * n),
      data: fc.uint8Array({ maxLength: 64 }),
      more: fc.boolean(),
      id: fc.nat(5),
    });
    fc.assert(
      fc.property(some, fc.nat(100), (fragment, sec) => {
        feed.one(build(fragment), sec);
        expect(feed.decoder.fragments.heldBytes).toBeGreaterThanOrEqual(0);
        expect(feed.decoder.fragments.size).toBeLessThanOrEqual(6);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('overlaps', () => {
  // "teardrop": the second fragment lies inside the first, and ends before it.
  const whole = (build: Build): Uint8Array => build({ from: 0, data: SEGMENT.subarray(0, 40), more: true });
  const inside = (build: Build, data: Uint8Array): Uint8Array => build({ from: 8, data, more: true });

  it('keep the first bytes in IPv4 and count the conflict', () => {
    const feed = new Feed();
    const late = concat(new Uint8Array(16).fill(0xee), SEGMENT.subarray(40));
    const drops = feed.all([whole(v4), v4({ from: 24, data: late, more: false })]);
    expect(drops).toEqual([Drop.FragmentHeld, Drop.Decoded]);
    expect(feed.payload).toEqual(PAYLOAD);
    expect(feed.decoder.fragments.counters.conflicts).toBe(1);
  });

  it('fill every gap in IPv4, also several with one fragment', () => {
    const feed = new Feed();
    const part = (from: number, to: number): Uint8Array =>
      v4({ from, data: SEGMENT.subarray(from, to), more: to < SEGMENT.length });
    const drops = feed.all([part(8, 16), part(24, 32), part(40, 44), part(0, 40)]);
    expect(drops.at(-1)).toBe(Drop.Decoded);
    expect(feed.payload).toEqual(PAYLOAD);
    expect(feed.decoder.fragments.counters.conflicts).toBe(0);
  });

  it('that add nothing in IPv4 are an overlap if they differ, a duplicate if not', () => {
    const feed = new Feed();
    expect(feed.one(whole(v4))).toBe(Drop.FragmentHeld);
    expect(feed.one(inside(v4, SEGMENT.subarray(8, 24)))).toBe(Drop.FragmentDuplicate);
    expect(feed.one(inside(v4, new Uint8Array(16).fill(0xee)))).toBe(Drop.FragmentOverlap);
    expect(feed.one(v4({ from: 8, data: new Uint8Array(3), more: false }))).toBe(Drop.FragmentBadEnd);
    expect(feed.one(v4({ from: 40, data: SEGMENT.subarray(40), more: false }))).toBe(Drop.Decoded);
    expect(feed.payload).toEqual(PAYLOAD);
  });

  it('make IPv6 give the datagram up (RFC 5722), even where the bytes agree', () => {
    const feed = new Feed();
    const last = v6({ from: 32, data: SEGMENT.subarray(32), more: false });
    expect(feed.all([whole(v6), last])).toEqual([Drop.FragmentHeld, Drop.FragmentOverlap]);
    const rest = v6({ from: 40, data: SEGMENT.subarray(40), more: false });
    expect(feed.one(rest)).toBe(Drop.FragmentRefused);
    expect(feed.decoder.fragments.counters.refused).toBe(1);
    expect(feed.one(rest, FRAGMENT_TIMEOUT_S + 1)).toBe(Drop.FragmentHeld);
  });

  it('make IPv6 give up on other bytes for the same place, but not on the same bytes', () => {
    const feed = new Feed();
    const changed = v6({ from: 0, data: patched(SEGMENT.subarray(0, 40), 0, 'ee'), more: true });
    expect(feed.all([whole(v6), whole(v6), changed])).toEqual([
      Drop.FragmentHeld,
      Drop.FragmentDuplicate,
      Drop.FragmentOverlap,
    ]);
  });

  it('with the end make IPv6 give up', () => {
    const feed = new Feed();
    expect(feed.all([whole(v6), v6({ from: 8, data: new Uint8Array(3), more: false }), whole(v6)])).toEqual([
      Drop.FragmentHeld,
      Drop.FragmentBadEnd,
      Drop.FragmentRefused,
    ]);
  });
});

describe('fragments inside other headers', () => {
  it('keep IPv4 protocols apart', () => {
    const feed = new Feed();
    const [first, last] = cut(v4, SEGMENT, [24]);
    expect(feed.one(first!)).toBe(Drop.FragmentHeld);
    expect(feed.one(patched(last!, 9, '11'))).toBe(Drop.FragmentHeld);
    expect(feed.one(last!)).toBe(Drop.Decoded);
  });

  it('read IPv4 options on fragments, and cut Ethernet padding off', () => {
    const feed = new Feed();
    const [first, last] = cut(v4, SEGMENT, [40]);
    const withOptions = concat(patched(first!.subarray(0, 20), 0, '46 00 0040'), hex('94040000'), first!.subarray(20));
    expect(feed.one(concat(MACS, hex('0800'), withOptions), 0, Ethernet)).toBe(Drop.FragmentHeld);
    expect(feed.one(concat(MACS, hex('0800'), last!, new Uint8Array(22)), 0, Ethernet)).toBe(Drop.Decoded);
    expect(feed.payload).toEqual(PAYLOAD);
  });

  it('take extension headers before and behind the IPv6 fragment header, by the fragment at offset 0', () => {
    const feed = new Feed();
    const options = hex('06 00 0104 00000000');
    const [first, last] = cut((f) => v6({ ...f, protocol: 60 }), concat(options, SEGMENT), [24]);
    // Hop-by-hop options in front: next header 0, then 44.
    const behindHopByHop = (packet: Uint8Array): Uint8Array =>
      concat(
        packet.subarray(0, 4),
        u16(packet.length - 40 + 8),
        hex('00 40'),
        packet.subarray(8, 40),
        hex('2c 00 0104 00000000'),
        packet.subarray(40),
      );
    // The next header of a later fragment does not count.
    const wrongNext = patched(behindHopByHop(last!), 48, '11');
    expect(feed.one(wrongNext)).toBe(Drop.FragmentHeld);
    expect(feed.one(behindHopByHop(first!))).toBe(Drop.Decoded);
    expect(feed.payload).toEqual(PAYLOAD);
  });

  it('end the walk where datagrams nest beyond the cap of headers', () => {
    const depth = MAX_HEADERS;
    const feed = new Feed();
    const options = hex('2c 00 0104 00000000'); // Destination options, then another fragment.
    const fragmentHeader = (id: number): Uint8Array => concat(hex('3c 00 0008'), u16(0), u16(id));
    for (let id = 1; id <= depth; id++) {
      expect(feed.one(v6({ from: 0, data: options, more: true, id, protocol: 60 }))).toBe(Drop.FragmentHeld);
    }
    const nested = concat(...Array.from({ length: depth - 1 }, (_, i) => fragmentHeader(i + 2)), new Uint8Array(8));
    expect(feed.one(v6({ from: 8, data: nested, more: false, id: 1, protocol: 60 }))).toBe(Drop.TooManyHeaders);
  });
});
