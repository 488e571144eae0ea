/**
 * A bounded table of values by the bytes they were made from.
 *
 *     hash of length and a few words -> bucket -> entry -> entry ...     at most MAX_BUCKET_ENTRIES
 *     oldest <-> ... <-> newest                                          entries by age
 *
 * A look-up reads some words spread over the bytes and compares whole keys; it hashes nothing with a digest. Whoever chooses
 * the bytes can make them collide: a bucket is short by its cap, so that costs a few comparisons and the oldest of the bucket.
 *
 * Full, the table lets the oldest go, but one that was looked up since it last was the oldest is spared once. Keys are owned;
 * weights are the caller's estimate of bytes held. Entries and weight have caps, and each eviction is counted.
 */
import { MAX_BUCKET_ENTRIES, MAX_CACHED_BYTES } from './limits.ts';

interface Entry<V> {
  readonly key: Buffer;
  readonly value: V;
  readonly weight: number;
  readonly bucket: number;
  isUsed: boolean;
  older: Entry<V> | null;
  newer: Entry<V> | null;
}

/** What a table did; `bytes` is the weight it holds. */
export interface TableCounters {
  hits: number;
  misses: number;
  evictions: number;
  entries: number;
  bytes: number;
}

export class ByteTable<V> {
  readonly counters: TableCounters = { hits: 0, misses: 0, evictions: 0, entries: 0, bytes: 0 };
  readonly #maxEntries: number;
  readonly #maxWeight: number;
  readonly #mask: number;
  readonly #buckets = new Map<number, Entry<V>[]>();
  #oldest: Entry<V> | null = null;
  #newest: Entry<V> | null = null;

  constructor(maxEntries: number, maxWeight: number) {
    this.#maxEntries = maxEntries;
    this.#maxWeight = maxWeight;
    // Twice the entries, up to the next power of two: a load of one half or less.
    this.#mask = 2 ** (33 - Math.clz32(Math.max(1, maxEntries) - 1)) - 1;
  }

  /** Counts as a hit or a miss. */
  get(buf: Uint8Array, at: number, end: number): V | undefined {
    const bucket = this.#buckets.get(sampleHash(buf, at, end) & this.#mask);
    if (bucket !== undefined) {
      for (const entry of bucket) {
        if (entry.key.length !== end - at || entry.key.compare(buf, at, end) !== 0) continue;
        entry.isUsed = true;
        this.counters.hits += 1;
        return entry.value;
      }
    }
    this.counters.misses += 1;
    return undefined;
  }

  /** Takes over `key`, which is not in the table yet. What is beyond the caps by itself is not kept. */
  add(key: Uint8Array, value: V, weight: number): void {
    if (key.length > MAX_CACHED_BYTES || weight > this.#maxWeight) return;
    const number = sampleHash(key, 0, key.length) & this.#mask;
    const bucket = this.#buckets.get(number) ?? [];
    if (bucket.length >= MAX_BUCKET_ENTRIES) this.#evict(bucket[0]!);
    while (this.counters.entries >= this.#maxEntries || this.counters.bytes + weight > this.#maxWeight)
      this.#evictOldest();
    const owned = Buffer.from(key.buffer, key.byteOffset, key.length);
    const entry: Entry<V> = { key: owned, value, weight, bucket: number, isUsed: false, older: null, newer: null };
    bucket.push(entry);
    this.#buckets.set(number, bucket);
    this.#append(entry);
    this.counters.entries += 1;
    this.counters.bytes += weight;
  }

  /** Ends, since each entry is spared at most once. */
  #evictOldest(): void {
    for (let entry = this.#oldest; entry !== null; entry = this.#oldest) {
      if (!entry.isUsed) {
        this.#evict(entry);
        return;
      }
      entry.isUsed = false;
      this.#unlink(entry);
      this.#append(entry);
    }
  }

  #evict(entry: Entry<V>): void {
    const bucket = this.#buckets.get(entry.bucket)!;
    bucket.splice(bucket.indexOf(entry), 1);
    if (bucket.length === 0) this.#buckets.delete(entry.bucket);
    this.#unlink(entry);
    this.counters.evictions += 1;
    this.counters.entries -= 1;
    this.counters.bytes -= entry.weight;
  }

  #append(entry: Entry<V>): void {
    entry.older = this.#newest;
    entry.newer = null;
    if (this.#newest === null) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: Entry<V>): void {
    if (entry.older === null) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === null) this.#newest = entry.older;
    else entry.newer.older = entry.older;
  }
}

/** Leading octets all read: they hold a certificate's serial number, the part that differs between siblings. */
const HEAD_BYTES = 48;

/** Words read of the rest, evenly spread; the last one ends at the end, in the signature. */
const SPREAD_WORDS = 12;

/** A hash of the length and of some words. Not one against an attacker: see the cap on buckets. */
export function sampleHash(buf: Uint8Array, at: number, end: number): number {
  let h = Math.imul(end - at, 0x9e37_79b1);
  const headEnd = Math.min(end, at + HEAD_BYTES);
  for (let i = at; i < headEnd; i++) h = Math.imul(h ^ buf[i]!, 0x0100_0193);
  const rest = end - headEnd - 4;
  const words = rest < 0 ? 0 : SPREAD_WORDS;
  for (let n = 1; n <= words; n++) {
    const i = headEnd + Math.floor((rest * n) / SPREAD_WORDS);
    const word = (buf[i]! << 24) | (buf[i + 1]! << 16) | (buf[i + 2]! << 8) | buf[i + 3]!;
    h = Math.imul(h ^ word, 0x85eb_ca6b);
    h ^= h >>> 13;
  }
  return (h ^ (h >>> 16)) >>> 0;
}
