/**
 * The functions of eval that the published search calls. Null in, null out, unless the function is about null. Conditions have
 * three values: true, false and null, which is not true. Several values in one field are refused where one is needed.
 */
import { type FieldValue, type Row, type Scalar, valuesOf } from './row.ts';

export type Value = FieldValue | boolean | null;
/** An expression ready to be evaluated. */
export type Expr = (row: Row) => Value;

interface EvalFunction {
  readonly minArgs: number;
  readonly maxArgs: number;
  call(args: readonly Expr[], row: Row): Value;
}

export const FUNCTIONS: ReadonlyMap<string, EvalFunction> = new Map([
  [
    'coalesce',
    {
      minArgs: 1,
      maxArgs: Number.POSITIVE_INFINITY,
      call: (args: readonly Expr[], row: Row) => {
        for (const arg of args) {
          const value = arg(row);
          if (value !== null) return value;
        }
        return null;
      },
    },
  ],
  ['isnotnull', { minArgs: 1, maxArgs: 1, call: (args, row) => args[0]!(row) !== null }],
  ['if', { minArgs: 3, maxArgs: 3, call: (args, row) => (args[0]!(row) === true ? args[1]!(row) : args[2]!(row)) }],
  [
    'case',
    {
      minArgs: 2,
      maxArgs: Number.POSITIVE_INFINITY,
      call: (args, row) => {
        for (let i = 0; i + 1 < args.length; i += 2) if (args[i]!(row) === true) return args[i + 1]!(row);
        return null;
      },
    },
  ],
  ['lower', ofTexts(1, (text) => text.toLowerCase())],
  ['len', ofTexts(1, (text) => Array.from(text).length)],
  ['match', ofTexts(2, (text, regex) => new RegExp(regex).test(text))],
  ['replace', ofTexts(3, replaceAllMatches)],
  ['like', ofTexts(2, (text, pattern) => isLikeByTable(text, pattern))],
]);

/** A function of plain texts: null if any of them is null. */
function ofTexts(count: number, compute: (...texts: string[]) => Scalar | boolean): EvalFunction {
  return {
    minArgs: count,
    maxArgs: count,
    call: (args, row) => {
      const texts: string[] = [];
      for (const arg of args) {
        const value = toScalar(arg(row));
        if (value === null) return null;
        texts.push(String(value));
      }
      return compute(...texts);
    },
  };
}

/** One value, or null; a field of several values and a condition are refused. */
export function toScalar(value: Value): Scalar | null {
  if (value === null) return null;
  if (typeof value === 'boolean') throw new TypeError('a condition stands where a value is needed');
  const values = valuesOf(value);
  if (values.length !== 1) throw new TypeError('a field of several values stands where one is needed');
  return values[0]!;
}

function replaceAllMatches(text: string, regex: string, replacement: string): string {
  if (replacement.includes('\\')) throw new TypeError('a reference in a replacement is not supported');
  return text.replace(new RegExp(regex, 'g'), () => replacement);
}

/**
 * `like` by the definition: `reached[j]` says that the pattern so far matches the first `j` characters. Slow and plain on purpose,
 * because the sensor's own matcher is tested against it.
 */
function isLikeByTable(text: string, pattern: string): boolean {
  let reached = Array.from({ length: text.length + 1 }, () => false);
  reached[0] = true;
  for (const want of pattern) {
    const next = Array.from({ length: text.length + 1 }, () => false);
    let isAnyReached = false;
    for (let j = 0; j <= text.length; j++) {
      isAnyReached ||= reached[j]!;
      if (want === '%') next[j] = isAnyReached;
      else if (j > 0) next[j] = reached[j - 1]! && (want === '_' || want === text[j - 1]);
    }
    reached = next;
  }
  return reached[text.length]!;
}
