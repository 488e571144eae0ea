/**
 * What a replay or a capture shows while it runs: findings, problems, progress. Findings go to standard output, or to standard error where
 * standard output carries events or counters; problems and progress always go to standard error.
 */
import type { Finding } from '../sensor/finding.ts';
import type { CaptureResult } from '../sensor/replay.ts';
import { type CliIo, hasColor, isTerminal, type TextStream } from './cli-io.ts';
import { toFindingLine } from './finding.ts';
import type { FindingsTable } from './findings-table.ts';
import type { ProgressBar } from './progress-bar.ts';
import { toCountOf } from './quantity-text.ts';
import type { CaptureProblem } from './run-stats.ts';

export class Screen {
  readonly #io: CliIo;
  readonly #isStdoutTaken: boolean;
  readonly #table: FindingsTable | null;
  readonly #bar: ProgressBar | null;
  #hasHeader = false;

  /** Use `openScreen`. */
  constructor(io: CliIo, isStdoutTaken: boolean, table: FindingsTable | null, bar: ProgressBar | null) {
    this.#io = io;
    this.#isStdoutTaken = isStdoutTaken;
    this.#table = table;
    this.#bar = bar;
  }

  get #results(): TextStream {
    return this.#isStdoutTaken ? this.#io.stderr : this.#io.stdout;
  }

  showFinding(finding: Finding): void {
    this.#bar?.erase();
    if (this.#table === null) {
      this.#results.write(toFindingLine(finding));
      return;
    }
    if (!this.#hasHeader) this.#results.write(this.#table.header());
    this.#hasHeader = true;
    this.#results.write(this.#table.row(finding));
  }

  showProblem(message: string): void {
    this.#bar?.erase();
    this.#io.stderr.write(`spanglass: ${message}\n`);
  }

  showProgress(path: string, doneBytes: number, findings: number): void {
    this.#bar?.draw(path, doneBytes, findings, performance.now());
  }

  /** A line in place of the bar: what is waited for. */
  showWait(text: string): void {
    this.#bar?.drawText(text);
  }

  showSummary(text: string): void {
    this.#bar?.erase();
    this.#results.write(this.#hasHeader ? `\n${text}` : text);
  }

  /** Leaves no bar behind. */
  close(): void {
    this.#bar?.erase();
  }
}

/** Loads what draws only where there is a terminal to draw on. */
export async function openScreen(
  io: CliIo,
  isStdoutTaken: boolean,
  isQuiet: boolean,
  totalBytes: number,
): Promise<Screen> {
  if (isQuiet) return new Screen(io, isStdoutTaken, null, null);
  const results = isStdoutTaken ? io.stderr : io.stdout;
  let table: FindingsTable | null = null;
  let bar: ProgressBar | null = null;
  if (isTerminal(results, io.env)) {
    const { FindingsTable } = await import('./findings-table.ts');
    table = new FindingsTable(results.columns, hasColor(results, io.env));
  }
  if (isTerminal(io.stderr, io.env)) {
    const { ProgressBar } = await import('./progress-bar.ts');
    bar = new ProgressBar(io.stderr, totalBytes, performance.now());
  }
  return new Screen(io, isStdoutTaken, table, bar);
}

/** What is wrong with a capture that was replayed; null where nothing is. */
export function toProblem({ path, counters, fault, error }: CaptureResult, shownPath: string): CaptureProblem | null {
  const packets = counters?.packets ?? 0;
  // The packet that the file ends in is among them where a part of it was read.
  const read = counters === null ? '' : `; ${toCountOf(packets, 'packet')} ${packets === 1 ? 'was' : 'were'} read`;
  if (error !== null) {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : 'error';
    return { file: path, kind: 'failed', code, message: error.message + read };
  }
  if (fault === null) return null;
  return { file: path, kind: 'damaged', code: fault.code, message: `${shownPath}: ${fault.message}${read}` };
}
