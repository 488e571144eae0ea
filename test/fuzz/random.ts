/**
 * The random numbers of one input: the same for the same seed, target and index on every machine, so that any input can be
 * made again. The generator is sfc32 (Chris Doty-Humphrey's PractRand, public domain); its state of 128 bits takes all three.
 */
export class Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;

  constructor(seed: number, name: string, index: number) {
    this.restart(seed, name, index);
  }

  restart(seed: number, name: string, index: number): void {
    let h = 0x811c_9dc5;
    for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x0100_0193);
    this.#a = seed | 0;
    this.#b = h;
    this.#c = index | 0;
    this.#counter = 1;
    for (let i = 0; i < 12; i++) this.u32();
  }

  /** 0 to 2^32-1. */
  u32(): number {
    const out = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + out) | 0;
    return out >>> 0;
  }

  /** 0 to `n - 1`; 0 where `n` is. */
  below(n: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * n);
  }

  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  /** The list is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}
