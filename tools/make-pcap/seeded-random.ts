/**
 * Numbers that look random and are the same on every run: port numbers, sequence numbers and IP identifications of the
 * captures. Not for keys, and not for anything a test calls random on purpose (that is fast-check's).
 */

/** A generator of 32-bit unsigned integers (mulberry32), seeded by the FNV-1a hash of `seed`. */
export function seededRandom(seed: string): () => number {
  let state = 0x811c9dc5;
  for (let i = 0; i < seed.length; i++) state = Math.imul(state ^ seed.charCodeAt(i), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let n = Math.imul(state ^ (state >>> 15), state | 1);
    n ^= n + Math.imul(n ^ (n >>> 7), n | 61);
    return (n ^ (n >>> 14)) >>> 0;
  };
}
