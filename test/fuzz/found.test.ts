import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

import { listFound, readInput, targetOf } from './found-inputs.ts';
import { InputMaker } from './input-maker.ts';
import { runInput } from './run-input.ts';
import { readSamples, type Samples } from './samples.ts';
import { TARGETS } from './targets.ts';

/** Inputs of a pass: three times a round's, so that all targets together take some seconds. */
const ROUNDS = 3;
const SEED = 1;

let samples: Samples;
beforeAll(() => {
  // Without the corpus, so that a pass is the same on every machine.
  samples = readSamples(false);
});

describe('inputs that once broke something', () => {
  const found = listFound();

  it('are kept', () => {
    expect(found.length).toBeGreaterThan(0);
  });

  it.each(found.map((file) => [path.basename(file), file]))('%s holds', async (_, file) => {
    const target = TARGETS.find((one) => one.name === targetOf(file));
    expect(target).toBeDefined();
    expect((await runInput(target!, readInput(file))).reason).toBeNull();
  });
});

describe('a short pass of mutated inputs', () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))('%s keeps its promises', async (_, target) => {
    const maker = new InputMaker(target, samples, SEED);
    expect(maker.seeds.length).toBeGreaterThan(0);
    const from = maker.seeds.length;
    for (let index = 0; index < from + ROUNDS * target.weight; index++) {
      const { reason } = await runInput(target, maker.make(index));
      expect({ index, reason }).toEqual({ index, reason: null });
    }
  });
});
