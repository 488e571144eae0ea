/**
 * Out-of-order bytes of one direction, waiting for the hole before them to be filled.
 *
 *     next               runs[0]          runs[1]
 *      |<--- hole --->|xxxxxxxxxx|      |xxxxxx|
 *
 * Runs are sorted, disjoint and bounded in number and bytes. Where segments overlap, the bytes that came first stay
 * (first wins) and a difference is counted, since it is how an evader shows one thing to a sensor and another to the
 * server. Sequence numbers are signed 32-bit integers, compared as `(b - a) | 0` (RFC 9293 3.4).
 */
import { MAX_HELD_BYTES, MAX_HELD_RUNS, RUN_COST_BYTES } from './limits.ts';

interface Run {
  seq: number;
  /** Owned. */
  readonly bytes: Uint8Array;
}

export class HeldSegments {
  readonly #runs: Run[] = [];
  /** Bytes held and what their runs cost. */
  sizeBytes = 0;
  /** Packet time of the last bytes held. */
  lastUs = 0;
  /** Overlapping bytes that differed from those held. */
  conflicts = 0;
  /** Packets of the flow, and the packet time of the first, since the peer acknowledged bytes beyond the hole. */
  ackedPackets = 0;
  ackedSinceUs = 0;

  get isEmpty(): boolean {
    return this.#runs.length === 0;
  }

  /** Where the first run begins. The caller knows that there is one. */
  get firstSeq(): number {
    return this.#runs[0]!.seq;
  }

  /** Copies what is new of `buf[at, end)`. False when a cap refuses it: then nothing was kept of the rest. */
  hold(seq: number, buf: Uint8Array, at: number, end: number): boolean {
    const runs = this.#runs;
    let from = at;
    let start = seq;
    let i = this.#firstEndingAfter(start);
    while (from < end) {
      const run = runs[i];
      const room = run === undefined ? end - from : (run.seq - start) | 0;
      if (room > 0) {
        const n = Math.min(room, end - from);
        const cost = n + RUN_COST_BYTES;
        if (runs.length >= MAX_HELD_RUNS || this.sizeBytes + cost > MAX_HELD_BYTES) return false;
        // `slice` of a Node Buffer would be a view.
        const bytes = new Uint8Array(n);
        bytes.set(buf.subarray(from, from + n));
        runs.splice(i, 0, { seq: start, bytes });
        this.sizeBytes += cost;
        from += n;
        start = (start + n) | 0;
      } else {
        const held = run!;
        const offset = -room;
        const n = Math.min(held.bytes.length - offset, end - from);
        for (let k = 0; k < n; k++) if (held.bytes[offset + k] !== buf[from + k]) this.conflicts += 1;
        from += n;
        start = (start + n) | 0;
      }
      i += 1;
    }
    return true;
  }

  /** The run that continues at `next`, trimmed to what is new, and taken out; null while the hole is there. */
  take(next: number): Uint8Array | null {
    const runs = this.#runs;
    while (runs.length > 0) {
      const run = runs[0]!;
      const ahead = (run.seq - next) | 0;
      if (ahead > 0) return null;
      runs.shift();
      this.sizeBytes -= run.bytes.length + RUN_COST_BYTES;
      this.ackedPackets = 0;
      if (-ahead < run.bytes.length) return ahead === 0 ? run.bytes : run.bytes.subarray(-ahead);
    }
    return null;
  }

  /** Index of the first run that has a byte at or after `seq`. */
  #firstEndingAfter(seq: number): number {
    const runs = this.#runs;
    let i = runs.length;
    while (i > 0) {
      const run = runs[i - 1]!;
      if (((run.seq + run.bytes.length - seq) | 0) <= 0) break;
      i -= 1;
    }
    return i;
  }
}
