/** Stands in for the process: what a command writes is kept, and a stream is a terminal only if the test says so. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { CliIo, TextStream } from '../../src/cli/cli-io.ts';
import type { ExitCode } from '../../src/cli/exit-code.ts';
import { runCli } from '../../src/cli/run-cli.ts';

export class FakeStream implements TextStream {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number | undefined;

  /** `columns` makes it a terminal. */
  constructor(columns?: number) {
    this.isTTY = columns !== undefined;
    this.columns = columns;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }
}

export interface CliRun {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

export interface FakeOptions {
  /** Width of the terminal that standard output and standard error are; none where absent. */
  readonly columns?: number;
  readonly env?: CliIo['env'];
  readonly interrupt?: AbortSignal;
  readonly onHangup?: CliIo['onHangup'];
}

export async function runFake(args: readonly string[], options: FakeOptions = {}): Promise<CliRun> {
  const stdout = new FakeStream(options.columns);
  const stderr = new FakeStream(options.columns);
  const code = await runCli(args, {
    stdout,
    stderr,
    env: options.env ?? {},
    interrupt: options.interrupt ?? new AbortController().signal,
    onHangup: options.onHangup ?? (() => {}),
    readerGone: new AbortController().signal,
  });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** A folder that is gone after the test. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spanglass-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** One of our own captures. */
export function capture(name: string): string {
  return join(PCAPS, name);
}

export const PCAPS = fileURLToPath(new URL('../../pcaps/', import.meta.url));
