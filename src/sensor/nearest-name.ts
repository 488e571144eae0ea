/** "Did you mean": the name that is meant by one that is slightly wrong. */

/** Longest text that is compared; a longer one is no slip of the finger. */
const MAX_COMPARED = 40;

/** The name with the fewest changes, if they are few for its length; null where none is near. Letter case does not count. */
export function nearestName(text: string, names: readonly string[]): string | null {
  if (text.length > MAX_COMPARED) return null;
  let nearest: string | null = null;
  let fewest = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const changes = countChanges(text.toLowerCase(), name.toLowerCase());
    if (changes < fewest && changes <= Math.max(1, Math.floor(name.length / 3))) {
      fewest = changes;
      nearest = name;
    }
  }
  return nearest;
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function countChanges(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let changes = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        changes = Math.min(changes, beforeLast[j - 2]! + 1);
      }
      row.push(changes);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
