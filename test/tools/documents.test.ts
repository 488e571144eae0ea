/** What the documents name exists: files, folders and npm scripts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const DOCUMENTS = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  'bench/README.md',
  'native/README.md',
  'pcaps/README.md',
  'docs/operating.md',
  ...readdirSync('docs/decisions').map((name) => join('docs/decisions', name)),
];
/** Files of the rooms and their folders, of the tools and the benchmarks, by name. */
const FILES = new Set(
  ['src', 'tools', 'bench']
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    .map((file) => basename(file)),
);
const SCRIPTS: Record<string, string> = JSON.parse(readFileSync('package.json', 'utf8')).scripts;

const IN_CODE_MARKS = /`([^`\n]+)`/g;
const PATH = /^(?:src|test|tools|bench|docs|pcaps|proto|native)\/[\w./-]*$/;
/** `byte-file.ts` in a document on the whole house: a file of some room, or of the tools. */
const FILE_NAME = /^[a-z\d-]+\.ts$/;
const SCRIPT = /npm run (?:--silent )?([\w:-]+)/g;

describe.each(DOCUMENTS)('%s', (document) => {
  const text = readFileSync(document, 'utf8');
  const marked = Array.from(text.matchAll(IN_CODE_MARKS), (match) => match[1]!);

  it('names only files that are there', () => {
    expect(marked.filter((name) => PATH.test(name) && !existsSync(name))).toEqual([]);
    expect(marked.filter((name) => FILE_NAME.test(name) && !FILES.has(name))).toEqual([]);
  });

  it('names only scripts that are there', () => {
    const names = Array.from(text.matchAll(SCRIPT), (match) => match[1]!);
    expect(names.filter((name) => !(name in SCRIPTS))).toEqual([]);
  });
});

it('the documents name files at all', () => {
  const architecture = readFileSync('ARCHITECTURE.md', 'utf8');
  expect(
    Array.from(architecture.matchAll(IN_CODE_MARKS)).filter((match) => FILE_NAME.test(match[1]!)).length,
  ).toBeGreaterThan(30);
});
