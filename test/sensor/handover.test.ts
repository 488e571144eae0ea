import { describe, expect, it } from 'vitest';
import { type HandedBatch, Handover } from '../../src/sensor/handover.ts';
import { HandoverLedger } from '../../src/sensor/handover-ledger.ts';
import { HANDOVER_AGE_MS, HANDOVER_BYTES } from '../../src/sensor/limits.ts';

class Bench {
  readonly ledger = new HandoverLedger();
  readonly batches: HandedBatch[] = [];
  readonly dropped: [number, number][] = [];
  readonly handover: Handover;
  #seq = 0;

  constructor(maxWaitingBytes = 10 * HANDOVER_BYTES) {
    this.handover = new Handover('boot', this.ledger, maxWaitingBytes, {
      onBatch: (batch) => this.batches.push(batch),
      onDropped: (firstSeq, count) => this.dropped.push([firstSeq, count]),
    });
  }

  event(size: number, nowMs = 0): void {
    const line = new Uint8Array(size).fill(0x61 + (this.#seq % 26));
    line[size - 1] = 0x0a;
    this.handover.append(line, this.#seq++, nowMs);
  }

  /** The main thread takes a batch. */
  take({ lines }: HandedBatch): void {
    this.ledger.take(lines.length);
  }
}

describe('Handover', () => {
  it('gathers lines, and hands them over when they are old enough', () => {
    const bench = new Bench();
    bench.event(5, 1000);
    bench.event(3, 1050);
    bench.handover.tick(1000 + HANDOVER_AGE_MS - 1);
    expect(bench.batches).toEqual([]);
    bench.handover.tick(1000 + HANDOVER_AGE_MS);
    expect(bench.batches.length).toBe(1);
    const { lines, ends, ...rest } = bench.batches[0]!;
    expect(rest).toEqual({ bootId: 'boot', firstSeq: 0, count: 2 });
    expect(Buffer.from(lines).toString()).toBe('aaaa\nbb\n');
    expect([...ends]).toEqual([5, 8]);
    bench.handover.tick(10_000);
    bench.handover.flush();
    expect(bench.batches.length).toBe(1);
  });

  it('hands over before a batch gets larger than its bound, and numbers go on', () => {
    const bench = new Bench();
    for (let i = 0; i < 5; i++) bench.event(100_000);
    bench.handover.flush();
    expect(bench.batches.map(({ firstSeq, count }) => [firstSeq, count])).toEqual([
      [0, 2],
      [2, 2],
      [4, 1],
    ]);
  });

  it('takes an event that is larger than a batch', () => {
    const bench = new Bench();
    bench.event(3 * HANDOVER_BYTES);
    bench.event(10);
    bench.handover.flush();
    expect(bench.batches.map(({ lines }) => lines.length)).toEqual([3 * HANDOVER_BYTES, 10]);
  });

  it('takes more events than there were ends for', () => {
    const bench = new Bench();
    for (let i = 0; i < 3000; i++) bench.event(10);
    bench.handover.flush();
    expect([...bench.batches[0]!.ends]).toEqual(Array.from({ length: 3000 }, (_, i) => 10 * (i + 1)));
  });

  it('drops batches while too much waits, tells them as one range, and goes on when there is room', () => {
    const bench = new Bench(250);
    for (let i = 0; i < 5; i++) {
      bench.event(100);
      bench.handover.flush();
    }
    expect([bench.batches.length, bench.dropped]).toEqual([2, []]);
    expect(bench.ledger.waitingBytes).toBe(200);
    bench.take(bench.batches[0]!);
    bench.event(100);
    bench.handover.flush();
    expect(bench.dropped).toEqual([[2, 3]]);
    expect(bench.batches.map(({ firstSeq }) => firstSeq)).toEqual([0, 1, 5]);
    bench.event(100);
    bench.handover.flush();
    bench.handover.tellDropped();
    bench.handover.tellDropped();
    expect(bench.dropped).toEqual([
      [2, 3],
      [6, 1],
    ]);
    expect(bench.ledger.made).toBe(7);
  });

  it('uses memory that comes back', () => {
    const bench = new Bench();
    bench.event(10);
    bench.handover.flush();
    const [first] = bench.batches;
    bench.handover.takeBack(first!.lines.buffer, first!.ends.buffer);
    for (let i = 0; i < 2; i++) {
      bench.event(10);
      bench.handover.flush();
    }
    expect(bench.batches[2]!.lines.buffer).toBe(first!.lines.buffer);
    expect(bench.batches[1]!.lines.buffer).not.toBe(first!.lines.buffer);
  });
});
