/** Inputs that once broke something, as files: `found/<target>-<first 8 digits of the SHA-256>.bin`. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { PROJECT_ROOT } from './project-root.ts';

/** Beside the sources, wherever the code runs from. */
const FOLDER = path.join(PROJECT_ROOT, 'test/fuzz/found');
const NAME = /^(.+)-[0-9a-f]{8}\.bin$/;

/** Writes an input and returns its path. */
export function keepInput(target: string, bytes: Uint8Array): string {
  mkdirSync(FOLDER, { recursive: true });
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 8);
  const file = path.join(FOLDER, `${target}-${hash}.bin`);
  writeFileSync(file, bytes);
  return file;
}

export function listFound(): string[] {
  if (!existsSync(FOLDER)) return [];
  return readdirSync(FOLDER)
    .filter((name) => NAME.test(name))
    .toSorted()
    .map((name) => path.join(FOLDER, name));
}

/** The target that a file is for, by its name; empty where the name says none. */
export function targetOf(file: string): string {
  return NAME.exec(path.basename(file))?.[1] ?? '';
}

export function readInput(file: string): Uint8Array {
  return new Uint8Array(readFileSync(file));
}
