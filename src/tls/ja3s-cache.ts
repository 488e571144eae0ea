/**
 * JA3S fingerprints that were computed before. Servers answer in few ways, so the digest is computed once for each.
 *
 * A list in order of last use, searched from the front. Whoever makes answers differ on purpose pays for it with his own
 * digests, and everybody else with as many short comparisons as the list is long.
 */
import { buildJa3sText, hashJa3 } from './ja3.ts';
import { MAX_JA3S_KEPT } from './limits.ts';

export interface Ja3s {
  readonly legacyVersion: number;
  readonly cipherSuite: number;
  /** The caller may use this in place of its own equal list. */
  readonly extensions: readonly number[] | null;
  readonly text: string;
  readonly hash: string;
}

export class Ja3sCache {
  readonly #kept: Ja3s[] = [];

  find(legacyVersion: number, cipherSuite: number, extensions: readonly number[] | null): Ja3s {
    const kept = this.#kept;
    for (let i = 0; i < kept.length; i++) {
      const ja3s = kept[i]!;
      if (ja3s.cipherSuite !== cipherSuite || ja3s.legacyVersion !== legacyVersion) continue;
      if (!isEqual(ja3s.extensions, extensions)) continue;
      if (i > 0) {
        kept.copyWithin(1, 0, i);
        kept[0] = ja3s;
      }
      return ja3s;
    }
    const text = buildJa3sText(legacyVersion, cipherSuite, extensions);
    const made: Ja3s = { legacyVersion, cipherSuite, extensions, text, hash: hashJa3(text) };
    if (kept.length === MAX_JA3S_KEPT) kept.pop();
    kept.unshift(made);
    return made;
  }
}

function isEqual(a: readonly number[] | null, b: readonly number[] | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
