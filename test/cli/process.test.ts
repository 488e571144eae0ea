/** What only a process of its own can show: pipes, signals, exit codes. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { HecServer } from '../support/hec/hec-server.ts';
import { buildCli, type RunningCli, removeBuild, shellCommand, startCli, startShell } from './built-cli.ts';
import { capture, makeFolder, PCAPS } from './fake-io.ts';

const SELF_SIGNED = capture('self-signed-localhost.pcap');
const HAS_BASH = existsSync('/bin/bash');
const NO_BASH = HAS_BASH ? '' : ' (skipped: no bash here)';

beforeAll(buildCli);
afterAll(removeBuild);

/** Waits until the process has written this to standard error or standard output, or has ended. */
function waitForOutput({ child, done }: RunningCli, text: string): Promise<unknown> {
  const written = new Promise<void>((resolve) => {
    let seen = '';
    const look = (chunk: Buffer): void => {
      seen += chunk.toString();
      if (seen.includes(text)) resolve();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
  });
  return Promise.race([written, done]);
}

describe('the process', () => {
  it('ends with the documented codes', async () => {
    const runs = [
      [['replay', '-q', SELF_SIGNED], 0],
      [['--version'], 0],
      [['inspect', capture('not-tls.pcap')], 1],
      [['replay', SELF_SIGNED, '--ndjson', PCAPS], 1],
      [['replay', SELF_SIGNED, '--bogus'], 2],
      [['replay', 'package.json', SELF_SIGNED], 3],
    ] as const;
    for (const [args, code] of runs) expect([args, (await startCli(...args).done).code]).toEqual([args, code]);
  });

  it('writes nothing but events to standard output with --ndjson -', async () => {
    const { code, stdout, stderr } = await startCli('replay', PCAPS, '--ndjson', '-').done;
    const lines = stdout.toString().trimEnd().split('\n');
    expect(code).toBe(0);
    expect(lines).toHaveLength(41);
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('event.seq');
    expect(stderr).toContain('why="');
    expect(stderr).toContain('41 events to standard output');
  });

  it('writes one JSON object with --stats -', async () => {
    const { stdout, stderr } = await startCli('replay', SELF_SIGNED, '--stats', '-').done;
    expect(JSON.parse(stdout.toString())).toMatchObject({ packets: { received: 27 }, handshakes: { total: 1 } });
    expect(stderr).toContain('1 capture read');
  });

  it('reads a capture from standard input', async () => {
    const running = startCli('replay', '-');
    running.child.stdin?.end(readFileSync(SELF_SIGNED));
    const { code, stdout } = await running.done;
    expect(code).toBe(0);
    expect(stdout.toString()).toContain('level=High score=5');
  });
});

describe.skipIf(!HAS_BASH)(`a reader that goes away${NO_BASH}`, () => {
  const many = (): string[] => Array.from({ length: 30 }, (_, i) => copyOf(i));
  const folder = { path: '' };
  const copyOf = (i: number): string => {
    if (folder.path === '') folder.path = makeFolder();
    const path = join(folder.path, `${i}.pcap`);
    writeFileSync(path, readFileSync(capture('lossy.pcap')));
    return path;
  };

  it('ends the run quietly: events', async () => {
    folder.path = '';
    const line = `${shellCommand('replay', ...many(), '--ndjson', '-', '-q')} | head -n 1; echo "\${PIPESTATUS[0]}" >&2`;
    const { stdout, stderr } = await startShell(line).done;
    expect(stdout.toString().trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toBe('0\n');
  });

  it('ends the run quietly: findings', async () => {
    folder.path = '';
    const line = `${shellCommand('replay', ...many())} | true; echo "\${PIPESTATUS[0]}" >&2`;
    expect((await startShell(line).done).stderr).toBe('0\n');
  });

  it('does not end a run that has another output', async () => {
    folder.path = '';
    const paths = many();
    const file = join(folder.path, 'events.ndjson');
    const line = `${shellCommand('replay', ...paths, '--ndjson', file)} | true; echo "\${PIPESTATUS[0]}" >&2`;
    expect((await startShell(line).done).stderr).toBe('0\n');
    expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(30 * 8);
  });
});

describe('Ctrl-C', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'and the like, %s, end a replay of a pipe that has nothing more to say, with its summary and %i',
    async (signal, exitCode) => {
      const running = startCli('replay', '-');
      const bytes = readFileSync(SELF_SIGNED);
      // All but the end: one handshake is done, and more is to come.
      running.child.stdin?.write(bytes.subarray(0, bytes.length - 10));
      await waitForOutput(running, 'level=High');
      running.child.kill(signal);
      const { code, stdout, stderr } = await running.done;
      expect(code).toBe(exitCode);
      expect(stderr).toBe('');
      expect(stdout.toString()).toContain('Interrupted: 1 capture read');
      expect(stdout.toString()).toContain('packets       26 = 26 decoded + 0 dropped');
    },
  );

  it.skipIf(!HAS_BASH)(`ends one that waits for a writer, or for what it writes${NO_BASH}`, async () => {
    const folder = makeFolder();
    // No writer at all; and one that opens its end and says nothing.
    for (const hasWriter of [false, true]) {
      const fifo = join(folder, hasWriter ? 'silent' : 'unopened');
      const open = hasWriter ? `sleep 30 > ${fifo} & held=$!` : 'held=';
      const cli = shellCommand('replay', SELF_SIGNED, fifo);
      const line = `mkfifo ${fifo}; ${open}; ${cli} > ${fifo}.out & cli=$!
        for i in $(seq 200); do grep -q level=High ${fifo}.out && break; sleep 0.05; done; sleep 0.3
        kill -INT $cli; wait $cli; echo $?; [ -z "$held" ] || kill $held`;
      // A shell without job control starts what is in the background with SIGINT ignored.
      const { stdout } = await startShell(`set -m; ${line}`).done;
      expect(stdout.toString()).toBe('130\n');
      expect(readFileSync(`${fifo}.out`, 'utf8')).toContain('Interrupted: ');
    }
  });
});

describe('a delivery to Splunk', () => {
  it('keeps what it had emitted when it is killed, and drain delivers it once', async () => {
    const folder = makeFolder();
    const server = new HecServer({ tokens: { 'test-token': { usesAck: true } } });
    await server.start();
    onTestFinished(() => server.stop());
    const token = join(folder, 'token');
    writeFileSync(token, 'test-token');
    const spool = join(folder, 'spool');
    // Nobody listens there, so all of it waits.
    const stuck = startCli('replay', PCAPS, '--spool', spool, '--hec', 'http://127.0.0.1:9', '--hec-token-file', token);
    await waitForOutput(stuck, 'connection_refused');
    await waitUntil(async () => (await spoolCounts(spool))?.queued === 41);
    stuck.child.kill('SIGKILL');
    await stuck.done;
    const drained = await startCli('spool', 'drain', '--spool', spool, '--hec', server.url, '--hec-token-file', token)
      .done;
    expect({ code: drained.code, stdout: drained.stdout.toString() }).toEqual({
      code: 0,
      stdout: '41 events delivered\n',
    });
    expect(server.ledger.runAccountingSearch()).toMatchObject([{ count: 41, missing: 0, duplicates: 0 }]);
  });

  it('is left to the spool at Ctrl-C', async () => {
    const folder = makeFolder();
    const token = join(folder, 'token');
    writeFileSync(token, 'test-token');
    const spool = join(folder, 'spool');
    const stuck = startCli('replay', PCAPS, '--spool', spool, '--hec', 'http://127.0.0.1:9', '--hec-token-file', token);
    await waitForOutput(stuck, 'connection_refused');
    await waitUntil(async () => (await spoolCounts(spool))?.queued === 41);
    stuck.child.kill('SIGINT');
    const { code, stderr } = await stuck.done;
    expect(code).toBe(4);
    expect(stderr).toContain('41 events wait in the spool');
  });

  it('shows its metrics while it runs, and no longer', async () => {
    const folder = makeFolder();
    const token = join(folder, 'token');
    writeFileSync(token, 'test-token');
    const delivery = ['--spool', join(folder, 'spool'), '--hec', 'http://127.0.0.1:9', '--hec-token-file', token];
    const served = startCli('replay', PCAPS, '--metrics', '0', ...delivery);
    let told = '';
    served.child.stderr?.on('data', (chunk: Buffer) => {
      told += chunk.toString();
    });
    await waitUntil(() => Promise.resolve(told.includes('/metrics\n')));
    const url = /http:\/\/127\.0\.0\.1:\d+\/metrics/.exec(told)?.[0] ?? '';
    await waitUntil(async () => (await (await fetch(url)).text()).includes('spanglass_run_events_written_total 41'));
    served.child.kill('SIGINT');
    await served.done;
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });
});

async function spoolCounts(folder: string): Promise<{ queued: number } | undefined> {
  const { code, stdout } = await startCli('spool', 'status', '--json', '--spool', folder).done;
  if (code !== 0) return undefined;
  const status: { sinks: { queued: number }[] } = JSON.parse(stdout.toString());
  return status.sinks[0];
}

async function waitUntil(isTrue: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (await isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('waited in vain');
}
