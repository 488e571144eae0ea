/** What is fuzzed: a parser or a chain of them, and what must hold whatever the input. */
import type { Random } from './random.ts';
import type { Samples } from './samples.ts';

/** One new input of at most `maxBytes`. */
export type Mutator = (random: Random, seeds: readonly Uint8Array[], maxBytes: number) => Uint8Array;

export interface FuzzTarget {
  /** `room.what`: also the first part of a found input's file name. */
  readonly name: string;
  /** Inputs per round. Slow targets have few, so that no target takes much more time than another. */
  readonly weight: number;
  readonly maxBytes: number;
  /** Inputs to begin with, good ones. */
  seeds(samples: Samples): readonly Uint8Array[];
  /** What makes new inputs; where absent, `mutateBytes`. */
  mutator?(samples: Samples): Mutator;
  /** Throws for a broken promise: `Violation`, or whatever the code under test threw. The bytes are not changed. */
  run(bytes: Uint8Array): void | Promise<void>;
}

/** A promise that an input broke. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export function promise(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what);
}
