/** A sender in a process of its own, as the harness sees it: it runs, is killed, or ends with a report. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { COMMITS_FILE, type SenderPlan, type SenderReport } from './sender-plan.ts';

/** Compiled, also where vitest runs this file from its source. */
const COMPILED = import.meta.url.endsWith('.ts') ? '../../dist/test/integrity/' : './';
const PROGRAM = fileURLToPath(new URL(`${COMPILED}sender-program.js`, import.meta.url));

export class SenderProcess {
  readonly #child: ChildProcess;
  /** What it said on both streams: no token may be in it. */
  output = '';
  /** Null when it was killed. Rejects when it failed by itself. */
  readonly ended: Promise<SenderReport | null>;

  constructor(plan: SenderPlan) {
    this.#child = spawn(process.execPath, [PROGRAM, JSON.stringify(plan)], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.output += chunk.toString();
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.output += chunk.toString();
    });
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('close', (code, signal) => {
        if (signal === 'SIGKILL') resolve(null);
        else if (code === 0) resolve(readReport(this.output));
        else reject(new Error(`the sender ended with ${code ?? signal}:\n${this.output}`));
      });
    });
    // Whoever waits for it later still hears of a failure; until then it must not end the harness.
    this.ended.catch(() => undefined);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** As `ps` shows it. */
  commandLine(): string {
    const file = `/proc/${this.#child.pid}/cmdline`;
    return existsSync(file) ? readFileSync(file, 'latin1') : '';
  }
}

function readReport(output: string): SenderReport {
  const line = output.trimEnd().split('\n').at(-1) ?? '';
  // The sender writes it, from the same type.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(line) as SenderReport;
}

/** For each run, up to which `seq` the spool had confirmed its commits. A last line that a kill cut short was not confirmed. */
export function readCommits(folder: string): Map<string, number> {
  const commits = new Map<string, number>();
  const file = path.join(folder, COMMITS_FILE);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    const [bootId = '', seq = ''] = line.split(' ');
    if (bootId !== '') commits.set(bootId, Number(seq));
  }
  return commits;
}
