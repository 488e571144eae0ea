/**
 * Parts of events that have no object of their own to live with: few combinations of values, met again and again. Each
 * combination's bytes are made once. The table is bounded: when it is full it starts afresh, so an attacker who never
 * repeats himself costs what it costs to write without a table.
 */
import type { FieldWriter } from './field-writer.ts';
import { appendFragment, type Fragment, newFragment } from './fragment-cache.ts';

interface Part<K> {
  readonly key: K;
  readonly fragment: Fragment;
}

export interface PartKind<S, K> {
  /** The value that tells most combinations apart. */
  mainOf(source: S): string;
  isSame(key: K, source: S): boolean;
  /** Everything that `write` and `isSame` need, copied from the source. */
  toKey(source: S): K;
  write(w: FieldWriter, key: K): void;
}

export class PartTable<S, K> {
  readonly #kind: PartKind<S, K>;
  readonly #maxParts: number;
  readonly #maxPartsPerMain: number;
  readonly #byMain = new Map<string, Part<K>[]>();
  readonly #write: (w: FieldWriter, key: K) => void;
  #size = 0;

  constructor(kind: PartKind<S, K>, maxParts: number, maxPartsPerMain: number) {
    this.#kind = kind;
    this.#maxParts = maxParts;
    this.#maxPartsPerMain = maxPartsPerMain;
    this.#write = (w, key) => kind.write(w, key);
  }

  /** How many combinations are kept. */
  get size(): number {
    return this.#size;
  }

  append(w: FieldWriter, source: S): void {
    const main = this.#kind.mainOf(source);
    const parts = this.#byMain.get(main);
    if (parts !== undefined) {
      for (let i = 0; i < parts.length; i++) {
        const part = parts[i]!;
        if (this.#kind.isSame(part.key, source)) {
          appendFragment(w, part.fragment, part.key, this.#write);
          return;
        }
      }
    }
    const key = this.#kind.toKey(source);
    appendFragment(w, this.#keep(main, key), key, this.#write);
  }

  #keep(main: string, key: K): Fragment {
    const fragment = newFragment();
    if (this.#size >= this.#maxParts) {
      this.#byMain.clear();
      this.#size = 0;
    }
    let parts = this.#byMain.get(main);
    if (parts === undefined) {
      parts = [];
      this.#byMain.set(main, parts);
    }
    // A long list is slow to search; what does not fit is written anew each time.
    if (parts.length < this.#maxPartsPerMain) {
      parts.push({ key, fragment });
      this.#size += 1;
    }
    return fragment;
  }
}
