/**
 * A set of batch ids that is nearly a prefix: everything up to `floor`, and some ranges above it.
 *
 *     1 2 3 4 5 . . 8 9 . 11        floor 5, above [8, 9] [11, 11]
 *
 * Sinks settle out of order, but not by much: the ranges are as many as the requests that are on their way.
 */
import type { IdRange } from './spool-record.ts';

export class IdRanges {
  #floor: number;
  /** Ascending, with at least one missing id between two of them and above the floor. */
  #above: [number, number][];

  constructor(floor = 0, above: readonly IdRange[] = []) {
    this.#floor = floor;
    this.#above = [];
    for (const [first, last] of above) this.add(first, last);
  }

  get floor(): number {
    return this.#floor;
  }

  get above(): readonly IdRange[] {
    return this.#above;
  }

  clone(): IdRanges {
    const copy = new IdRanges(this.#floor);
    copy.#above = this.#above.map(([first, last]) => [first, last]);
    return copy;
  }

  has(id: number): boolean {
    if (id <= this.#floor) return true;
    const range = this.#above[this.#find(id)];
    return range !== undefined && range[0] <= id;
  }

  /** From `first` to `last`, both included. */
  add(first: number, last: number): void {
    if (last <= this.#floor || last < first) return;
    if (first <= this.#floor + 1) {
      this.#raise(last);
      return;
    }
    // All ranges that touch the new one become one with it.
    const at = this.#find(first - 1);
    let end = at;
    let from = first;
    let to = last;
    while (end < this.#above.length && this.#above[end]![0] <= last + 1) {
      from = Math.min(from, this.#above[end]![0]);
      to = Math.max(to, this.#above[end]![1]);
      end += 1;
    }
    this.#above.splice(at, end - at, [from, to]);
  }

  #raise(to: number): void {
    this.#floor = to;
    let gone = 0;
    for (const [first, last] of this.#above) {
      if (first > this.#floor + 1) break;
      this.#floor = Math.max(this.#floor, last);
      gone += 1;
    }
    if (gone > 0) this.#above.splice(0, gone);
  }

  /** Index of the first range that ends at `id` or behind it. */
  #find(id: number): number {
    let low = 0;
    let high = this.#above.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#above[middle]![1] < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
