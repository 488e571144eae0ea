/**
 * The image, as far as it goes without an engine: both stages of the Dockerfile, in folders. What `.dockerignore` lets
 * through is copied, what is copied is built, and what the last stage holds replays a capture.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Copy {
  /** Stage, or the context where it is null. */
  readonly from: string | null;
  readonly sources: readonly string[];
  readonly to: string;
}

const DOCKERFILE = readFileSync('Dockerfile', 'utf8');
const [BUILD_STAGE = '', LAST_STAGE = ''] = DOCKERFILE.split(/^(?=FROM )/m).slice(1);
const LET_THROUGH = new Set(
  readFileSync('.dockerignore', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1)),
);
/** npm says so where it can't fetch a package: then nothing can be told of the image. */
const NO_REGISTRY = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED/;

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'spanglass-image-')));
const build = join(scratch, 'build');
const app = join(scratch, 'app');

function copiesOf(stage: string): Copy[] {
  return Array.from(stage.matchAll(/^COPY (.+)$/gm), ([, line]) => {
    const words = line!.split(' ');
    const places = words.filter((word) => !word.startsWith('--'));
    const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length) ?? null;
    return { from, sources: places.slice(0, -1), to: places.at(-1)! };
  });
}

/** `COPY a b ./` keeps names, `COPY a ./b` names the copy. */
function copy({ from, sources, to }: Copy, into: string): void {
  for (const source of sources) {
    const origin = from === null ? resolve(source) : join(scratch, source);
    cpSync(origin, to.endsWith('/') ? join(into, to, source) : join(into, to), { recursive: true });
  }
}

interface Run {
  readonly code: number | null;
  readonly output: string;
}

function run(folder: string, command: string, ...args: readonly string[]): Run {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
  return { code: status, output: stdout + stderr };
}

describe('the Dockerfile', () => {
  let addon: Run;
  let built: Run;
  let installed: Run;

  beforeAll(() => {
    for (const one of copiesOf(BUILD_STAGE)) copy(one, build);
    // Instead of a first `npm ci`: the packages that are here.
    symlinkSync(resolve('node_modules'), join(build, 'node_modules'));
    // What came with the sources was built for here.
    rmSync(join(build, 'native/build'), { recursive: true, force: true });
    addon = run(build, 'npm', 'run', 'build:native');
    built = run(build, 'npm', 'run', 'build');
    rmSync(join(build, 'node_modules'));
    installed = run(build, 'npm', 'ci', '--omit=dev', '--ignore-scripts', '--prefer-offline');
  });

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it('copies only what is there and what .dockerignore lets through', () => {
    const sources = [BUILD_STAGE, LAST_STAGE]
      .flatMap(copiesOf)
      .flatMap((one) => (one.from === null ? one.sources : []));
    expect(sources.filter((source) => !existsSync(source))).toEqual([]);
    expect(new Set(sources)).toEqual(LET_THROUGH);
  });

  it('copies all that the build needs', () => {
    expect(built).toMatchObject({ code: 0 });
  });

  it('ends in an image that replays captures, without what only building takes', (context) => {
    if (NO_REGISTRY.test(installed.output)) context.skip('npm can not reach a registry');
    expect(installed).toMatchObject({ code: 0 });
    for (const one of copiesOf(LAST_STAGE)) copy(one, app);
    const packages = readdirSync(join(app, 'node_modules'));
    expect(packages).toContain('protobufjs');
    expect(packages).not.toContain('typescript');
    const events = join(scratch, 'events.ndjson');
    const args = ['replay', resolve('pcaps'), '--protobuf', '/dev/null', '--ndjson', events];
    const replayed = run(scratch, process.execPath, join(app, 'dist/bin/main.js'), ...args);
    expect(replayed.output).toContain('captures read');
    expect(replayed.code).toBe(0);
    expect(readFileSync(events, 'utf8').trimEnd().split('\n').length).toBeGreaterThan(30);
    expect(run(scratch, process.execPath, join(app, 'dist/bin/main.js'), '--version').output).not.toContain('unknown');
    // With the addon it gets as far as the interface.
    if (addon.code !== 0) context.skip(`the addon was not built here: ${addon.output}`);
    const capture = run(scratch, process.execPath, join(app, 'dist/bin/main.js'), 'capture', '-i', 'none0');
    expect(capture.code).toBe(1);
    expect(capture.output).toContain('spanglass: none0: ');
  });

  it('runs as nobody special', () => {
    expect(LAST_STAGE).toMatch(/^USER 1000:1000$/m);
    expect(LAST_STAGE.indexOf('\nUSER ')).toBeLessThan(LAST_STAGE.indexOf('\nENTRYPOINT '));
  });
});
