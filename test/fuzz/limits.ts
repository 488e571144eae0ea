/** How long an input may take, how much a run may hold, and how many findings are worth keeping. */

/**
 * An input takes microseconds to a few milliseconds. A quarter of a second is what a machine shared with others can take from us
 * now and then; the rest grows with the input, so that work that grows faster is seen.
 */
export const SLOW_MS = 250;
export const SLOW_MS_PER_KIB = 2;

/** A slow input is timed again: only what is slow each time is slow by itself. */
export const SLOW_RETRIES = 3;
/** What was slow only once may have met state that earlier inputs left; a collection of garbage takes less than this. */
export const SLOW_ONCE_MS = 1500;

/** No input ended for so long: the one at hand hangs. */
export const HANG_MS = 30_000;

/** Findings of one target after which it is left out of the run, and hangs after which a run ends: they are likely to have one cause. */
export const MAX_FINDINGS = 5;

/** Pauses between samples of memory: collecting garbage takes tens of milliseconds. */
export const SAMPLE_MS = 3000;
/** Samples below which nothing is said of growth. */
export const MIN_SAMPLES = 12;
/** What the last quarter of a run may hold more than the third one: caches still filling, and noise. */
export const GROWTH_FACTOR = 1.1;
export const GROWTH_BYTES = 8 * 1024 * 1024;
