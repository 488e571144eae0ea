/**
 * Runs a Splunk search, from its own text, over events in memory: as much of SPL as the published T1608.003 search uses, and nothing
 * more. What is not understood is refused, never skipped.
 *
 *     search     base search { | command }
 *     command    where expression
 *                eval field = expression { , field = expression }
 *                table field , …
 *                sort [count] [+|-] field , …
 */
import { readFileSync } from 'node:fs';
import { parseBaseSearch } from './base-search.ts';
import { parseExpression, toCondition } from './expression.ts';
import type { Expr } from './functions.ts';
import { compare, type FieldValue, type Row, toRow, valuesOf } from './row.ts';
import { readTokens, SplError, TokenReader } from './tokens.ts';

/** The search as published, unmodified. */
export const PUBLISHED_SEARCH: string = readFileSync(new URL('./t1608.003.spl', import.meta.url), 'utf8');

/** One event as the HTTP Event Collector takes it. */
export interface HecEnvelope {
  readonly event: Record<string, unknown>;
  readonly fields?: Record<string, unknown>;
  readonly sourcetype?: string;
  readonly source?: string;
  readonly host?: string;
  readonly index?: string;
  /** Seconds since 1970. */
  readonly time?: number | string;
}

/** The row that an indexed event is to a search. An envelope without an index goes to the token's, here `defaultIndex`. */
export function rowOfEnvelope(envelope: HecEnvelope, defaultIndex: string): Record<string, unknown> {
  const { event, fields, time, sourcetype, source, host } = envelope;
  return { ...event, ...fields, sourcetype, source, host, _time: time, index: envelope.index ?? defaultIndex };
}

type Command = (rows: readonly Row[]) => readonly Row[];

/**
 * The rows that the search reports, in its order. Rows go in as JSON events with `index`, `sourcetype` and `_time` beside their
 * fields. A field of an event comes out as text, a computed number as a number.
 */
export function runSearch(spl: string, rows: readonly Record<string, unknown>[]): Row[] {
  const commands = parseSearch(spl);
  let result: readonly Row[] = rows.map(toRow);
  for (const command of commands) result = command(result);
  return [...result];
}

function parseSearch(spl: string): Command[] {
  const tokens = new TokenReader(readTokens(spl));
  const matches = parseBaseSearch(tokens);
  const commands: Command[] = [(rows) => rows.filter(matches)];
  while (tokens.takeIf('mark', '|')) commands.push(parseCommand(tokens));
  tokens.expect('end');
  return commands;
}

function parseCommand(tokens: TokenReader): Command {
  const name = tokens.expect('word');
  switch (name.text) {
    case 'where':
      return parseWhere(tokens);
    case 'eval':
      return parseEval(tokens);
    case 'table':
      return parseTable(tokens);
    case 'sort':
      return parseSort(tokens);
    default:
      throw new SplError(`the command ${name.text} is not supported`, name.at);
  }
}

function parseWhere(tokens: TokenReader): Command {
  const condition = parseExpression(tokens);
  return (rows) => rows.filter((row) => toCondition(condition(row)) === true);
}

function parseEval(tokens: TokenReader): Command {
  const assignments: [field: string, value: Expr][] = [];
  do {
    const field = tokens.expect('word').text;
    tokens.expect('mark', '=');
    assignments.push([field, parseExpression(tokens)]);
  } while (tokens.takeIf('mark', ','));
  return (rows) => rows.map((row) => assign(row, assignments));
}

/** One assignment after the other, each seeing those before it. Null takes the field away. */
function assign(row: Row, assignments: readonly (readonly [string, Expr])[]): Row {
  const result: Record<string, FieldValue> = { ...row };
  for (const [field, expression] of assignments) {
    const value = expression(result);
    if (typeof value === 'boolean') throw new TypeError(`${field} is given a condition, which a field can't hold`);
    if (value === null) delete result[field];
    else result[field] = value;
  }
  return result;
}

function parseTable(tokens: TokenReader): Command {
  const fields: string[] = [];
  do fields.push(tokens.expect('word').text);
  while (tokens.takeIf('mark', ',') || tokens.next.kind === 'word');
  return (rows) =>
    rows.map((row) => Object.fromEntries(fields.filter((f) => row[f] !== undefined).map((f) => [f, row[f]!])));
}

/** What `sort` keeps when it is given no count. */
const SORT_DEFAULT_COUNT = 10_000;

function parseSort(tokens: TokenReader): Command {
  const count = tokens.next.kind === 'number' ? Number(tokens.take().text) : SORT_DEFAULT_COUNT;
  const keys: { field: string; sign: number }[] = [];
  do {
    const isDescending = tokens.takeIf('mark', '-');
    if (!isDescending) tokens.takeIf('mark', '+');
    keys.push({ field: tokens.expect('word').text, sign: isDescending ? -1 : 1 });
  } while (tokens.takeIf('mark', ','));
  return (rows) => {
    const sorted = rows.toSorted((a, b) => {
      for (const { field, sign } of keys) {
        const order = sign * compareFields(a[field], b[field]);
        if (order !== 0) return order;
      }
      return 0;
    });
    // `sort 0` keeps all.
    return count === 0 ? sorted : sorted.slice(0, count);
  };
}

/** By the first value; an absent field is less than any. */
function compareFields(a: FieldValue | undefined, b: FieldValue | undefined): number {
  const x = valuesOf(a)[0];
  const y = valuesOf(b)[0];
  if (x === undefined || y === undefined) return (x === undefined ? 0 : 1) - (y === undefined ? 0 : 1);
  return compare(x, y);
}
