/**
 * Whether memory grows with the number of inputs. Samples are taken after garbage was collected; the caches of the rooms fill in
 * the first half of a run, so the last quarter is compared with the third.
 */
import { GROWTH_BYTES, GROWTH_FACTOR, MIN_SAMPLES } from './limits.ts';

export interface MemorySample {
  readonly inputs: number;
  /** Live bytes: the heap and the buffers outside it. */
  readonly liveBytes: number;
}

export interface Growth {
  /** Null: the run was too short to tell. */
  readonly isGrowing: boolean | null;
  readonly third: number;
  readonly last: number;
}

export function findGrowth(samples: readonly MemorySample[]): Growth {
  const quarter = Math.floor(samples.length / 4);
  const third = medianOf(samples.slice(2 * quarter, 3 * quarter));
  const last = medianOf(samples.slice(3 * quarter));
  if (samples.length < MIN_SAMPLES) return { isGrowing: null, third, last };
  return { isGrowing: last > third * GROWTH_FACTOR + GROWTH_BYTES, third, last };
}

function medianOf(samples: readonly MemorySample[]): number {
  const sorted = samples.map((sample) => sample.liveBytes).toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
