import { describe, expect, it } from 'vitest';

import { findGrowth } from './growth.ts';
import { InputMaker } from './input-maker.ts';
import { findLengthFields } from './length-fields.ts';
import { mutateBytes } from './mutate.ts';
import { Random } from './random.ts';
import { runInput } from './run-input.ts';
import { readSamples } from './samples.ts';
import { TARGETS } from './targets.ts';
import { readInWindow } from './window.ts';

describe('mutated inputs', () => {
  const samples = readSamples(false);

  it('are the same for the same seed and index, whatever was made before', () => {
    for (const target of TARGETS) {
      const one = new InputMaker(target, samples, 7);
      const other = new InputMaker(target, samples, 7);
      const at = one.seeds.length + 5;
      one.make(at - 1);
      expect([target.name, other.make(at)]).toEqual([target.name, one.make(at)]);
    }
  });

  it('differ between seeds', () => {
    const seeds = [Uint8Array.from({ length: 100 }, (_, i) => i)];
    const made = Array.from({ length: 50 }, (_, i) => mutateBytes(new Random(i, 'x', 0), seeds, 1000));
    expect(new Set(made.map((bytes) => bytes.join())).size).toBeGreaterThan(45);
  });

  it('leave the seeds alone and stay below the cap', () => {
    const seed = Uint8Array.from({ length: 300 }, (_, i) => i & 255);
    const random = new Random(1, 'x', 0);
    for (let i = 0; i < 2000; i++) expect(mutateBytes(random, [seed], 200).length).toBeLessThanOrEqual(200);
    expect(seed).toEqual(Uint8Array.from({ length: 300 }, (_, i) => i & 255));
  });

  it('are built from samples of every kind', () => {
    expect(samples.captures.length).toBeGreaterThan(20);
    expect(samples.connections.length).toBeGreaterThan(20);
    expect(samples.certificates.length).toBeGreaterThan(10);
    expect([...samples.messages.keys()]).toEqual(expect.arrayContaining([1, 2, 11, 12]));
  });
});

describe('length fields', () => {
  it('are found where they reach to the end, and inside one another', () => {
    // 16-bit length 6, then a byte 5, then 16-bit length 3, then three bytes.
    const fields = findLengthFields(Uint8Array.of(0, 6, 5, 0, 3, 0xaa, 0xbb, 0xcc));
    expect(fields).toContainEqual({ at: 0, width: 2 });
    expect(fields).toContainEqual({ at: 2, width: 1 });
    expect(fields).toContainEqual({ at: 3, width: 2 });
  });
});

describe('the judges of an input', () => {
  it('see a parser that reads beside its window', () => {
    expect(() => readInWindow(Uint8Array.of(1, 2, 3), (buf, at, end) => buf[end]! + at)).toThrow('outside the window');
    expect(() => readInWindow(Uint8Array.of(1, 2, 3), (buf, at) => buf[at - 1]!)).toThrow('outside the window');
    expect(readInWindow(Uint8Array.of(1, 2, 3), (buf, at) => buf[at]!)).toBe(1);
  });

  it('see a parser that writes to its input', () => {
    const write = (buf: Uint8Array, at: number): void => {
      buf[at] = 9;
    };
    expect(() => readInWindow(Uint8Array.of(1, 2, 3), write)).toThrow('written to');
  });

  it('name what is thrown, and what takes too long', async () => {
    const target = { name: 'x.y', weight: 1, maxBytes: 10, seeds: () => [] };
    const thrown = await runInput({ ...target, run: () => void JSON.parse('{') }, new Uint8Array(1));
    expect(thrown.reason).toContain('SyntaxError');
    const spin = (): void => {
      // Of the processor's time, like the judge: others may have it meanwhile.
      for (const began = process.cpuUsage(); process.cpuUsage(began).user < 300_000; );
    };
    expect((await runInput({ ...target, run: spin }, new Uint8Array(1))).reason).toMatch(/^takes \d+ ms for 1 bytes$/);
  });

  it('tell growth from caches that fill up, and say when a run was too short', () => {
    const sample = (liveMiB: number, i: number) => ({ inputs: i, liveBytes: liveMiB * 1_048_576 });
    const filling = Array.from({ length: 40 }, (_, i) => sample(Math.min(100, 30 + 5 * i), i));
    const leaking = Array.from({ length: 40 }, (_, i) => sample(30 + 5 * i, i));
    expect(findGrowth(filling).isGrowing).toBe(false);
    expect(findGrowth(leaking).isGrowing).toBe(true);
    expect(findGrowth(leaking.slice(0, 5)).isGrowing).toBeNull();
  });
});
