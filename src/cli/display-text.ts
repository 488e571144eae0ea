/**
 * Text in columns of a terminal. Wide characters (CJK, emoji) take two cells, combining marks (variation selectors among them) none. A terminal may disagree about rare
 * ones; then a column is off by a cell, no more.
 */

const ZERO_WIDTH = /^(?:\p{M}|[\u200b-\u200f\u2060])$/u;
const WIDE =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]$/u;
/** Half-width katakana and hangul are of those scripts, and narrow. */
const HALF_WIDTH = /^[\uff61-\uffdc]$/;
const PLAIN = /^[\x20-\x7e]*$/;
const ELLIPSIS = '…';

export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += cellsOf(character);
  return width;
}

/** Exactly `width` cells: filled with spaces, or shortened in the middle, because both ends of a name matter. */
export function fitText(text: string, width: number): string {
  const cells = displayWidth(text);
  return cells <= width ? text + ' '.repeat(width - cells) : shortenText(text, width);
}

/** Exactly `width` cells, from a text that is longer. */
function shortenText(text: string, width: number): string {
  if (width <= 0) return '';
  const characters = Array.from(text);
  const room = width - 1;
  const head = takeCells(characters, Math.ceil(room / 2));
  const tail = takeCells(characters.toReversed(), Math.floor(room / 2)).toReversed();
  const short = head.join('') + ELLIPSIS + tail.join('');
  return short + ' '.repeat(Math.max(0, width - displayWidth(short)));
}

/** At most `width` cells, the end cut off. */
export function cutText(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  return width <= 0 ? '' : takeCells(Array.from(text), width - 1).join('') + ELLIPSIS;
}

function takeCells(characters: readonly string[], width: number): string[] {
  let cells = 0;
  let n = 0;
  for (; n < characters.length; n++) {
    cells += cellsOf(characters[n]!);
    if (cells > width) break;
  }
  return characters.slice(0, n);
}

function cellsOf(character: string): number {
  if (PLAIN.test(character)) return 1;
  if (ZERO_WIDTH.test(character)) return 0;
  return WIDE.test(character) && !HALF_WIDTH.test(character) ? 2 : 1;
}
