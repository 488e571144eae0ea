import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { findCaptures, isCaptureName } from '../../src/capture/find-captures.ts';

describe('finding captures', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'spanglass-'));
  });
  afterEach(() => {
    spawnSync('chmod', ['-R', 'u+rwx', root]);
    rmSync(root, { recursive: true, force: true });
  });

  /** Files of as many bytes as their names have characters. */
  function write(...names: string[]): void {
    for (const name of names) {
      mkdirSync(join(root, name, '..'), { recursive: true });
      writeFileSync(join(root, name), name);
    }
  }

  async function find(...args: string[]): Promise<{ paths: string[]; otherFiles: number; problems: string[] }> {
    const found = await findCaptures(args.map((arg) => (arg === '-' ? arg : join(root, arg))));
    return {
      paths: found.captures.map((capture) => capture.path.replace(`${root}/`, '')),
      otherFiles: found.otherFiles,
      problems: found.problems.map((problem) => `${problem.code} ${problem.path.replace(`${root}/`, '')}`),
    };
  }

  it('searches a folder with all below it, sorts numbers by value, and counts the other files', async () => {
    write('d/x.pcap10', 'd/x.pcap2', 'd/x.pcap', 'd/sub/y.pcapng.gz', 'd/README.md', 'd/sub/notes.txt');
    const { paths, otherFiles, problems } = await find('d');
    expect(paths).toEqual(['d/sub/y.pcapng.gz', 'd/x.pcap', 'd/x.pcap2', 'd/x.pcap10']);
    expect(otherFiles).toBe(2);
    expect(problems).toEqual([]);
  });

  it('tells the size of each capture', async () => {
    write('a.pcap');
    expect((await findCaptures([join(root, 'a.pcap')])).captures).toEqual([
      { path: join(root, 'a.pcap'), sizeBytes: 6 },
    ]);
  });

  it('takes a file that is named itself, whatever its name, and standard input', async () => {
    write('notes.txt');
    expect((await find('notes.txt', '-')).paths).toEqual(['notes.txt', '-']);
  });

  it('keeps the order of the arguments, and lists a file once', async () => {
    write('b.pcap', 'd/a.pcap');
    symlinkSync(join(root, 'b.pcap'), join(root, 'd', 'link.pcap'));
    expect((await find('b.pcap', 'd', 'd/a.pcap', '-', '-')).paths).toEqual(['b.pcap', 'd/a.pcap', '-']);
  });

  it('follows links, and is not caught in their loops', async () => {
    write('d/sub/a.pcap', 'elsewhere/b.pcap');
    symlinkSync(join(root, 'd'), join(root, 'd', 'sub', 'loop'));
    symlinkSync(join(root, 'elsewhere'), join(root, 'd', 'there'));
    expect((await find('d')).paths).toEqual(['d/sub/a.pcap', 'd/there/b.pcap']);
    expect((await find('d/**/*.pcap')).paths).toEqual(['d/sub/a.pcap', 'd/there/b.pcap']);
  });

  it('takes an argument for a pattern only where no file has that name', async () => {
    write('[1].pcap', '1.pcap', '2.pcap', 'd/3.pcap');
    expect((await find('[1].pcap')).paths).toEqual(['[1].pcap']);
    expect((await find('[12].pcap')).paths).toEqual(['1.pcap', '2.pcap']);
    expect((await find('?')).paths).toEqual(['d/3.pcap']);
  });

  it('says of a folder without captures, of a pattern and of a file, that there is none', async () => {
    write('d/README.md', 'a.pcap');
    const { paths, problems } = await find('d', '*.nothing', 'gone.pcap', 'a.pcap');
    expect(problems).toEqual(['no_captures d', 'not_found *.nothing', 'not_found gone.pcap']);
    expect(paths).toEqual(['a.pcap']);
    const [problem] = (await findCaptures([join(root, 'd')])).problems;
    expect(problem?.message).toBe(
      `${root}/d: no capture in this folder (1 other file); a file with an unusual name can be named itself`,
    );
  });

  it('says of a link that leads nowhere that nothing is there', async () => {
    write('d/a.pcap');
    symlinkSync(join(root, 'gone'), join(root, 'd', 'b.pcap'));
    expect((await find('d')).problems).toEqual(['not_found d/b.pcap']);
  });

  it.skipIf(process.getuid?.() === 0)('tells of a folder it may not read (skipped for root, who may)', async () => {
    write('d/a.pcap', 'd/sub/b.pcap');
    chmodSync(join(root, 'd', 'sub'), 0);
    const { paths, problems } = await find('d');
    expect(paths).toEqual(['d/a.pcap']);
    expect(problems).toEqual(['not_readable d/sub']);
  });

  it.each([
    'x.pcap',
    'X.PCAP',
    'x.pcapng',
    'x.cap',
    'x.dmp',
    'x.pcap.gz',
    'x.pcapng.zst',
    'x.pcap.lz4',
    'x.pcap.xz',
    'x.pcap1',
    'x.pcap.00001',
    'x.pcap00001.gz',
    'x.pcap-2024-01-31',
    'x.pcap.2024-01-31T10:00:00Z.gz',
    'x_00001_20240131.pcapng',
  ])('takes %s for a capture', (name) => {
    expect(isCaptureName(name)).toBe(true);
  });

  it.each(['README.md', 'pcap', 'x.pcap.txt', 'x.pcap.md5', 'x.gz', 'x.pcapx', '._x.pcap', 'x.capture'])(
    'does not take %s for one',
    (name) => {
      expect(isCaptureName(name)).toBe(false);
    },
  );
});
