/** `spanglass capture` as its user runs it: on a mirror port, with real handshakes between real programs, and told to end by signals. */
import { type ChildProcess, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { RunStats } from '../../src/cli/run-stats.ts';
import { type Namespace, NetworkLab, waitUntil, whyNoLab } from '../support/netns.ts';
import { buildCli, cliCommand, removeBuild } from './built-cli.ts';

const reason = whyNoLab() ?? (spawnSync('openssl', ['version']).error === undefined ? null : 'no openssl here');

const NOBODY = 65_534;
const SERVER = '10.9.0.2';
const PORT = 4433;
/** A stop takes no longer; the help says so. */
const STOP_MS = 10_000;

interface Capture {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  stdout: string;
  stderr: string;
}

type LogLine = Readonly<Record<string, unknown>> & { readonly event: string; readonly msg: string };

describe.skipIf(reason !== null)(`spanglass capture on a mirror port${reason === null ? '' : ` (${reason})`}`, () => {
  let lab: NetworkLab;
  let client: Namespace;
  let server: Namespace;
  let sensor: Namespace;
  let folder: string;

  beforeAll(async () => {
    buildCli();
    folder = mkdtempSync(join(tmpdir(), 'spanglass-capture-'));
    chmodSync(folder, 0o755);
    lab = new NetworkLab();
    [client, server, sensor] = [lab.namespace('client'), lab.namespace('server'), lab.namespace('sensor')];
    lab.connect({ namespace: client, device: 'v0' }, { namespace: server, device: 'v1' });
    lab.connect({ namespace: server, device: 'm0' }, { namespace: sensor, device: 'm1' });
    lab.mirror(server, 'v1', 'm0');
    client.addAddresses('v0', '10.9.0.1/24');
    server.addAddresses('v1', `${SERVER}/24`);
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=localhost'];
    spawnSync('openssl', [...request, '-keyout', key, '-out', certificate]);
    server.start(
      ['openssl', 's_server', '-accept', `${SERVER}:${PORT}`, '-key', key, '-cert', certificate, '-tls1_2', '-www'],
      { stdio: 'ignore' },
    );
    await waitUntil(() => server.run(['ss', '-Hltn']).includes(`:${PORT}`), 'the server');
  });
  afterAll(() => {
    lab.close();
    rmSync(folder, { recursive: true, force: true });
    removeBuild();
  });

  /** Where the user that the capture goes on as may write. */
  let writable: string;
  beforeEach(() => {
    writable = mkdtempSync(join(folder, 'run-'));
    chownSync(writable, NOBODY, NOBODY);
  });

  function start(args: readonly string[], prefix: readonly string[] = []): Capture {
    const command = [...prefix, ...cliCommand('capture', '--interface', 'm1', ...args)];
    const child = sensor.start(command, { cwd: writable });
    const capture: Capture = {
      child,
      stdout: '',
      stderr: '',
      ended: new Promise((resolve) => {
        child.on('close', resolve);
      }),
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      capture.stdout += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      capture.stderr += chunk.toString();
    });
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await capture.ended;
    });
    return capture;
  }

  async function started(args: readonly string[], prefix: readonly string[] = []): Promise<Capture> {
    const capture = start(args, prefix);
    await waitUntil(() => capture.stderr.includes('watching m1') || capture.child.exitCode !== null, 'the start');
    if (capture.child.exitCode !== null) throw new Error(`it ended with ${capture.child.exitCode}: ${capture.stderr}`);
    return capture;
  }

  async function stop({ child, ended }: Capture, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const startMs = performance.now();
    child.kill(signal);
    const code = await ended;
    expect(performance.now() - startMs).toBeLessThan(STOP_MS);
    return code;
  }

  function shakeHands(times: number): void {
    for (let n = 0; n < times; n++) {
      client.run(['openssl', 's_client', '-connect', `${SERVER}:${PORT}`, '-tls1_2', '-servername', 'www.example.com']);
    }
  }

  function logOf({ stderr }: Capture): LogLine[] {
    return stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  function eventsIn(file: string): Record<string, unknown>[] {
    if (!existsSync(file)) return [];
    const envelopes: { sourcetype: string; event: Record<string, unknown> }[] = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
    return envelopes.filter(({ sourcetype }) => sourcetype !== 'spanglass:health').map(({ event }) => event);
  }

  /** Everything that the kernel keeps for each thread, one value where all agree. */
  function threadsOf({ child }: Capture): Record<string, string[]> {
    const tasks = `/proc/${child.pid}/task`;
    const found = new Map<string, Set<string>>();
    for (const thread of readdirSync(tasks)) {
      for (const line of readFileSync(`${tasks}/${thread}/status`, 'utf8').split('\n')) {
        const [, name, value] = /^(Uid|Gid|Groups|Cap\w+|NoNewPrivs):\s*(.*?)\s*$/.exec(line) ?? [];
        if (name !== undefined) found.set(name, (found.get(name) ?? new Set<string>()).add(value!));
      }
    }
    return Object.fromEntries(Array.from(found, ([name, values]) => [name, [...values]]));
  }

  it('makes an event of each handshake, and at SIGTERM ends with 0 and sums that add up', async () => {
    const [events, statistics] = [join(writable, 'events.ndjson'), join(writable, 'stats.json')];
    const capture = await started(['--user', 'nobody', '--ndjson', events, '--spool', 'spool', '--stats', statistics]);
    shakeHands(3);
    await waitUntil(() => eventsIn(events).length === 3, 'three events, while it runs');
    expect(await stop(capture)).toBe(0);
    for (const event of eventsIn(events)) {
      expect(event).toMatchObject({
        ssl_subject_common_name: 'localhost',
        dest_ip: SERVER,
        dest_port: PORT,
        ssl_server_name: 'www.example.com',
      });
    }
    const {
      kernel,
      packets,
      handshakes,
      events: made,
      handover,
      delivery,
    }: RunStats = JSON.parse(readFileSync(statistics, 'utf8'));
    expect(kernel).toMatchObject({ ring_dropped: 0, waiting: 0, link: 'up', workers: 1 });
    expect(kernel!.received).toBe(kernel!.ring_dropped + kernel!.shunted + kernel!.walked);
    expect(kernel!.walked).toBe(packets.received);
    expect(packets.received).toBe(packets.decoded + packets.dropped);
    expect(handshakes.total).toBe(3);
    expect(made).toMatchObject({ kept: 3, ndjson: 3, findings: 3 });
    expect(handover).toMatchObject({ taken: 3, dropped: 0, in_hand: 0 });
    expect(delivery).toMatchObject({ emitted: 3, acknowledged: 3, queued: 0, dropped: 0 });
    expect(logOf(capture).map(({ event }) => event)).toEqual(['start', 'stop']);
  });

  it('shows findings where nothing else is asked for', async () => {
    const capture = await started(['--log', 'text', '--user', 'nobody']);
    shakeHands(1);
    await waitUntil(() => capture.stdout.includes('level=High'), 'a finding');
    expect(await stop(capture, 'SIGINT')).toBe(0);
    expect(capture.stdout).toContain('m1 watched for');
    expect(capture.stderr).toContain(
      'spanglass: watching m1, 1 worker with 64 MiB each, as user nobody, nothing is written',
    );
  });

  it('gives up root in every thread', async () => {
    const capture = await started(['--user', 'nobody', '--workers', '2']);
    expect(threadsOf(capture)).toEqual({
      Uid: [`${NOBODY}\t${NOBODY}\t${NOBODY}\t${NOBODY}`],
      Gid: [`${NOBODY}\t${NOBODY}\t${NOBODY}\t${NOBODY}`],
      Groups: [''],
      CapInh: ['0000000000000000'],
      CapPrm: ['0000000000000000'],
      CapEff: ['0000000000000000'],
      CapBnd: ['0000000000000000'],
      CapAmb: ['0000000000000000'],
      NoNewPrivs: ['1'],
    });
    expect(await stop(capture)).toBe(0);
  });

  it('needs no root: ambient capabilities open the ring, and are gone then', async (context) => {
    if (spawnSync('setpriv', ['--version']).error !== undefined) context.skip('no setpriv here');
    const capabilities = '-all,+net_raw,+bpf';
    const prefix = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
    prefix.push(`--inh-caps=${capabilities}`, `--ambient-caps=${capabilities}`, `--bounding-set=${capabilities}`);
    const capture = await started([], prefix);
    expect(threadsOf(capture)).toMatchObject({
      CapPrm: ['0000000000000000'],
      CapEff: ['0000000000000000'],
      CapAmb: ['0000000000000000'],
      CapInh: ['0000000000000000'],
      NoNewPrivs: ['1'],
    });
    // Promiscuous without CAP_NET_ADMIN.
    expect(sensor.run(['ip', '-d', 'link', 'show', 'm1'])).toContain('promiscuity 1');
    expect(logOf(capture).filter(({ event }) => event === 'note')).toEqual([]);
    expect(await stop(capture)).toBe(0);
  });

  it('says before it reads anything where the user that is left may not write', async () => {
    const locked = join(folder, 'locked');
    mkdirSync(locked, { recursive: true, mode: 0o700 });
    for (const output of [
      ['--stats', join(locked, 'x')],
      ['--ndjson', join(locked, 'x')],
      ['--ndjson', 'x', '--spool', join(locked, 'spool')],
    ]) {
      const capture = start(['--user', 'nobody', ...output]);
      expect(await capture.ended).toBe(1);
      expect(capture.stderr).toContain('as user nobody, who must be able to write there');
      expect(capture.stderr).not.toContain('watching');
    }
  });

  it('leaves to the spool what nobody takes, says how much, and ends with 0', async () => {
    const token = join(writable, 'token');
    writeFileSync(token, 'test-token');
    const hec = ['--hec', 'http://127.0.0.1:9', '--hec-token-file', token, '--spool', join(writable, 'spool')];
    const capture = await started(['--user', 'nobody', ...hec]);
    shakeHands(2);
    await waitUntil(() => capture.stderr.includes('connection_refused'), 'a word about the server');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await stop(capture)).toBe(0);
    const outcome = logOf(capture).find(({ event }) => event === 'outcome');
    expect(outcome?.msg).toContain(`2 events wait in the spool ${join(writable, 'spool')} for Splunk`);
    expect(outcome?.msg).toContain('spanglass spool drain');
    expect(capture.stderr).not.toContain('test-token');
  });

  it('ends at once at a second signal', async () => {
    const capture = await started(['--user', 'nobody']);
    capture.child.kill('SIGTERM');
    capture.child.kill('SIGINT');
    const code = await capture.ended;
    // Which comes first is up to the kernel, and the first may have been done before the second came.
    expect([0, 130, 143]).toContain(code);
  });

  it('ends by itself when its time is over', async () => {
    const capture = await started(['--user', 'nobody', '--for', '1']);
    expect(await capture.ended).toBe(0);
    expect(logOf(capture).at(-1)).toMatchObject({ event: 'stop', reason: 'time' });
  });

  it('takes a new configuration at SIGHUP, names what needs a restart, and keeps the old one where the new is wrong', async () => {
    const config = join(writable, 'spanglass.yaml');
    const events = join(writable, 'events.ndjson');
    const common = `output: { ndjson: ${events} }\nspool: { path: ${join(writable, 'spool')} }\n`;
    const write = (yaml: string) => writeFileSync(config, common + yaml);
    const reloads = (capture: Capture) => logOf(capture).filter(({ event }) => event === 'reload');
    write('filter: port 443\n');
    const capture = await started(['--user', 'nobody', '--config', config]);
    const reload = async () => {
      const before = reloads(capture).length;
      capture.child.kill('SIGHUP');
      await waitUntil(() => reloads(capture).length > before, 'the reload');
      return reloads(capture).at(-1)!;
    };

    write('filtr: port 443\n');
    expect(await reload()).toMatchObject({
      level: 'error',
      taken: false,
      msg: expect.stringContaining(':3:1: filtr: there is no such setting'),
    });
    shakeHands(1);
    write(`filter: port ${PORT}\nflows: { max: 1000 }\n`);
    expect(await reload()).toMatchObject({ level: 'info', taken: true, changed: ['filter'], restart: ['flows.max'] });
    // As logrotate does it.
    const aside = `${events}.1`;
    spawnSync('mv', [events, aside]);
    expect(await reload()).toMatchObject({ taken: true, changed: [] });
    // A worker hears it at its next turn.
    await new Promise((resolve) => setTimeout(resolve, 300));
    shakeHands(1);
    await waitUntil(() => eventsIn(events).length === 1, 'an event in the new file');
    expect(eventsIn(aside)).toEqual([]);
    expect(await stop(capture)).toBe(0);
    expect(logOf(capture)).toContainEqual(
      expect.objectContaining({
        event: 'stop',
        stats: expect.objectContaining({ events: expect.objectContaining({ kept: 1, filtered: 1 }) }),
      }),
    );
  });

  it('says that the link is down, and up again, and goes on', async () => {
    const capture = await started(['--user', 'nobody']);
    const links = () =>
      logOf(capture)
        .filter(({ event }) => event === 'link')
        .map(({ link }) => link);
    sensor.setLink('m1', 'down');
    await waitUntil(() => links().includes('down'), 'the link down');
    sensor.setLink('m1', 'up');
    await waitUntil(() => links().at(-1) === 'up', 'the link up');
    sensor.waitForCarrier('m1');
    shakeHands(1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await stop(capture)).toBe(0);
    expect(logOf(capture)).toContainEqual(
      expect.objectContaining({
        event: 'stop',
        stats: expect.objectContaining({ handshakes: expect.objectContaining({ total: 1 }) }),
      }),
    );
  });

  it('refuses an interface that is not there', async () => {
    const { status, stderr } = spawnSync('ip', sensor.command(cliCommand('capture', '-i', 'm7')).slice(1), {
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toContain('spanglass: m7: ');
  });
});
