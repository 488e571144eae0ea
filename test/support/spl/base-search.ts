/**
 * The terms before the first pipe. Unlike in eval, OR binds tighter than AND, AND may be left out, and values compare without
 * regard to case. A field of several values matches if one of them does; a field that is absent matches nothing, so `NOT` of it
 * passes.
 *
 *     search   or { [AND] or }
 *     or       not { OR not }
 *     not      NOT not | ( search ) | field = value
 */
import { type Row, valuesOf } from './row.ts';
import { SplError, type TokenReader } from './tokens.ts';

export type Filter = (row: Row) => boolean;

export function parseBaseSearch(tokens: TokenReader): Filter {
  const terms = [parseOr(tokens)];
  while (tokens.next.kind === 'word' || tokens.isAt('mark', '(')) {
    tokens.takeIf('word', 'AND');
    terms.push(parseOr(tokens));
  }
  return (row) => terms.every((term) => term(row));
}

function parseOr(tokens: TokenReader): Filter {
  const terms = [parseNot(tokens)];
  while (tokens.takeIf('word', 'OR')) terms.push(parseNot(tokens));
  return (row) => terms.some((term) => term(row));
}

function parseNot(tokens: TokenReader): Filter {
  if (tokens.takeIf('word', 'NOT')) {
    const inner = parseNot(tokens);
    return (row) => !inner(row);
  }
  if (tokens.takeIf('mark', '(')) {
    const inner = parseBaseSearch(tokens);
    tokens.expect('mark', ')');
    return inner;
  }
  const field = tokens.expect('word').text;
  tokens.expect('mark', '=');
  const value = tokens.take();
  if (value.kind === 'mark' || value.kind === 'end') throw new SplError(`${field} is compared with nothing`, value.at);
  if (value.text.includes('*')) throw new SplError('a wildcard is not supported', value.at);
  const wanted = value.text.toLowerCase();
  return (row) => valuesOf(row[field]).some((found) => String(found).toLowerCase() === wanted);
}
