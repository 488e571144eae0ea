/** Sizes and times in a configuration file: a number of bytes or seconds, or a text with its unit, `2 GB`, `7 d`. */
import { z } from 'zod';

const SIZES: Units = { kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
const TIMES: Units = { s: 1, min: 60, h: 3600, d: 86_400 };

type Units = Readonly<Record<string, number>>;

export const sizeBytes = quantity(SIZES, 'a size: bytes, or a text as "500 MB" (kB, MB, GB, TB)');
export const timeSeconds = quantity(TIMES, 'a time: seconds, or a text as "7 d" (s, min, h, d)');

function quantity(units: Units, what: string) {
  return z.union([z.number(), z.string()], { error: `must be ${what}` }).transform((value, context) => {
    const n = typeof value === 'number' ? value : parseQuantity(value, units);
    if (Number.isFinite(n) && n >= 0) return n;
    context.addIssue({ code: 'custom', message: `must be ${what}` });
    return z.NEVER;
  });
}

/** `NaN` where it is none. */
function parseQuantity(text: string, units: Units): number {
  const match = /^(\d+(?:\.\d+)?) ?([a-zA-Z]+)$/.exec(text.trim());
  const unit = match === null || !Object.hasOwn(units, match[2]!) ? undefined : units[match[2]!];
  return unit === undefined ? Number.NaN : Number(match![1]) * unit;
}
