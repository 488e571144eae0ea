/**
 * What the user named (files, folders, patterns, `-`) as a list of captures.
 *
 * - A file is tried whatever its name; so is what a pattern matches.
 * - A folder is searched with all below it, and gives what is named like a capture: `x.pcap`, `x.pcapng.gz`, and what
 *   rotation makes of them (`x.pcap12`, `x.pcap.00003`, `x.pcap-2024-01-31`). Other files are counted, not tried.
 * - A pattern is one only where no file of that name exists.
 *
 * The order of the arguments is kept; what a folder or a pattern gives is sorted, numbers by value, so a rotated capture
 * is read in the order of its time. A file reached twice, also through links, is listed once. What can't be used is told, and the
 * rest is still listed. A capture is named as the user would name it: the argument, joined with what was found below it.
 */

import type { BigIntStats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';

import { escapeUnsafe } from '../bytes/text.ts';
import { CaptureError, toCaptureError } from './capture-error.ts';
import { STDIN_NAME } from './open-capture.ts';

export interface FoundCapture {
  readonly path: string;
  /** Size on disk; 0 for standard input and pipes. */
  readonly sizeBytes: number;
}

export interface FoundCaptures {
  readonly captures: readonly FoundCapture[];
  /** Files in searched folders that are not named like a capture. */
  readonly otherFiles: number;
  /** One for each argument or folder that could not be used, ready to be shown. */
  readonly problems: readonly CaptureError[];
}

const CAPTURE_NAME = /\.(?:pcap|pcapng|cap|dmp|dump)(?:[-_.]?\d[-_.:T\dZ]*)?(?:\.(?:gz|zst|zstd|lz4|xz))?$/i;
/** `._x.pcap` is what macOS leaves of a file's attributes on other file systems, no capture. */
const APPLE_DOUBLE = '._';

const byName = new Intl.Collator('en', { numeric: true });

export async function findCaptures(args: readonly string[]): Promise<FoundCaptures> {
  const search = new Search();
  for (const arg of args) await search.addArgument(arg);
  return search;
}

/** Whether a file in a folder is named like a capture. */
export function isCaptureName(name: string): boolean {
  return CAPTURE_NAME.test(name) && !name.startsWith(APPLE_DOUBLE);
}

class Search implements FoundCaptures {
  readonly captures: FoundCapture[] = [];
  readonly problems: CaptureError[] = [];
  otherFiles = 0;
  /** Files and folders that were met, by device and inode: links lead to each of them once. */
  readonly #met = new Set<string>();

  async addArgument(arg: string): Promise<void> {
    if (arg === STDIN_NAME) {
      if (this.#meets(STDIN_NAME)) this.captures.push({ path: arg, sizeBytes: 0 });
      return;
    }
    try {
      await this.#addNamed(arg, await stat(arg, { bigint: true }));
    } catch (error) {
      const problem = toCaptureError(error, arg);
      if (problem.code !== 'not_found' || !(await this.#addPattern(arg))) this.problems.push(problem);
    }
  }

  async #addNamed(path: string, stats: BigIntStats): Promise<void> {
    if (stats.isDirectory()) await this.#addFolder(path, stats);
    else this.#addFile(path, stats);
  }

  /** False where the argument is no pattern. */
  async #addPattern(pattern: string): Promise<boolean> {
    const { glob, isDynamicPattern } = await import('tinyglobby');
    if (!isDynamicPattern(pattern)) return false;
    const matches = await glob([pattern], {
      absolute: isAbsolute(pattern),
      caseSensitiveMatch: true,
      expandDirectories: false,
      onlyFiles: false,
    });
    if (matches.length === 0) {
      const message = `${escapeUnsafe(pattern)}: no file of that name, and as a pattern it matches none`;
      this.problems.push(new CaptureError('not_found', pattern, message));
    }
    // Short paths first: a file that a link reaches as well keeps its plain name.
    const first = this.captures.length;
    for (const path of matches.toSorted((a, b) => depth(a) - depth(b) || byName.compare(a, b))) {
      try {
        await this.#addNamed(path, await stat(path, { bigint: true }));
      } catch (error) {
        this.problems.push(toCaptureError(error, path));
      }
    }
    this.#sortFrom(first);
    return true;
  }

  async #addFolder(path: string, stats: BigIntStats): Promise<void> {
    const first = this.captures.length;
    const firstProblem = this.problems.length;
    const otherFilesBefore = this.otherFiles;
    const isNew = await this.#searchFolder(path, stats);
    this.#sortFrom(first);
    if (!isNew || this.captures.length > first || this.problems.length > firstProblem) return;
    const others = this.otherFiles - otherFilesBefore;
    const what = others === 0 ? 'it holds no file' : `${others} other ${others === 1 ? 'file' : 'files'}`;
    const message = `${escapeUnsafe(path)}: no capture in this folder (${what}); a file with an unusual name can be named itself`;
    this.problems.push(new CaptureError('no_captures', path, message));
  }

  /** False for a folder that was searched before. */
  async #searchFolder(path: string, stats: BigIntStats): Promise<boolean> {
    if (!this.#meets(identity(stats))) return false;
    try {
      for (const entry of await readdir(path, { withFileTypes: true })) {
        const below = join(path, entry.name);
        if (entry.isFile() && !isCaptureName(entry.name)) this.otherFiles++;
        else if (entry.isFile() || entry.isDirectory() || entry.isSymbolicLink())
          await this.#addEntry(below, entry.name);
      }
    } catch (error) {
      this.problems.push(toCaptureError(error, path));
    }
    return true;
  }

  async #addEntry(path: string, name: string): Promise<void> {
    try {
      const stats = await stat(path, { bigint: true });
      if (stats.isDirectory()) await this.#searchFolder(path, stats);
      else if (!isCaptureName(name)) this.otherFiles++;
      else if (stats.isFile()) this.#addFile(path, stats);
    } catch (error) {
      // A link that leads nowhere matters only where a capture was to be expected.
      if (isCaptureName(name)) this.problems.push(toCaptureError(error, path));
      else this.otherFiles++;
    }
  }

  #addFile(path: string, stats: BigIntStats): void {
    if (!this.#meets(identity(stats))) return;
    this.captures.push({ path, sizeBytes: stats.isFile() ? Number(stats.size) : 0 });
  }

  #meets(id: string): boolean {
    if (this.#met.has(id)) return false;
    this.#met.add(id);
    return true;
  }

  #sortFrom(first: number): void {
    const found = this.captures.splice(first).toSorted((a, b) => byName.compare(a.path, b.path));
    for (const capture of found) this.captures.push(capture);
  }
}

function identity(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}`;
}

function depth(path: string): number {
  return path.split('/').length;
}
