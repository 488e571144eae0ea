import { endianness } from 'node:os';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK_PACKETS, PacketBlock } from '../../src/capture/packet-source.ts';
import { type RingShape, RingWalker } from '../../src/capture/ring-block.ts';
import { type FakePacket, FakeRing } from '../support/fake-ring.ts';

const BLOCK_BYTES = 65_536;
const READER = 1;
const KERNEL = 0;

function shapeOf(blocks: number, more: Partial<RingShape> = {}): RingShape {
  return { blockBytes: BLOCK_BYTES, blocks, hasOutgoing: false, isEthernet: true, ...more };
}

function frame(n: number, length = 60): Uint8Array {
  const bytes = new Uint8Array(length).fill(n);
  bytes[12] = 0x08;
  bytes[13] = 0x00;
  return bytes;
}

/** The packets of a block as copies. */
function packetsOf(block: PacketBlock): Uint8Array[] {
  return Array.from({ length: block.count }, (_, i) => block.buf.slice(block.at[i], block.at[i]! + block.capLen[i]!));
}

// The fake ring writes as a little-endian kernel does.
describe.skipIf(endianness() !== 'LE')('a ring', () => {
  it('gives the packets of all blocks that are ready, with their times and lengths', () => {
    const ring = new FakeRing(BLOCK_BYTES, 4);
    ring.fill(0, [
      { bytes: frame(1), seconds: 1_700_000_000, nanoseconds: 123_456_789 },
      { bytes: frame(2, 61), wireLength: 1500 },
    ]);
    ring.fill(1, [{ bytes: frame(3), seconds: 0xffff_fff0, nanoseconds: 999_999_999 }]);
    const walker = new RingWalker(ring.buffer, shapeOf(4));
    const block = new PacketBlock();
    expect(walker.read(block)).toBe(3);
    expect(packetsOf(block)).toEqual([frame(1), frame(2, 61), frame(3)]);
    expect([...block.tsUs.subarray(0, 3)]).toEqual([1_700_000_000_123_456, 0, 4_294_967_280_999_999]);
    expect([...block.wireLen.subarray(0, 3)]).toEqual([60, 1500, 60]);
    expect(walker).toMatchObject({ walked: 3, walkedBytes: 181, truncated: 1, corrupt: 0 });
  });

  it('gives a block back only when its packets were used', () => {
    const ring = new FakeRing(BLOCK_BYTES, 2);
    ring.fill(0, [{ bytes: frame(1) }]);
    const walker = new RingWalker(ring.buffer, shapeOf(2));
    const block = new PacketBlock();
    walker.read(block);
    expect(ring.status(0)).toBe(READER);
    expect(walker.read(block)).toBe(0);
    expect(ring.status(0)).toBe(KERNEL);
  });

  it('goes round, and never reads a block twice that it holds', () => {
    const ring = new FakeRing(BLOCK_BYTES, 2);
    const walker = new RingWalker(ring.buffer, shapeOf(2));
    const block = new PacketBlock();
    for (let round = 0; round < 5; round++) {
      ring.fill(0, [{ bytes: frame(2 * round) }]);
      ring.fill(1, [{ bytes: frame(2 * round + 1) }]);
      expect(walker.read(block)).toBe(2);
      expect(packetsOf(block)).toEqual([frame(2 * round), frame(2 * round + 1)]);
      expect(walker.read(block)).toBe(0);
    }
  });

  it('steps over blocks that a time-out closed empty', () => {
    const ring = new FakeRing(BLOCK_BYTES, 3);
    ring.fill(0, []);
    ring.fill(1, []);
    ring.fill(2, [{ bytes: frame(7) }]);
    const walker = new RingWalker(ring.buffer, shapeOf(3));
    const block = new PacketBlock();
    expect(walker.read(block)).toBe(1);
    expect(packetsOf(block)).toEqual([frame(7)]);
    expect(walker.read(block)).toBe(0);
    expect([0, 1, 2].map((n) => ring.status(n))).toEqual([KERNEL, KERNEL, KERNEL]);
  });

  it('goes on in the middle of a ring block where that has more packets than a block can name', () => {
    const blockBytes = 1 << 20;
    const ring = new FakeRing(blockBytes, 1);
    const packets = Array.from({ length: BLOCK_PACKETS + 10 }, (_, i) => ({ bytes: frame(i & 0xff, 20) }));
    ring.fill(0, packets);
    const walker = new RingWalker(ring.buffer, shapeOf(1, { blockBytes }));
    const block = new PacketBlock();
    expect(walker.read(block)).toBe(BLOCK_PACKETS);
    expect(ring.status(0)).toBe(READER);
    expect(walker.read(block)).toBe(10);
    expect(packetsOf(block)[9]).toEqual(frame((BLOCK_PACKETS + 9) & 0xff, 20));
    expect(ring.status(0)).toBe(READER);
    expect(walker.read(block)).toBe(0);
    expect(ring.status(0)).toBe(KERNEL);
  });

  it('puts a VLAN tag back where it was, with its protocol', () => {
    const ring = new FakeRing(BLOCK_BYTES, 1);
    ring.fill(0, [
      { bytes: frame(5), vlan: { tci: 0x2123, tpid: 0x88a8 } },
      { bytes: frame(6), vlan: { tci: 7 } },
      { bytes: frame(9, 11), vlan: { tci: 7 } },
    ]);
    const walker = new RingWalker(ring.buffer, shapeOf(1));
    const block = new PacketBlock();
    walker.read(block);
    const [qinq, plain, short] = packetsOf(block);
    const tagged = (n: number, tag: number[]) =>
      new Uint8Array([...frame(n).subarray(0, 12), ...tag, ...frame(n).subarray(12)]);
    expect(qinq).toEqual(tagged(5, [0x88, 0xa8, 0x21, 0x23]));
    expect(plain).toEqual(tagged(6, [0x81, 0x00, 0x00, 0x07]));
    // No room for two addresses: there is no place for a tag.
    expect(short).toEqual(frame(9, 11));
    expect([...block.wireLen.subarray(0, 3)]).toEqual([64, 64, 11]);
  });

  it('leaves outgoing packets out where the kernel does not, and counts them', () => {
    const packets: FakePacket[] = [{ bytes: frame(1) }, { bytes: frame(2), type: 4 }, { bytes: frame(3), type: 3 }];
    const ring = new FakeRing(BLOCK_BYTES, 1);
    ring.fill(0, packets);
    const walker = new RingWalker(ring.buffer, shapeOf(1, { hasOutgoing: true }));
    const block = new PacketBlock();
    expect(walker.read(block)).toBe(2);
    expect(packetsOf(block)).toEqual([frame(1), frame(3)]);
    expect(walker).toMatchObject({ walked: 2, outgoing: 1 });
  });

  it.each([
    ['a packet longer than its block', 12, BLOCK_BYTES],
    ['a length beyond 2^31', 12, 0xffff_ffff],
    ['a next packet behind the block', 0, BLOCK_BYTES],
    ['a next packet at an odd place', 0, 99],
    ['a packet that is its own next', 0, 0],
    ['a packet that begins inside of its header', 24, 8],
    ['a packet without room for a tag', 24, 71],
  ])('gives the block up at %s, and goes on with the next', (_name, field, value) => {
    const ring = new FakeRing(BLOCK_BYTES, 2);
    const headers = ring.fill(0, [{ bytes: frame(1) }, { bytes: frame(2) }, { bytes: frame(3) }]);
    ring.view.setUint32(headers[1]! + field, value, true);
    ring.fill(1, [{ bytes: frame(4) }]);
    const walker = new RingWalker(ring.buffer, shapeOf(2));
    const block = new PacketBlock();
    walker.read(block);
    const packets = packetsOf(block);
    expect(packets[0]).toEqual(frame(1));
    expect(packets.at(-1)).toEqual(frame(4));
    expect(walker.corrupt).toBe(1);
    walker.read(block);
    expect([ring.status(0), ring.status(1)]).toEqual([KERNEL, KERNEL]);
  });

  it('never gives bytes from outside of a block, whatever is in the ring', () => {
    const blocks = 3;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 400 }), fc.nat(), (noise, seed) => {
        const ring = new FakeRing(BLOCK_BYTES, blocks);
        const bytes = new Uint8Array(ring.buffer);
        for (let block = 0; block < blocks; block++) {
          ring.fill(block, [{ bytes: frame(1) }, { bytes: frame(2) }]);
          bytes.set(noise, block * BLOCK_BYTES + 12 + ((seed >>> (4 * block)) & 63));
        }
        const walker = new RingWalker(ring.buffer, shapeOf(blocks));
        const block = new PacketBlock();
        const outside: string[] = [];
        for (let turn = 0; turn < 8; turn++) {
          walker.read(block);
          for (let i = 0; i < block.count; i++) {
            const at = block.at[i]!;
            const end = at + block.capLen[i]!;
            const isInside =
              at >= 0 && Math.floor(at / BLOCK_BYTES) === Math.floor(Math.max(at, end - 1) / BLOCK_BYTES);
            if (!isInside) outside.push(`bytes ${at} to ${end}`);
          }
        }
        expect(outside).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});
