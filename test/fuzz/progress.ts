/**
 * What the worker that runs inputs and the thread that watches it have in common: a few numbers in shared memory, since a worker
 * that hangs can't send a message, and the messages of one that doesn't.
 */
import type { MemorySample } from './growth.ts';

export interface FuzzPlan {
  readonly seed: number;
  /** Names of the targets. */
  readonly targets: readonly string[];
  /** Inputs of all targets together, or no end. */
  readonly inputs: number;
  /** Index of each target's first input. */
  readonly firstIndex: number;
  readonly withCorpus: boolean;
  readonly shared: SharedArrayBuffer;
}

export type FuzzMessage =
  | {
      readonly kind: 'finding';
      readonly target: string;
      readonly index: number;
      readonly reason: string;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'memory'; readonly sample: MemorySample }
  | { readonly kind: 'seeds'; readonly captures: number; readonly certificates: number; readonly connections: number }
  | { readonly kind: 'done' };

/** Numbers of the run as a whole, then four of each target. */
const Slot = { Stop: 0, At: 1, Done: 2, Head: 4 } as const;
const Of = { Next: 0, Inputs: 1, SpentMs: 2, SlowestMs: 3, Stride: 4 } as const;

export function sharedBytes(targets: number): number {
  return 8 * (Slot.Head + Of.Stride * targets);
}

/** A view of the shared numbers. One side writes each of them, so no locks are needed. */
export class Progress {
  readonly #numbers: Float64Array;

  constructor(shared: SharedArrayBuffer) {
    this.#numbers = new Float64Array(shared);
  }

  /** Asks the worker to end after the input at hand. */
  get isStopped(): boolean {
    return this.#numbers[Slot.Stop] !== 0;
  }

  stop(): void {
    this.#numbers[Slot.Stop] = 1;
  }

  /** The target at hand, or -1 while there is none. */
  get at(): number {
    return this.#numbers[Slot.At]!;
  }

  set at(target: number) {
    this.#numbers[Slot.At] = target;
  }

  /** Inputs of all targets that ended. */
  get done(): number {
    return this.#numbers[Slot.Done]!;
  }

  /** The index of the target's next input, which is the one at hand while it runs. */
  nextOf(target: number): number {
    return this.#numbers[Slot.Head + Of.Stride * target + Of.Next]!;
  }

  setNext(target: number, index: number): void {
    this.#numbers[Slot.Head + Of.Stride * target + Of.Next] = index;
  }

  count(target: number): void {
    const base = Slot.Head + Of.Stride * target;
    this.#numbers[base + Of.Next]! += 1;
    this.#numbers[base + Of.Inputs]! += 1;
    this.#numbers[Slot.Done]! += 1;
  }

  /** Adds the time of some inputs, and notes that of the slowest. */
  spend(target: number, ms: number, slowestMs: number): void {
    const base = Slot.Head + Of.Stride * target;
    this.#numbers[base + Of.SpentMs]! += ms;
    this.#numbers[base + Of.SlowestMs] = Math.max(this.#numbers[base + Of.SlowestMs]!, slowestMs);
  }

  inputsOf(target: number): number {
    return this.#numbers[Slot.Head + Of.Stride * target + Of.Inputs]!;
  }

  spentMsOf(target: number): number {
    return this.#numbers[Slot.Head + Of.Stride * target + Of.SpentMs]!;
  }

  slowestMsOf(target: number): number {
    return this.#numbers[Slot.Head + Of.Stride * target + Of.SlowestMs]!;
  }
}
