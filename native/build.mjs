/**
 * Builds the addon for live capture with the C compiler of this machine:
 *
 *     node native/build.mjs [--strict]
 *
 * Installing runs it, and an install never fails for want of it: off Linux, or without a compiler, it says so in one line and
 * everything but live capture works. With `--strict` that is a failure. Nothing is done where the addon is newer than its sources.
 * docs/decisions/ has why this is not node-gyp.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const output = join(here, 'build', 'Release', 'spanglass.node');
const isStrict = process.argv.includes('--strict');
const COMPILER = process.env['CC'] ?? 'cc';
const FLAGS = ['-std=gnu11', '-O2', '-fPIC', '-shared', '-fvisibility=hidden', '-Wall', '-Wextra', '-Werror'];

function main() {
  if (process.platform !== 'linux') return giveUp('it is for Linux only');
  const include = findHeaders();
  if (include === null) return giveUp('the package node-api-headers is not installed');
  const files = sources();
  if (isCurrent(files)) return 0;
  mkdirSync(dirname(output), { recursive: true });
  // Written beside and moved: a process that has the old one loaded keeps it.
  const fresh = `${output}.${process.pid}`;
  const c = files.filter((path) => path.endsWith('.c'));
  const args = [...FLAGS, '-DNODE_GYP_MODULE_NAME=spanglass', `-I${include}`, `-I${here}`, '-o', fresh, ...c, '-ldl'];
  const { error, status, stderr } = spawnSync(COMPILER, args, { encoding: 'utf8' });
  if (error !== undefined) return giveUp(`${COMPILER} can't be run: ${error.message}`);
  if (status !== 0) return giveUp(`${COMPILER} failed: ${isStrict ? `\n${stderr}` : firstError(stderr)}`);
  renameSync(fresh, output);
  process.stdout.write('built the addon for live capture\n');
  return 0;
}

function giveUp(reason) {
  process.stdout.write(`the addon for live capture was not built: ${reason}; everything else works\n`);
  return isStrict ? 1 : 0;
}

/** The line that says most: an install shows one. */
function firstError(stderr) {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  return lines.find((line) => line.includes('error')) ?? lines[0] ?? 'without a word';
}

/** C sources and headers of the addon. Programs for the kernel (`.bpf.c`) and tests are not part of it. */
function sources() {
  const parts = readdirSync(here, { recursive: true, withFileTypes: true });
  return parts
    .filter((entry) => entry.isFile() && /\.[ch]$/.test(entry.name) && !entry.name.endsWith('.bpf.c'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.startsWith(join(here, 'test')))
    .toSorted();
}

function isCurrent(files) {
  const built = statSync(output, { throwIfNoEntry: false });
  const inputs = [...files, fileURLToPath(import.meta.url)];
  return built !== undefined && inputs.every((path) => statSync(path).mtimeMs <= built.mtimeMs);
}

function findHeaders() {
  try {
    return createRequire(import.meta.url)('node-api-headers').include_dir;
  } catch {
    return null;
  }
}

process.exitCode = main();
