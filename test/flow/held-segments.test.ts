import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeldSegments } from '../../src/flow/held-segments.ts';
import { MAX_HELD_BYTES, MAX_HELD_RUNS, RUN_COST_BYTES } from '../../src/flow/limits.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

function hold(held: HeldSegments, seq: number, text: string): boolean {
  const buf = bytes(text);
  return held.hold(seq, buf, 0, buf.length);
}

function takeAll(held: HeldSegments, from: number): string {
  let next = from;
  let text = '';
  for (let run = held.take(next); run !== null; run = held.take(next)) {
    text += Buffer.from(run).toString('latin1');
    next = (next + run.length) | 0;
  }
  return text;
}

describe('HeldSegments', () => {
  it('gives runs back in order once the hole before them is filled', () => {
    const held = new HeldSegments();
    hold(held, 20, 'later');
    hold(held, 10, 'sooner');
    expect(held.firstSeq).toBe(10);
    expect(held.take(9)).toBeNull();
    expect(takeAll(held, 10)).toBe('sooner');
    expect(held.firstSeq).toBe(20);
    expect(takeAll(held, 20)).toBe('later');
    expect(held.isEmpty).toBe(true);
    expect(held.sizeBytes).toBe(0);
  });

  it('keeps the bytes that came first, and counts those that differ', () => {
    const held = new HeldSegments();
    hold(held, 12, 'CCC');
    hold(held, 10, 'aaxCyz');
    expect(held.conflicts).toBe(2);
    expect(takeAll(held, 10)).toBe('aaCCCz');
  });

  it('trims a run that is partly delivered, and drops one that is wholly', () => {
    const held = new HeldSegments();
    hold(held, 10, 'abc');
    hold(held, 20, 'def');
    expect(takeAll(held, 12)).toBe('c');
    expect(held.take(30)).toBeNull();
    expect(held.isEmpty).toBe(true);
    expect(held.sizeBytes).toBe(0);
  });

  it('copies what it keeps', () => {
    const held = new HeldSegments();
    const buf = bytes('abc');
    held.hold(1, buf, 0, 3);
    buf.fill(0);
    expect(takeAll(held, 1)).toBe('abc');
  });

  it('refuses one run more than its cap', () => {
    const held = new HeldSegments();
    for (let i = 0; i < MAX_HELD_RUNS; i++) expect(hold(held, 2 * i, 'x')).toBe(true);
    expect(hold(held, 2 * MAX_HELD_RUNS, 'x')).toBe(false);
    expect(hold(held, 0, 'x')).toBe(true);
  });

  it('refuses bytes over its cap, with what the run costs', () => {
    const held = new HeldSegments();
    const rest = MAX_HELD_BYTES - RUN_COST_BYTES;
    expect(held.hold(0, new Uint8Array(rest + 1), 0, rest + 1)).toBe(false);
    expect(held.sizeBytes).toBe(0);
    expect(held.hold(0, new Uint8Array(rest), 0, rest)).toBe(true);
    expect(held.sizeBytes).toBe(MAX_HELD_BYTES);
  });

  it('behaves like a map from sequence number to the byte that came first, across the wraps', () => {
    const segment = fc.tuple(fc.nat(200), fc.uint8Array({ minLength: 1, maxLength: 40 }));
    const base = fc.constantFrom(0, 1000, 0x7fffffff - 100, -100, -0x80000000);
    fc.assert(
      fc.property(base, fc.array(segment, { maxLength: 30 }), (start, segments) => {
        const held = new HeldSegments();
        const model = new Map<number, number>();
        let conflicts = 0;
        for (const [offset, content] of segments) {
          held.hold((start + offset) | 0, content, 0, content.length);
          content.forEach((byte, i) => {
            const known = model.get(offset + i);
            if (known === undefined) model.set(offset + i, byte);
            else if (known !== byte) conflicts += 1;
          });
        }
        expect(held.conflicts).toBe(conflicts);
        const got = new Map<number, number>();
        for (let offset = 0; offset < 300 && !held.isEmpty; ) {
          const run = held.take((start + offset) | 0);
          if (run === null) offset = (held.firstSeq - start) | 0;
          else for (const byte of run) got.set(offset++, byte);
        }
        expect([...got].toSorted(([a], [b]) => a - b)).toEqual([...model].toSorted(([a], [b]) => a - b));
        expect(held.sizeBytes).toBe(0);
      }),
    );
  });
});
