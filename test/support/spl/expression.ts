/**
 * Expressions of `eval` and `where`, loosest binding first.
 *
 *     or          and  { OR and }
 *     and         not  { AND not }
 *     not         NOT not | comparison
 *     comparison  sum  [ ( == | = | > | >= | < | <= ) sum | IN ( sum , … ) ]
 *     sum         atom { ( + | . ) atom }
 *     atom        ( or ) | string | number | function ( or , … ) | field
 *
 * Text compares by code unit and case counts; two values that are numbers compare as numbers. A comparison with null is null.
 */
import { type Expr, FUNCTIONS, toScalar, type Value } from './functions.ts';
import { compare, type Row, type Scalar, toNumber } from './row.ts';
import { SplError, type TokenReader } from './tokens.ts';

export function parseExpression(tokens: TokenReader): Expr {
  return parseOr(tokens);
}

function parseOr(tokens: TokenReader): Expr {
  let left = parseAnd(tokens);
  while (tokens.takeIf('word', 'OR')) left = either(left, parseAnd(tokens));
  return left;
}

function parseAnd(tokens: TokenReader): Expr {
  let left = parseNot(tokens);
  while (tokens.takeIf('word', 'AND')) left = both(left, parseNot(tokens));
  return left;
}

function parseNot(tokens: TokenReader): Expr {
  if (!tokens.takeIf('word', 'NOT')) return parseComparison(tokens);
  const inner = parseNot(tokens);
  return (row) => {
    const value = toCondition(inner(row));
    return value === null ? null : !value;
  };
}

const COMPARISONS: ReadonlyMap<string, (order: number) => boolean> = new Map([
  ['==', (order) => order === 0],
  ['=', (order) => order === 0],
  ['>', (order) => order > 0],
  ['>=', (order) => order >= 0],
  ['<', (order) => order < 0],
  ['<=', (order) => order <= 0],
]);

function parseComparison(tokens: TokenReader): Expr {
  const left = parseSum(tokens);
  if (tokens.takeIf('word', 'IN')) {
    const list = parseList(tokens, parseSum);
    return (row) => isOneOf(left, list, row);
  }
  const holds = tokens.next.kind === 'mark' ? COMPARISONS.get(tokens.next.text) : undefined;
  if (holds === undefined) return left;
  tokens.take();
  const right = parseSum(tokens);
  return (row) => {
    const a = toScalar(left(row));
    const b = toScalar(right(row));
    return a === null || b === null ? null : holds(compare(a, b));
  };
}

function isOneOf(left: Expr, list: readonly Expr[], row: Row): boolean | null {
  const value = toScalar(left(row));
  if (value === null) return null;
  return list.some((element) => {
    const other = toScalar(element(row));
    return other !== null && compare(value, other) === 0;
  });
}

function parseSum(tokens: TokenReader): Expr {
  let left = parseAtom(tokens);
  for (;;) {
    if (tokens.takeIf('mark', '+')) left = combine(left, parseAtom(tokens), add);
    else if (tokens.takeIf('mark', '.')) left = combine(left, parseAtom(tokens), (a, b) => `${a}${b}`);
    else return left;
  }
}

function combine(left: Expr, right: Expr, join: (a: Scalar, b: Scalar) => Scalar): Expr {
  return (row) => {
    const a = toScalar(left(row));
    const b = toScalar(right(row));
    return a === null || b === null ? null : join(a, b);
  };
}

function add(a: Scalar, b: Scalar): number {
  const x = toNumber(a);
  const y = toNumber(b);
  if (x === null || y === null) throw new TypeError('a sum of texts is not supported');
  return x + y;
}

function parseAtom(tokens: TokenReader): Expr {
  const token = tokens.take();
  if (token.kind === 'mark' && token.text === '(') {
    const inner = parseOr(tokens);
    tokens.expect('mark', ')');
    return inner;
  }
  if (token.kind === 'string') return () => token.text;
  if (token.kind === 'number') {
    const number = Number(token.text);
    return () => number;
  }
  if (token.kind !== 'word') throw new SplError(`expected a value, found ${token.text || token.kind}`, token.at);
  if (!tokens.isAt('mark', '(')) return (row) => row[token.text] ?? null;

  const callee = FUNCTIONS.get(token.text);
  if (callee === undefined) throw new SplError(`the function ${token.text} is not supported`, token.at);
  const args = parseList(tokens, parseOr);
  if (args.length < callee.minArgs || args.length > callee.maxArgs) {
    throw new SplError(`${token.text} does not take ${args.length} arguments`, token.at);
  }
  return (row) => callee.call(args, row);
}

function parseList(tokens: TokenReader, parseElement: (tokens: TokenReader) => Expr): Expr[] {
  tokens.expect('mark', '(');
  const list = [parseElement(tokens)];
  while (tokens.takeIf('mark', ',')) list.push(parseElement(tokens));
  tokens.expect('mark', ')');
  return list;
}

/** True, false, or null for neither. */
export function toCondition(value: Value): boolean | null {
  if (value === null || typeof value === 'boolean') return value;
  throw new TypeError('a value stands where a condition is needed');
}

function both(left: Expr, right: Expr): Expr {
  return (row) => {
    const a = toCondition(left(row));
    if (a === false) return false;
    const b = toCondition(right(row));
    return b === false ? false : a === null || b === null ? null : true;
  };
}

function either(left: Expr, right: Expr): Expr {
  return (row) => {
    const a = toCondition(left(row));
    if (a === true) return true;
    const b = toCondition(right(row));
    return b === true ? true : a === null || b === null ? null : false;
  };
}
