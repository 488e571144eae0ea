/**
 * One LZ4 block: sequences of literals and matches.
 *
 *     token          1          high nibble: literals, low nibble: match length - 4; 15 is continued
 *     [length]       0..n       each byte is added; 255 says that another follows
 *     literals       0..n
 *     match offset   2          little-endian, back from here; never 0
 *     [length]       0..n
 *
 * LZ4 block format, https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md. The last sequence ends after its literals.
 * A match may reach into what was decoded before the block, and may overlap what it writes.
 */

/** Matches and literals longer than this are copied by the engine; shorter ones faster by hand. */
const LONG_COPY = 32;

export interface Lz4Block {
  /** Where the output ends. What was decoded before damage counts. */
  readonly end: number;
  readonly isDamaged: boolean;
}

/**
 * Decodes `src[at, end)` to `out[outAt…]`. Matches reach back to `historyAt`, and nothing is written at or after
 * `outMax`.
 */
export function decodeLz4Block(
  src: Uint8Array,
  at: number,
  end: number,
  out: Uint8Array,
  outAt: number,
  outMax: number,
  historyAt: number,
): Lz4Block {
  let i = at;
  let o = outAt;
  while (i < end) {
    const token = src[i++]!;
    let literals = token >> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255 && i < end) {
        more = src[i++]!;
        literals += more;
      }
      if (more === 255) return { end: o, isDamaged: true };
    }
    if (literals > end - i || literals > outMax - o) return { end: o, isDamaged: true };
    if (literals > LONG_COPY) {
      out.set(src.subarray(i, i + literals), o);
      i += literals;
      o += literals;
    } else {
      for (const stop = i + literals; i < stop; ) out[o++] = src[i++]!;
    }
    if (i === end) return { end: o, isDamaged: false };

    if (end - i < 2) return { end: o, isDamaged: true };
    const offset = src[i]! | (src[i + 1]! << 8);
    i += 2;
    let length = (token & 15) + 4;
    if (length === 19) {
      let more = 255;
      while (more === 255 && i < end) {
        more = src[i++]!;
        length += more;
      }
      if (more === 255) return { end: o, isDamaged: true };
    }
    if (offset === 0 || offset > o - historyAt || length > outMax - o) return { end: o, isDamaged: true };
    if (length > LONG_COPY && offset >= length) {
      out.copyWithin(o, o - offset, o - offset + length);
      o += length;
    } else {
      for (const stop = o + length; o < stop; o++) out[o] = out[o - offset]!;
    }
  }
  // Every block ends in literals, so one that ends after a match (or is empty) was cut.
  return { end: o, isDamaged: true };
}
