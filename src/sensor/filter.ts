/**
 * A filter over events, written by a person, as a predicate over facts.
 *
 *     expression  = all { ( "or" | "||" ) all }
 *     all         = one { ( "and" | "&&" ) one }
 *     one         = ( "not" | "!" ) one | "(" expression ")" | term
 *     term        = [ "src" | "dst" ] ( "host" | "net" | "port" ) VALUE
 *                 | ( "src" | "dst" ) ADDRESS-OR-NETWORK
 *                 | "risk" ( ">=" | ">" | "<=" | "<" | "=" | "!=" ) NUMBER
 *                 | KEY VALUE                          a key of `filter-term.ts`
 *     VALUE       = a word, or text in double or single quotes
 *
 * Words of the language are read in any case. `and` binds tighter than `or`, as in tcpdump's filters. Whatever can't be read is a
 * `FilterError` that names the column and what was expected there; nothing else is thrown.
 */

import { escapeUnsafe } from '../bytes/text.ts';
import type { EventFacts } from '../event/event-facts.ts';
import { buildRiskTest, buildTerm, END_WORDS, TERM_KEYS, TermProblem } from './filter-term.ts';
import { MAX_FILTER_CHARS, MAX_FILTER_DEPTH } from './limits.ts';
import { nearestName } from './nearest-name.ts';

export type EventPredicate = (facts: EventFacts) => boolean;

/** A filter that can't be read: operational, so it is thrown. The message is ready to be shown. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
  /** The filter as it was given. */
  readonly filter: string;
  /** Where it can't be read on, counted from 1 in UTF-16 units. */
  readonly column: number;

  constructor(filter: string, column: number, problem: string) {
    super(`column ${column}: ${problem}`);
    this.filter = filter;
    this.column = column;
  }
}

/** Throws `FilterError`. */
export function parseFilter(text: string): EventPredicate {
  if (text.length > MAX_FILTER_CHARS) {
    throw new FilterError(text, MAX_FILTER_CHARS + 1, `the filter is longer than ${MAX_FILTER_CHARS} characters`);
  }
  return new Parser(text, readTokens(text)).parseWhole();
}

interface Token {
  readonly kind: 'word' | 'quoted' | 'sign' | 'end';
  readonly text: string;
  readonly column: number;
}

/** White space, quoted text, a sign, or a word, which ends at the next of these. */
const TOKEN = /\s+|"([^"]*)"|'([^']*)'|(\|\||&&|[<>!]=|[()<>=!])|([^\s()<>=!"'&|]+)/y;

function readTokens(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) throw new FilterError(text, at + 1, refuseCharacter(text[at]!));
    const [whole, double, single, sign, word] = match;
    const column = at + 1;
    const quoted = double ?? single;
    if (quoted !== undefined) tokens.push({ kind: 'quoted', text: quoted, column });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, column });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, column });
    at += whole.length;
  }
  tokens.push({ kind: 'end', text: '', column: text.length + 1 });
  return tokens;
}

function refuseCharacter(character: string): string {
  if (character === '"' || character === "'") return `this quotation mark ${character} is not closed`;
  if (character === '&' || character === '|') return `${character} alone means nothing; write "and" or "or"`;
  return `unexpected ${escapeUnsafe(character)}`;
}

const JOINTS: Readonly<Record<string, 'and' | 'or' | 'not'>> = {
  and: 'and',
  '&&': 'and',
  or: 'or',
  '||': 'or',
  not: 'not',
  '!': 'not',
};

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(text: string, tokens: readonly Token[]) {
    this.#text = text;
    this.#tokens = tokens;
  }

  parseWhole(): EventPredicate {
    const predicate = this.#any();
    const token = this.#peek();
    if (token.text === ')' && token.kind === 'sign') throw this.#refuse(token, 'this parenthesis was never opened');
    if (token.kind !== 'end') throw this.#refuse(token, refuseJoint(token));
    return predicate;
  }

  #any(): EventPredicate {
    const terms = [this.#all()];
    while (this.#takeJoint('or')) terms.push(this.#all());
    return terms.length === 1 ? terms[0]! : (facts) => terms.some((term) => term(facts));
  }

  #all(): EventPredicate {
    const terms = [this.#one()];
    while (this.#takeJoint('and')) terms.push(this.#one());
    return terms.length === 1 ? terms[0]! : (facts) => terms.every((term) => term(facts));
  }

  #one(): EventPredicate {
    const token = this.#peek();
    this.#depth += 1;
    if (this.#depth > MAX_FILTER_DEPTH) throw this.#refuse(token, `nested deeper than ${MAX_FILTER_DEPTH}`);
    const predicate = this.#negated() ?? this.#nested() ?? this.#term();
    this.#depth -= 1;
    return predicate;
  }

  #negated(): EventPredicate | null {
    if (!this.#takeJoint('not')) return null;
    const term = this.#one();
    return (facts) => !term(facts);
  }

  #nested(): EventPredicate | null {
    const open = this.#peek();
    if (open.kind !== 'sign' || open.text !== '(') return null;
    this.#at += 1;
    const inner = this.#any();
    const close = this.#peek();
    if (close.kind !== 'sign' || close.text !== ')') {
      const what =
        close.kind === 'end'
          ? 'the parenthesis of column'
          : `expected "and", "or" or ")" before ${shown(close)}; the parenthesis of column`;
      throw this.#refuse(close, `${what} ${open.column} is not closed`);
    }
    this.#at += 1;
    return inner;
  }

  #term(): EventPredicate {
    const token = this.#peek();
    if (token.kind !== 'word')
      throw this.#refuse(
        token,
        `expected a term${token.kind === 'end' ? '' : ` instead of ${shown(token)}`}: ${TERMS}`,
      );
    this.#at += 1;
    const key = token.text.toLowerCase();
    if (key === 'risk') return this.#risk();
    if (key === 'src' || key === 'dst') return this.#endpoint(key);
    if (!TERM_KEYS.has(key)) throw this.#refuse(token, refuseKey(token));
    return this.#build(key, null);
  }

  /** What `src` or `dst` is followed by: a word that says what comes, or the address itself. */
  #endpoint(end: 'src' | 'dst'): EventPredicate {
    const token = this.#peek();
    const word = token.text.toLowerCase();
    if (token.kind !== 'word' || !END_WORDS.has(word)) return this.#build('net', end);
    this.#at += 1;
    return this.#build(word, end);
  }

  #build(key: string, end: 'src' | 'dst' | null): EventPredicate {
    const value = this.#peek();
    const isJoint = value.kind === 'word' && Object.hasOwn(JOINTS, value.text.toLowerCase());
    if (isJoint || value.kind === 'sign' || value.kind === 'end') {
      const found =
        value.kind === 'end' ? 'the filter ends here' : `found ${isJoint ? 'the word ' : ''}${shown(value)}`;
      const cure = isJoint ? '; put it in quotation marks if it is meant' : '';
      throw this.#refuse(value, `${key} wants ${TERM_KEYS.get(key)!}, but ${found}${cure}`);
    }
    const built = buildTerm(key, end, value.text);
    if (built instanceof TermProblem) throw this.#refuse(value, built.message);
    this.#at += 1;
    return built;
  }

  #risk(): EventPredicate {
    const sign = this.#peek();
    const number = this.#tokens[this.#at + 1] ?? sign;
    const test = sign.kind === 'sign' ? buildRiskTest(sign.text, number.kind === 'word' ? number.text : '') : null;
    if (test === null) {
      const at = sign.kind === 'sign' && !'()!'.includes(sign.text) ? number : sign;
      throw this.#refuse(at, 'risk wants a comparison and a whole number: risk >= 3');
    }
    this.#at += 2;
    return test;
  }

  #peek(): Token {
    return this.#tokens[this.#at]!;
  }

  #takeJoint(joint: 'and' | 'or' | 'not'): boolean {
    const token = this.#peek();
    const text = token.text.toLowerCase();
    if (token.kind === 'quoted' || !Object.hasOwn(JOINTS, text) || JOINTS[text] !== joint) return false;
    this.#at += 1;
    return true;
  }

  #refuse(token: Token, problem: string): FilterError {
    return new FilterError(this.#text, token.column, problem);
  }
}

const TERMS = [...TERM_KEYS.keys(), 'src', 'dst', 'risk'].join(', ');

function refuseKey(token: Token): string {
  const near = nearestName(token.text, [...TERM_KEYS.keys(), 'src', 'dst', 'risk', 'and', 'or', 'not']);
  return `${shown(token)} is no term; ${near === null ? `expected ${TERMS}` : `did you mean "${near}"?`}`;
}

function refuseJoint(token: Token): string {
  const near = nearestName(token.text, ['and', 'or']);
  return near === null
    ? `expected "and" or "or" before ${shown(token)}`
    : `expected "and" or "or"; did you mean "${near}"?`;
}

function shown(token: Token): string {
  return token.kind === 'end' ? 'the end' : `"${escapeUnsafe(token.text)}"`;
}
