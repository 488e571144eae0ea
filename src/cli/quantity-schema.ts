/** Sizes and times in a configuration file: numbers, or texts as `parse-quantity.ts` reads them. */
import { z } from 'zod';
import { parseSize, parseTime, SIZE_RULE, TIME_RULE } from './parse-quantity.ts';

export const sizeBytes = quantity(parseSize, SIZE_RULE);
export const timeSeconds = quantity(parseTime, TIME_RULE);

function quantity(parse: (text: string) => number, what: string) {
  return z.union([z.number(), z.string()], { error: `must be ${what}` }).transform((value, context) => {
    const n = typeof value === 'number' ? value : parse(value);
    if (Number.isFinite(n) && n >= 0) return n;
    context.addIssue({ code: 'custom', message: `must be ${what}` });
    return z.NEVER;
  });
}
