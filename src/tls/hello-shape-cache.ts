/**
 * Shapes of hellos, by key: a set-associative cache, bounded by construction.
 *
 * A key belongs to one set of four and is compared byte by byte with what the set holds, most recently used first. So an
 * attacker who makes keys collide gets four comparisons and pushes out four shapes; the hash needs no secret. A hello with
 * GREASE among its extensions is not kept: its client draws the values anew each time (and Chrome the order as well), and
 * keeping it would only push out shapes that will come again.
 */

import { buildHelloShape, type FoundShape } from './build-hello-shape.ts';
import { HelloShapeKey } from './hello-shape-key.ts';
import { MAX_SHAPE_KEY, SHAPE_SETS, SHAPE_WAYS } from './limits.ts';

interface Entry extends FoundShape {
  readonly hash: number;
  readonly len: number;
  readonly words: Int32Array;
}

export class HelloShapeCache {
  /** The key of the hello at hand; `find` looks for it. */
  readonly key: HelloShapeKey = new HelloShapeKey();
  hits = 0;
  misses = 0;
  /** Of the misses, those that were not kept: GREASE, or a key too long. */
  bypassed = 0;
  evictions = 0;
  private readonly entries: (Entry | null)[] = Array.from({ length: SHAPE_SETS * SHAPE_WAYS }, () => null);

  /** The shape of `key`, shared with every equal hello where it is kept. */
  find(): FoundShape {
    const { key } = this;
    if (key.hasGrease || key.len > MAX_SHAPE_KEY) {
      this.misses += 1;
      this.bypassed += 1;
      return buildHelloShape(key.bytes, key.len);
    }
    const words = key.seal();
    const hash = key.hash(words);
    const setAt = (hash & (SHAPE_SETS - 1)) * SHAPE_WAYS;
    for (let way = 0; way < SHAPE_WAYS; way++) {
      const entry = this.entries[setAt + way]!;
      if (entry === null) break;
      if (entry.hash !== hash || entry.len !== key.len || !isEqual(entry.words, key.words)) continue;
      this.hits += 1;
      this.moveToFront(setAt, way, entry);
      return entry;
    }
    this.misses += 1;
    const { shape, fault } = buildHelloShape(key.bytes, key.len);
    const entry: Entry = { shape, fault, hash, len: key.len, words: key.words.slice(0, words) };
    if (this.entries[setAt + SHAPE_WAYS - 1] !== null) this.evictions += 1;
    this.moveToFront(setAt, SHAPE_WAYS - 1, entry);
    return entry;
  }

  private moveToFront(setAt: number, way: number, entry: Entry): void {
    const { entries } = this;
    for (let i = setAt + way; i > setAt; i--) entries[i] = entries[i - 1]!;
    entries[setAt] = entry;
  }
}

function isEqual(kept: Int32Array, key: Int32Array): boolean {
  for (let i = 0; i < kept.length; i++) if (kept[i] !== key[i]) return false;
  return true;
}
