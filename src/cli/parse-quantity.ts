/** Sizes and times as people write them: a number of bytes or seconds, or a text with its unit, `2 GB`, `7 d`. */

type Units = Readonly<Record<string, number>>;

const SIZES: Units = { kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
const TIMES: Units = { s: 1, min: 60, h: 3600, d: 86_400 };

export const SIZE_RULE = 'a size: bytes, or a text as "500 MB" (kB, MB, GB, TB)';
export const TIME_RULE = 'a time: seconds, or a text as "7 d" (s, min, h, d)';

/** Bytes; `NaN` where it is no size. */
export function parseSize(text: string): number {
  return parseQuantity(text, SIZES);
}

/** Seconds; `NaN` where it is no time. */
export function parseTime(text: string): number {
  return parseQuantity(text, TIMES);
}

function parseQuantity(text: string, units: Units): number {
  const match = /^(\d+(?:\.\d+)?) ?([a-zA-Z]*)$/.exec(text.trim());
  if (match === null) return Number.NaN;
  const [, digits, unit] = match;
  if (unit === '') return Number(digits);
  return Object.hasOwn(units, unit!) ? Number(digits) * units[unit!]! : Number.NaN;
}
