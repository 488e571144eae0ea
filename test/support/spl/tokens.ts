/**
 * The words of a Splunk search.
 *
 *     string    "…", with \" and \\ as escapes; any other backslash stays, as the regular expressions need it
 *     number    digits, with a fraction or without
 *     word      a command, a field, a bare value, AND OR NOT IN
 *     mark      ( ) , | . + - = == > >= < <=
 *
 * Anything else is refused by name: an interpreter that guesses proves nothing.
 */
export type TokenKind = 'string' | 'number' | 'word' | 'mark' | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Offset in the search, for messages. */
  readonly at: number;
}

export class SplError extends Error {
  constructor(message: string, at: number) {
    super(`${message} (at ${at})`);
    this.name = 'SplError';
  }
}

const NEXT = /\s*(?:"((?:[^"\\]|\\.)*)"|(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|(==|>=|<=|[(),|.+\-=<>]))/sy;

export function readTokens(spl: string): Token[] {
  const tokens: Token[] = [];
  const end = spl.trimEnd().length;
  NEXT.lastIndex = 0;
  while (NEXT.lastIndex < end) {
    const from = NEXT.lastIndex;
    const found = NEXT.exec(spl);
    if (found === null) throw new SplError('this is no part of a search that is understood', from);
    const [, string, number, word, mark] = found;
    const at = from + found[0].length - found[0].trimStart().length;
    if (string !== undefined) tokens.push({ kind: 'string', text: readEscapes(string, at), at });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number, at });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, at });
    else tokens.push({ kind: 'mark', text: mark!, at });
  }
  tokens.push({ kind: 'end', text: '', at: end });
  return tokens;
}

function readEscapes(body: string, at: number): string {
  // The documentation of eval gives \t as a tab; the published search has none of these, so they are not guessed at.
  if (/(?<!\\)(?:\\\\)*\\[tnr]/.test(body)) throw new SplError('an escaped control character is not supported', at);
  return body.replace(/\\(["\\])/g, '$1');
}

/** A reader of tokens, one ahead. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get next(): Token {
    return this.#tokens[this.#next]!;
  }

  /** The one after the next. */
  get second(): Token {
    return this.#tokens[Math.min(this.#next + 1, this.#tokens.length - 1)]!;
  }

  take(): Token {
    const token = this.next;
    if (token.kind !== 'end') this.#next += 1;
    return token;
  }

  isAt(kind: TokenKind, text: string): boolean {
    return this.next.kind === kind && this.next.text === text;
  }

  /** Takes the token if it is this one. */
  takeIf(kind: TokenKind, text: string): boolean {
    if (!this.isAt(kind, text)) return false;
    this.take();
    return true;
  }

  expect(kind: TokenKind, text?: string): Token {
    const token = this.take();
    if (token.kind === kind && (text === undefined || token.text === text)) return token;
    throw new SplError(
      `expected ${text ?? `a ${kind}`}, found ${token.text === '' ? token.kind : token.text}`,
      token.at,
    );
  }
}
