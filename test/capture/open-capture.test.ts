import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { fromHex } from '../../src/bytes/hex.ts';
import { CaptureError } from '../../src/capture/capture-error.ts';
import { openCapture } from '../../src/capture/open-capture.ts';
import { bytes } from './commented-hex.ts';
import { readAll } from './read-all.ts';

const PCAP = bytes(`
  d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000
  00f15365 40e20100 02000000 02000000
  cafe`);

describe('opening a capture', () => {
  let folder = '';
  let built = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'spanglass-'));
    // Below the repository, so that the compiled room finds its packages.
    mkdirSync('out', { recursive: true });
    built = mkdtempSync(join('out', 'open-capture-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    rmSync(built, { recursive: true, force: true });
  });

  /** Compiles this room, and a program that reads its standard input. A child process can't run TypeScript on Node 20. */
  function reader(): string {
    const program = resolve(built, 'reader.mjs');
    if (existsSync(program)) return program;
    const config = join(built, 'tsconfig.json');
    const compilerOptions = { noEmit: false, rootDir: '../..', outDir: '.' };
    writeFileSync(
      config,
      JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['../../src/capture'] }),
    );
    const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config], { encoding: 'utf8' });
    expect(tsc.stdout).toBe('');
    writeFileSync(
      program,
      `import { openCapture } from './src/capture/open-capture.js';
       import { PacketBlock } from './src/capture/packet-source.js';
       const source = await openCapture('-');
       const block = new PacketBlock();
       let packets = 0;
       while (await source.next(block)) packets += block.count;
       await source.close();
       console.log(JSON.stringify({ name: source.name, sizeBytes: source.sizeBytes, packets, fault: source.fault }));`,
    );
    return program;
  }

  function write(name: string, content: Uint8Array | string): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  }

  async function refusal(path: string): Promise<CaptureError> {
    try {
      await (await openCapture(path)).close();
    } catch (error) {
      if (error instanceof CaptureError) return error;
      throw error;
    }
    throw new Error(`${path} was not refused`);
  }

  it('tells what a file is by its content, never by its name', async () => {
    for (const [name, content] of [
      ['plain.gz', PCAP],
      ['compressed.pcap', gzipSync(PCAP)],
    ] as const) {
      const path = write(name, content);
      const source = await openCapture(path);
      expect(source.name).toBe(path);
      expect(source.sizeBytes).toBe(content.length);
      const { packets, counters } = await readAll(source);
      expect(packets).toEqual([{ hex: 'cafe', wireLen: 2, tsUs: 1_700_000_000_123_456, iface: 0 }]);
      expect(counters.fileBytes).toBe(content.length);
    }
  });

  it('refuses an empty file in words of its own', async () => {
    const path = write('empty.pcap', '');
    const error = await refusal(path);
    expect(error.code).toBe('is_empty');
    expect(error.message).toBe(`${path}: empty; no packet was written to it, not even the header of a capture`);
  });

  it('refuses a compressed file with nothing in it the same way', async () => {
    expect((await refusal(write('empty.gz', gzipSync('')))).code).toBe('is_empty');
  });

  it('refuses a header that is not whole', async () => {
    const error = await refusal(write('short.pcap', PCAP.subarray(0, 10)));
    expect(error.code).toBe('not_a_capture');
    expect(error.message).toContain('ends inside the header of a pcap file, 10 of 24 bytes');
  });

  it('refuses a file that is not there, and a folder', async () => {
    expect(await refusal(join(folder, 'nothing.pcap'))).toMatchObject({ code: 'not_found' });
    expect(await refusal(folder)).toMatchObject({ code: 'is_folder', path: folder });
  });

  it.skipIf(process.getuid?.() === 0)('refuses a file without permission (skipped for root, who has all)', async () => {
    const path = write('secret.pcap', PCAP);
    chmodSync(path, 0);
    expect(await refusal(path)).toMatchObject({ code: 'not_readable' });
  });

  it.each([
    ['an ELF program', fromHex('7f454c46020101000000000000000000')],
    ['a ZIP archive; unpack it first', fromHex('504b0304140000000800')],
    ['a snoop capture; convert it with: editcap -F pcapng IN OUT', fromHex('736e6f6f700000000000000200000004')],
    ['bzip2; read it with: bzip2 -dc FILE | spanglass replay -', 'BZh91AY&SY'],
    ['JSON', '{"events": []}'],
    ['HTML or XML, perhaps an error page', '\n<!DOCTYPE html><title>404</title>'],
    ['text', 'hello there'],
    ['zeros: its space was allocated and never written', new Uint8Array(64)],
    ['a tar archive; unpack it first', tarHeader()],
    ['the beginning of a capture; the rest is missing', fromHex('d4c3b2')],
    ['the beginning of a capture; the rest is missing', fromHex('0a0d0d0a1c0000004d3c2b')],
  ])('guesses that a refused file looks like %s', async (guess, content) => {
    const error = await refusal(write('odd', content));
    expect(error.code).toBe('not_a_capture');
    expect(error.message).toContain(`which looks like ${guess}`);
    expect(error.message).toContain('spanglass reads pcap and pcapng');
  });

  it('shows the first bytes of what it can not guess, and no control character of a name', async () => {
    const error = await refusal(write('odd\u001b[31m', fromHex('0102fe41')));
    expect(error.message).toContain(
      'odd\\u{1b}[31m: not a packet capture; it begins with 01 02 fe 41 "...A". spanglass',
    );
  });

  it('can be closed before its end, and twice', async () => {
    const source = await openCapture(write('closed.pcap', PCAP));
    await source.close();
    await source.close();
  });

  it.skipIf(process.platform === 'win32')('reads a named pipe (skipped on Windows, which has none)', async () => {
    const path = join(folder, 'pipe');
    expect(spawnSync('mkfifo', [path]).status).toBe(0);
    const opened = openCapture(path);
    const written = writeFile(path, PCAP);
    const source = await opened;
    expect(source.sizeBytes).toBe(0);
    expect((await readAll(source)).packets).toHaveLength(1);
    await written;
  });

  it.each([
    ['plain', PCAP],
    ['compressed', gzipSync(PCAP)],
  ])('reads standard input, %s', (_, content) => {
    const { stdout, stderr } = spawnSync(process.execPath, [reader()], { input: content });
    expect(stderr.toString()).toBe('');
    expect(JSON.parse(stdout.toString())).toEqual({ name: '-', sizeBytes: 0, packets: 1, fault: null });
  });

  it('refuses empty standard input by its name', () => {
    const { stderr } = spawnSync(process.execPath, [reader()], { input: '' });
    expect(stderr.toString()).toContain('standard input: empty');
  });
});

function tarHeader(): Uint8Array {
  const header = new Uint8Array(512);
  header.set(Buffer.from('x.pcap'));
  header.set(Buffer.from('ustar'), 257);
  return header;
}
