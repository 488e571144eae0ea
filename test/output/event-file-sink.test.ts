import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import protobuf from 'protobufjs/minimal.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeEvent } from '../../src/event/generated/event-message.ts';
import { type EventEncoding, NDJSON, PROTOBUF } from '../../src/output/event-encoding.ts';
import { EventFileSink } from '../../src/output/event-file-sink.ts';
import type { EventTarget } from '../../src/output/patient-target.ts';
import { RotatingFile, type RotatingFileOptions } from '../../src/output/rotating-file.ts';
import { drainSpool } from '../../src/output/spool/drain-spool.ts';
import type { Spool } from '../../src/output/spool/spool.ts';
import { StandardOutput } from '../../src/output/standard-output.ts';
import { eventLine, makeDraft, makeFolder, openLabSpool, range } from './spool/spool-lab.ts';

const SINKS = [{ name: 'file', policy: 'drop-oldest' as const }];

async function spoolOf(folder: string, batches: number): Promise<Spool> {
  const spool = await openLabSpool(folder, { sinks: SINKS });
  for (let i = 0; i < batches; i++) await spool.append(makeDraft(1 + 10 * i, 10));
  return spool;
}

async function drainTo(spool: Spool, target: EventTarget, encoding: EventEncoding = NDJSON): Promise<void> {
  const stop = AbortSignal.timeout(20_000);
  const { isEmpty } = await drainSpool(spool, [new EventFileSink('file', encoding, target)], stop);
  expect(isEmpty).toBe(true);
}

function fileIn(folder: string, options: Partial<RotatingFileOptions> = {}, encoding: EventEncoding = NDJSON) {
  const file = path.join(path.dirname(folder), 'events.ndjson');
  return { file, target: new RotatingFile({ file, ...options }, encoding) };
}

function linesOf(from: number, to: number): string {
  return range(from, to)
    .map((seq) => eventLine(seq).toString())
    .join('');
}

function messagesOf(bytes: Uint8Array): number[] {
  const reader = protobuf.Reader.create(bytes);
  const seqs: number[] = [];
  while (reader.pos < reader.len) seqs.push(decodeEvent(reader.bytes()).seq!);
  return seqs;
}

describe('a file of events', () => {
  it('has every event once, as lines', async () => {
    const folder = makeFolder();
    const { file, target } = fileIn(folder);
    await drainTo(await spoolOf(folder, 5), target);
    expect(fs.readFileSync(file, 'utf8')).toBe(linesOf(1, 50));
  });

  it('has every event once, as messages with their lengths', async () => {
    const folder = makeFolder();
    const { file, target } = fileIn(folder, {}, PROTOBUF);
    await drainTo(await spoolOf(folder, 5), target, PROTOBUF);
    expect(messagesOf(fs.readFileSync(file))).toEqual(range(1, 50));
  });

  it('is set aside by size, under names in order, and nothing is cut at the seam', async () => {
    const folder = makeFolder();
    const { file, target } = fileIn(folder, { maxBytes: eventLine(1).length * 25 });
    await drainTo(await spoolOf(folder, 7), target);
    const names = fs.readdirSync(path.dirname(file)).filter((name) => name.startsWith('events'));
    expect(names).toHaveLength(4);
    const aside = names
      .filter((name) => name !== 'events.ndjson')
      .toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1));
    expect(aside[0]).toMatch(/^events\.\d{8}T\d{6}Z\.ndjson$/);
    const all = [...aside, 'events.ndjson'].map((name) => fs.readFileSync(path.join(path.dirname(file), name), 'utf8'));
    expect(all.join('')).toBe(linesOf(1, 70));
  });

  it('is set aside by time', async () => {
    let now = 1_700_000_000_000;
    const { file, target } = fileIn(makeFolder(), { maxAgeMs: 60_000, now: () => now });
    await target.write(eventLine(1));
    now += 59_999;
    await target.write(eventLine(2));
    now += 1;
    await target.write(eventLine(3));
    await target.close();
    expect(fs.readFileSync(file, 'utf8')).toBe(linesOf(3, 3));
    expect(fs.readFileSync(file.replace('events', 'events.20231114T221320Z'), 'utf8')).toBe(linesOf(1, 2));
  });

  it('is opened anew when it was moved and the program is told so', async () => {
    const { file, target } = fileIn(makeFolder());
    await target.write(eventLine(1));
    fs.renameSync(file, `${file}.1`);
    await target.write(eventLine(2));
    target.reopen();
    await target.write(eventLine(3));
    await target.close();
    expect(fs.readFileSync(`${file}.1`, 'utf8')).toBe(linesOf(1, 2));
    expect(fs.readFileSync(file, 'utf8')).toBe(linesOf(3, 3));
  });

  it.each([NDJSON, PROTOBUF])(
    'loses the event that a kill tore, and goes on behind the last whole one: $name',
    async (encoding) => {
      const folder = makeFolder();
      const first = fileIn(folder, {}, encoding);
      const spool = await spoolOf(folder, 2);
      await drainTo(spool, first.target, encoding);
      const whole = fs.readFileSync(first.file);
      await spool.append(makeDraft(21, 1));
      for (let cut = 1; cut < 30; cut++) {
        fs.writeFileSync(first.file, Buffer.concat([whole, whole.subarray(0, cut)]));
        const { target } = fileIn(folder, {}, encoding);
        await target.write(new Uint8Array(0));
        await target.close();
        expect(fs.readFileSync(first.file)).toEqual(whole);
      }
    },
  );

  it('waits where it can’t be written, and has all of it afterwards', async () => {
    const folder = makeFolder();
    const { file, target } = fileIn(folder);
    fs.mkdirSync(file);
    const sink = new EventFileSink('file', NDJSON, target);
    const drained = drainSpool(await spoolOf(folder, 3), [sink], AbortSignal.timeout(20_000));
    await expect.poll(() => sink.fault).toContain("can't write");
    fs.rmdirSync(file);
    expect((await drained).isEmpty).toBe(true);
    expect(fs.readFileSync(file, 'utf8')).toBe(linesOf(1, 30));
    expect(sink.fault).toBe('');
  });

  it('drops by name a batch that is no gzip, and goes on', async () => {
    const folder = makeFolder();
    const spool = await spoolOf(folder, 1);
    await spool.append({ ...makeDraft(11, 4), gzip: Buffer.from('nothing of the kind') });
    await spool.append(makeDraft(15, 1));
    const { file, target } = fileIn(folder);
    await drainTo(spool, target);
    expect(fs.readFileSync(file, 'utf8')).toBe(linesOf(1, 10) + linesOf(15, 15));
    expect(spool.consumer('file').counters).toMatchObject({ acknowledged: 11, dropped: { unreadable: 4 } });
  });
});

describe('a sink that stands still', () => {
  it('keeps no other from its events, and the drain says how many wait', async () => {
    const folder = makeFolder();
    const sinks = [
      { name: 'file', policy: 'drop-oldest' as const },
      { name: 'stuck', policy: 'drop-oldest' as const },
    ];
    const spool = await openLabSpool(folder, { sinks });
    for (let i = 0; i < 5; i++) await spool.append(makeDraft(1 + 10 * i, 10));
    const stop = new AbortController();
    const { file, target } = fileIn(folder);
    const still: EventTarget = {
      write: () =>
        new Promise((_, reject) => stop.signal.addEventListener('abort', () => reject(new Error('stopped')))),
      close: async () => {},
    };
    const drained = drainSpool(
      spool,
      [new EventFileSink('stuck', NDJSON, still), new EventFileSink('file', NDJSON, target)],
      stop.signal,
    ).catch((error: unknown) => error);
    await expect.poll(() => spool.consumer('file').counters.queued).toBe(0);
    stop.abort();
    expect(await drained).toMatchObject({ message: 'stopped' });
    expect(fs.readFileSync(file, 'utf8')).toBe(linesOf(1, 50));
    expect(spool.consumer('stuck').counters.queued).toBe(50);
  });
});

describe('standard output', () => {
  it('is written whole to a slow reader, and says when the reader went away', async () => {
    const folder = makeFolder();
    fs.mkdirSync(folder);
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = spawn('bash', ['-c', `exec <"${pipe}"; sleep 0.3; head -c 300000 | wc -c`]);
    onTestFinished(() => void reader.kill());
    let counted = '';
    reader.stdout.on('data', (bytes: Buffer) => {
      counted += bytes.toString();
    });
    const ended = new Promise((resolve) => reader.on('close', resolve));
    const fd = fs.openSync(pipe, 'w');
    const output = new StandardOutput(fd);
    const { signal } = new AbortController();
    await output.write(Buffer.alloc(200_000, 0x61), signal);
    await output.write(Buffer.alloc(100_000, 0x62), signal);
    await ended;
    expect(counted.trim()).toBe('300000');
    await expect(output.write(Buffer.alloc(1000), signal)).rejects.toMatchObject({ code: 'closed_by_reader' });
  });

  it('is given up at a stop where its reader stands still', async () => {
    const folder = makeFolder();
    fs.mkdirSync(folder);
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = fs.openSync(pipe, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    onTestFinished(() => fs.closeSync(reader));
    const output = new StandardOutput(fs.openSync(pipe, 'w'));
    const stop = new AbortController();
    const written = output.write(Buffer.alloc(1_000_000), stop.signal);
    const isOver = await Promise.race([written, new Promise((resolve) => setTimeout(resolve, 100, 'not yet'))]);
    expect(isOver).toBe('not yet');
    stop.abort();
    await expect(written).rejects.toMatchObject({ code: 'cannot_write' });
  });

  it('that is a file has all bytes once', async () => {
    const folder = makeFolder();
    fs.mkdirSync(folder);
    const file = path.join(folder, 'out');
    const fd = fs.openSync(file, 'w');
    onTestFinished(() => fs.closeSync(fd));
    const output = new StandardOutput(fd);
    const { signal } = new AbortController();
    for (const text of ['a', 'b']) await output.write(Buffer.alloc(100_000, text), signal);
    expect(fs.readFileSync(file, 'utf8')).toBe('a'.repeat(100_000) + 'b'.repeat(100_000));
  });
});
