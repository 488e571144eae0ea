/** Makes the inputs of one target: the same input for the same seed and index, given the same samples. */
import type { FuzzTarget, Mutator } from './fuzz-target.ts';
import { mutateBytes } from './mutate.ts';
import { Random } from './random.ts';
import type { Samples } from './samples.ts';

export class InputMaker {
  readonly target: FuzzTarget;
  readonly seeds: readonly Uint8Array[];
  readonly #mutate: Mutator;
  readonly #seed: number;
  readonly #random: Random;

  constructor(target: FuzzTarget, samples: Samples, seed: number) {
    this.target = target;
    this.seeds = target
      .seeds(samples)
      .map((bytes) => (bytes.length > target.maxBytes ? bytes.slice(0, target.maxBytes) : bytes));
    this.#mutate = target.mutator?.(samples) ?? mutateBytes;
    this.#seed = seed;
    this.#random = new Random(seed, target.name, 0);
  }

  /** The seeds themselves come first. */
  make(index: number): Uint8Array {
    const seed = this.seeds[index];
    if (seed !== undefined) return seed;
    this.#random.restart(this.#seed, this.target.name, index);
    return this.#mutate(this.#random, this.seeds, this.target.maxBytes);
  }
}
