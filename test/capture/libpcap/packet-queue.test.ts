import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQueueMemory, PacketQueue } from '../../../src/capture/libpcap/packet-queue.ts';
import { PacketBlock } from '../../../src/capture/packet-source.ts';

function packetsOf(block: PacketBlock): Uint8Array[] {
  return Array.from({ length: block.count }, (_, i) => block.buf.slice(block.at[i], block.at[i]! + block.capLen[i]!));
}

function filled(size: number, byte: number): Uint8Array {
  return new Uint8Array(size).fill(byte);
}

describe('a queue of packets', () => {
  it('gives a packet as it was added, from the other view of its memory', () => {
    const memory = createQueueMemory(1 << 20);
    const block = new PacketBlock();
    expect(new PacketQueue(memory).add(Uint8Array.of(1, 2, 3, 9, 9), 3, 70, 1_700_000_000_123_456)).toBe(true);
    expect(new PacketQueue(memory).take(block, new Uint8Array(100))).toBe(1);
    expect(packetsOf(block)).toEqual([Uint8Array.of(1, 2, 3)]);
    expect([block.wireLen[0], block.tsUs[0], block.iface[0]]).toEqual([70, 1_700_000_000_123_456, 0]);
    expect(block.buf.buffer).not.toBeInstanceOf(SharedArrayBuffer);
  });

  it('drops and counts what finds no room, and goes on when there is some', () => {
    const queue = new PacketQueue(createQueueMemory(0));
    const block = new PacketBlock();
    const target = new Uint8Array(1 << 20);
    const added = Array.from({ length: 200 }, (_, i) => queue.add(filled(1000, i), 1000, 1000, i));
    const taken = added.filter(Boolean).length;
    expect(taken).toBe(129);
    expect(queue.readCounters()).toEqual({ received: 200, dropped: 71, receivedBytes: 200_000, freezes: 1 });
    expect(queue.take(block, target)).toBe(taken);
    expect(queue.add(filled(10, 7), 10, 10, 0)).toBe(true);
    expect(queue.take(block, target)).toBe(1);
    expect(queue.isEmpty).toBe(true);
  });

  it('takes the largest packet wherever it stands when it is empty', () => {
    const queue = new PacketQueue(createQueueMemory(0));
    const block = new PacketBlock();
    const target = new Uint8Array(1 << 17);
    for (let i = 0; i < 5000; i += 1) {
      expect(queue.add(filled(i % 97, 1), i % 97, 0, 0)).toBe(true);
      queue.take(block, target);
      if (i % 50 !== 0) continue;
      expect(queue.add(filled(65_535, 2), 65_535, 65_535, 0)).toBe(true);
      expect(queue.take(block, target)).toBe(1);
    }
  });

  it('takes in nothing after it is stopped, and does not count it', () => {
    const queue = new PacketQueue(createQueueMemory(0));
    queue.add(filled(1, 1), 1, 1, 0);
    queue.stop();
    expect(queue.add(filled(1, 2), 1, 1, 0)).toBe(false);
    expect(queue.readCounters().received).toBe(1);
    expect(queue.take(new PacketBlock(), new Uint8Array(10))).toBe(1);
  });

  it('keeps order and bytes over any course of adding and taking', () => {
    const step = fc.oneof(
      fc.record({ size: fc.integer({ min: 0, max: 65_535 }) }),
      fc.record({ size: fc.integer({ min: 0, max: 300 }) }),
      fc.constant({ size: -1 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new PacketQueue(createQueueMemory(0));
        const block = new PacketBlock();
        const target = new Uint8Array(100_000);
        const waiting: number[] = [];
        let dropped = 0;
        const drain = (): void => {
          queue.take(block, target);
          for (let i = 0; i < block.count; i += 1) {
            const size = waiting.shift()!;
            const bytes = block.buf.subarray(block.at[i], block.at[i]! + block.capLen[i]!);
            expect(bytes.length).toBe(size);
            expect(bytes.every((byte) => byte === size % 251)).toBe(true);
          }
        };
        for (const { size } of steps) {
          if (size < 0) drain();
          else if (queue.add(filled(size, size % 251), size, size, 0)) waiting.push(size);
          else dropped += 1;
        }
        while (!queue.isEmpty) drain();
        expect(waiting).toEqual([]);
        expect(queue.readCounters().dropped).toBe(dropped);
      }),
    );
  });
});
