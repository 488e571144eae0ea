/** What a command may touch of the process, so that a test can stand in for it. */

export interface TextStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface CliIo {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Raised by the first Ctrl-C or SIGTERM. */
  readonly interrupt: AbortSignal;
  /** Calls `listener` at each SIGHUP, which ends a process that does not listen. */
  onHangup(listener: () => void): void;
  /** Raised when the reader of standard output went away. */
  readonly readerGone: AbortSignal;
}

/** A terminal that can move its cursor. */
export function isTerminal(stream: TextStream, env: CliIo['env']): boolean {
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

/** https://no-color.org: any text in NO_COLOR switches colours off. */
export function hasColor(stream: TextStream, env: CliIo['env']): boolean {
  return isTerminal(stream, env) && (env['NO_COLOR'] ?? '') === '';
}
