/**
 * The tokens a request may carry, the preferred one first: given outright, or from a file that is watched.
 *
 * A rotation has two tokens for a while. The file may name both, one a line; and when it is replaced, the token that it had before
 * stays the second choice. So whichever of the two the server knows, events flow.
 *
 * While the file can't be read, or holds no token, the tokens known so far stay.
 */
import { readFileSync } from 'node:fs';
import type { HecTokenConfig } from './hec-config.ts';
import { HecError } from './hec-error.ts';
import type { Redactor } from './redactor.ts';
import { WatchedFiles } from './watched-files.ts';

/** A file given by mistake is not read whole. */
const MAX_FILE_CHARS = 4096;
/** What fits in a header as it is. */
const TOKEN = /^[\x21-\x7e]{4,512}$/;
/** The preferred one, the one before, and one that may be half a token, read while the file was being written. */
const MAX_TOKENS = 3;

export class TokenSource {
  readonly #file: string | null;
  readonly #pollMs: number;
  readonly #redactor: Redactor;
  #tokens: readonly string[] = [];
  #watched: WatchedFiles | null = null;
  #onChange: () => void = () => undefined;
  #fault: string | null = null;

  /** Throws `HecError` for a token that no header can carry, or none at all. */
  constructor(config: HecTokenConfig & { readonly tokenPollMs: number }, redactor: Redactor) {
    this.#redactor = redactor;
    this.#pollMs = config.tokenPollMs;
    this.#file = config.tokenFile ?? null;
    if (this.#file !== null) {
      this.read();
      return;
    }
    const given = [config.token, config.oldToken].filter((token) => token !== undefined);
    for (const token of given) redactor.learn(token);
    if (given.length === 0) throw new HecError('bad_token', 'no HEC token is set: neither a token nor a file of it');
    if (!given.every((token) => TOKEN.test(token))) {
      throw new HecError('bad_token', 'the HEC token has a character that no token has, or is empty');
    }
    this.#tokens = given;
  }

  /** The preferred one first; empty while the file has none. */
  get tokens(): readonly string[] {
    return this.#tokens;
  }

  /** Why the file can't be used at present. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Calls `onChange` after each change of the tokens. */
  watch(onChange: () => void): void {
    if (this.#file === null) return;
    this.#onChange = onChange;
    this.#watched = new WatchedFiles([this.#file], this.#pollMs, () => this.read());
  }

  close(): void {
    this.#watched?.close();
  }

  /** Reads the file, where there is one. */
  read(): void {
    if (this.#file === null) return;
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8').slice(0, MAX_FILE_CHARS);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
      this.#fault = `the token file can't be read (${code})`;
      return;
    }
    const lines = text.split('\n').map((line) => line.trim());
    const named = lines.filter((line) => line !== '' && !line.startsWith('#'));
    for (const line of named) this.#redactor.learn(line);
    if (named.length === 0 || !named.every((line) => TOKEN.test(line))) {
      this.#fault = named.length === 0 ? 'the token file is empty' : 'the token file holds something that is no token';
      return;
    }
    this.#fault = null;
    const next = [...new Set([...named, ...this.#tokens])].slice(0, Math.max(MAX_TOKENS, named.length));
    if (next.length === this.#tokens.length && next.every((token, i) => token === this.#tokens[i])) return;
    this.#tokens = next;
    this.#onChange();
  }
}
