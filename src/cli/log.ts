/**
 * The log of a capture, to standard error: lines for people on a terminal, objects by pino elsewhere.
 *
 *     text    spanglass: eth1 is down
 *     json    {"level":"warn","time":"2026-11-24T07:40:00.000Z","event":"link","link":"down","msg":"eth1 is down"}
 *
 * `event` says what kind of line it is, in a word that does not change. Lines are written before `write` returns, so none is lost at an
 * end. Every text goes through `redact`: an answer of a server may repeat a token.
 */
import { pino } from 'pino';
import type { TextStream } from './cli-io.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  /** Takes secrets out of texts; may be set later, by who knows them. */
  redact: (text: string) => string;
  write(level: LogLevel, event: string, message: string, fields?: LogFields): void;
}

/** Never to be written, whoever hands them over. */
const SECRET_FIELDS = ['token', 'old_token', 'password', 'authorization', 'key_passphrase'];
const SECRET_PATHS = SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Objects, one a line. */
export class JsonLog implements Log {
  redact = (text: string): string => text;
  readonly #pino;

  constructor(stream: TextStream, least: LogLevel, sensor: string) {
    this.#pino = pino(
      {
        level: least,
        base: { sensor },
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
        redact: { paths: SECRET_PATHS, censor: '[redacted]' },
      },
      { write: (line: string) => stream.write(line) },
    );
  }

  write(level: LogLevel, event: string, message: string, fields: LogFields = {}): void {
    const clean = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? this.redact(value) : value]),
    );
    this.#pino[level]({ event, ...clean }, this.redact(message));
  }
}

/** Lines for people; what is in `fields` is in the message, too, as far as a person wants it. */
export class TextLog implements Log {
  redact = (text: string): string => text;
  readonly #show: (message: string) => void;
  readonly #least: number;

  constructor(show: (message: string) => void, least: LogLevel) {
    this.#show = show;
    this.#least = LEVELS.indexOf(least);
  }

  write(level: LogLevel, _event: string, message: string): void {
    if (LEVELS.indexOf(level) >= this.#least) this.#show(this.redact(message));
  }
}
