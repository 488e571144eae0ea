/** native/build.mjs, as an install runs it: never in the way of what needs no addon. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(path.join(tmpdir(), 'spanglass-build-'));
const addon = path.join(folder, 'native/build/Release/spanglass.node');

beforeAll(() => {
  cpSync('native', path.join(folder, 'native'), {
    recursive: true,
    filter: (from) => !from.startsWith('native/build/'),
  });
  symlinkSync(path.resolve('node_modules'), path.join(folder, 'node_modules'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function build(compiler: string, ...args: string[]): { status: number | null; lines: string[]; stderr: string } {
  const environment = { ...process.env, CC: compiler };
  const command = [path.join(folder, 'native/build.mjs'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { env: environment, encoding: 'utf8' });
  return { status, lines: stdout.trimEnd().split('\n'), stderr };
}

describe.skipIf(process.platform !== 'linux')('building the addon (on Linux)', () => {
  it('says one line where there is no compiler, and the install goes on', () => {
    const { status, lines, stderr } = build('no-such-compiler');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^the addon for live capture was not built: no-such-compiler .*; everything else works$/);
    expect(existsSync(addon)).toBe(false);
  });

  it('fails for that where it was asked for', () => {
    expect(build('no-such-compiler', '--strict').status).toBe(1);
  });

  it('goes on, too, where the compiler fails', () => {
    const { status, lines } = build('false');
    expect({ status, count: lines.length }).toEqual({ status: 0, count: 1 });
    expect(build('false', '--strict').status).toBe(1);
  });

  const hasCompiler = spawnSync('cc', ['--version']).error === undefined;
  it.skipIf(!hasCompiler)('builds an addon that loads, and nothing where it is current (with cc)', () => {
    expect(build('cc', '--strict')).toEqual({ status: 0, lines: ['built the addon for live capture'], stderr: '' });
    const load: (file: string) => object = createRequire(import.meta.url);
    expect(load(addon)).toHaveProperty('ringOpen');
    expect(build('cc', '--strict')).toEqual({ status: 0, lines: [''], stderr: '' });
  });
});
