/** Programs that a test starts as processes of their own, to kill them: joined with what they import, since Node 20 runs no TypeScript. */
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'rolldown';

/** Inside node_modules, so that packages are found from there. */
const FOLDER = 'node_modules/.cache/spanglass-test';

/** Path of the program that `entry` became. */
export async function bundleProgram(entry: string): Promise<string> {
  const file = path.resolve(FOLDER, `${path.basename(entry, '.ts')}-${process.pid}.mjs`);
  await build({
    input: entry,
    platform: 'node',
    logLevel: 'silent',
    external: (id) => !id.startsWith('.') && !path.isAbsolute(id),
    output: { file, format: 'esm', codeSplitting: false },
  });
  return file;
}

export interface Program {
  readonly child: ChildProcess;
  /** Lines of standard output so far; all of them once `ended` has resolved. */
  readonly lines: readonly string[];
  readonly errors: readonly string[];
  /** Exit status, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** Resolves with the first line that begins so, or null where the program ended without. */
  line(prefix: string): Promise<string | null>;
}

export function startProgram(command: string, args: readonly string[]): Program {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const errors: string[] = [];
  let onLine = () => {};
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    onLine();
  });
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  let isOver = false;
  const ended = new Promise<number | string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      isOver = true;
      onLine();
      resolve(code ?? signal ?? 'unknown');
    });
  });
  const line = async (prefix: string): Promise<string | null> => {
    for (;;) {
      const found = lines.find((one) => one.startsWith(prefix));
      if (found !== undefined || isOver) return found ?? null;
      await new Promise<void>((resolve) => {
        onLine = resolve;
      });
    }
  };
  return { child, lines, errors, ended, line };
}
