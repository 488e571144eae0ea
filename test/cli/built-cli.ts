/** The command line as its user runs it: compiled, in a process of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Inside the repository, so that packages are found; under `out/`, which git ignores. */
const OUT = `${ROOT}out/test-cli-${process.pid}`;
const MAIN = `${OUT}/src/cli/main.js`;

/**
 * Compiles into a folder of its own: what is in `dist` may be older than the sources. Type errors are another check's
 * business; the compiler writes its output all the same.
 */
export function buildCli(): void {
  const compiler = `${ROOT}node_modules/typescript/bin/tsc`;
  const args = [compiler, '-p', 'tsconfig.build.json', '--outDir', OUT, '--incremental', 'false'];
  const { stdout } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  if (!existsSync(MAIN)) throw new Error(`the command line was not compiled:\n${stdout}`);
}

export function removeBuild(): void {
  rmSync(OUT, { recursive: true, force: true });
}

export function cliCommand(...args: readonly string[]): string[] {
  return [process.execPath, MAIN, ...args];
}

/** Lets the compiled program find a package that is installed elsewhere, by the package's folder. */
export function linkPackage(name: string, folder: string): void {
  mkdirSync(`${OUT}/node_modules`, { recursive: true });
  symlinkSync(folder, `${OUT}/node_modules/${name}`);
}

/** Another program that is compiled with it: `test/support/hec/main.js`. */
export function builtProgram(file: string): string[] {
  return [process.execPath, `${OUT}/${file}`];
}

/** The path to give to a shell. */
export function shellCommand(...args: readonly string[]): string {
  return cliCommand(...args)
    .map((word) => `'${word.replaceAll("'", "'\\''")}'`)
    .join(' ');
}

interface ProcessRun {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly done: Promise<ProcessRun>;
}

export function startCli(...args: readonly string[]): RunningCli {
  return watch(spawn(process.execPath, [MAIN, ...args], { cwd: ROOT }));
}

/** A line for bash, with pipefail. */
export function startShell(line: string): RunningCli {
  return watch(spawn('bash', ['-o', 'pipefail', '-c', line], { cwd: ROOT }));
}

function watch(child: ReturnType<typeof spawn>): RunningCli {
  const out: Buffer[] = [];
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const done = new Promise<ProcessRun>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(out), stderr }));
  });
  return { child, done };
}
