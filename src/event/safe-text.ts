/** Text made fit to leave the sensor: short enough, and safe in the sense of `bytes/text.ts`. */
import { escapeUnsafe } from '../bytes/text.ts';

/** Anything but printable ASCII: a text without it needs no second look. */
const NOT_PLAIN = /[^\x20-\x7e]/;

export function toSafeText(text: string): string {
  return NOT_PLAIN.test(text) ? escapeUnsafe(text) : text;
}

/** The first `max` characters, one less where that would split a surrogate pair. */
export function cutText(text: string, max: number): string {
  const last = text.charCodeAt(max - 1);
  const isSplit = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, isSplit ? max - 1 : max);
}
