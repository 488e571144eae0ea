/** `spanglass capture` as its user runs it: on a mirror port, with real handshakes between real programs, and told to end by signals. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { RunStats } from '../../src/cli/run-stats.ts';
import { type Namespace, waitUntil } from '../support/netns.ts';
import { buildCli, cliCommand, removeBuild } from './built-cli.ts';
import { type Capture, CaptureLab, eventsIn, logOf, NOBODY, PORT, SERVER, stop, whyNoCapture } from './capture-lab.ts';

const reason = whyNoCapture();

/** What a service of systemd may have, too. */
const CAPABILITIES = '-all,+net_raw,+bpf';
const WITHOUT_ROOT = [
  'setpriv',
  `--reuid=${NOBODY}`,
  `--regid=${NOBODY}`,
  '--clear-groups',
  `--inh-caps=${CAPABILITIES}`,
  `--ambient-caps=${CAPABILITIES}`,
  `--bounding-set=${CAPABILITIES}`,
];

describe.skipIf(reason !== null)(`spanglass capture on a mirror port${reason === null ? '' : ` (${reason})`}`, () => {
  let lab: CaptureLab;
  let sensor: Namespace;
  /** Where the user that the capture goes on as may write. */
  let writable: string;

  beforeAll(async () => {
    buildCli();
    lab = await CaptureLab.open();
    sensor = lab.sensor;
  });
  afterAll(() => {
    lab?.close();
    removeBuild();
  });
  beforeEach(() => {
    writable = lab.newFolder();
  });

  const start = (args: readonly string[], prefix: readonly string[] = []) => lab.start(writable, args, prefix);
  const started = (args: readonly string[], prefix: readonly string[] = []) => lab.started(writable, args, prefix);

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
    const capture = await started(['--user', 'nobody', '--ndjson', events, '--stats', statistics]);
    lab.shakeHands(3);
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
    lab.shakeHands(1);
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
    const capture = await started([], WITHOUT_ROOT);
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

  it('names CAP_NET_ADMIN where XDP is refused for want of it, and goes on without XDP', async (context) => {
    if (spawnSync('setpriv', ['--version']).error !== undefined) context.skip('no setpriv here');
    const capture = await started(['--xdp'], WITHOUT_ROOT);
    expect(
      logOf(capture)
        .filter(({ event }) => event === 'note')
        .map(({ msg }) => msg),
    ).toEqual(['no permission to use XDP on m1: it needs CAP_NET_ADMIN; packets are dropped at the socket instead']);
    expect(await stop(capture)).toBe(0);
  });

  it('says before it reads anything where the user that is left may not write', async () => {
    const locked = join(lab.folder, 'locked');
    mkdirSync(locked, { recursive: true, mode: 0o700 });
    const token = join(writable, 'token');
    writeFileSync(token, 'test-token');
    for (const output of [
      ['--stats', join(locked, 'x')],
      ['--ndjson', join(locked, 'x')],
      ['--hec', 'http://127.0.0.1:9', '--hec-token-file', token, '--spool', join(locked, 'spool')],
    ]) {
      const capture = start(['--user', 'nobody', ...output]);
      expect(await capture.ended).toBe(1);
      expect(capture.stderr).toContain('as user nobody, who must be able to write there');
      expect(capture.stderr).not.toContain('watching');
    }
  });

  it('ends in time where the reader of its events stands still, says what he has not got, and has no spool', async () => {
    const pipe = join(writable, 'pipe');
    spawnSync('mkfifo', [pipe]);
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    onTestFinished(() => closeSync(reader));
    // No room is left in it.
    const prefix = ['bash', '-c', `exec >"${pipe}"; head -c 65536 /dev/zero; exec "$@"`, 'bash'];
    const [messages, state] = [join(writable, 'events.pb'), join(writable, 'state')];
    const env = ['env', `XDG_STATE_HOME=${state}`];
    const outputs = ['--ndjson', '-', '--protobuf', messages];
    const capture = await started(['--user', 'nobody', ...outputs], [...env, ...prefix]);
    lab.shakeHands(2);
    await waitUntil(() => statSync(messages).size > 0, 'events in the other file');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await stop(capture)).toBe(4);
    const log = logOf(capture);
    expect(log.find(({ event }) => event === 'outcome')?.msg).toBe(
      '2 events dropped on the way to the NDJSON file: not_written 2',
    );
    expect(log.find(({ event }) => event === 'stop')).toMatchObject({
      stats: { events: { kept: 2, ndjson: 0, protobuf: 2 }, delivery: { emitted: 2, acknowledged: 0, dropped: 2 } },
    });
    expect(existsSync(state)).toBe(false);
  });

  it('ends by itself when its time is over', async () => {
    const capture = await started(['--user', 'nobody', '--for', '1']);
    expect(await capture.ended).toBe(0);
    expect(logOf(capture).at(-1)).toMatchObject({ event: 'stop', reason: 'time' });
  });

  it('takes a new configuration at SIGHUP, names what needs a restart, and keeps the old one where the new is wrong', async () => {
    const config = join(writable, 'spanglass.yaml');
    const events = join(writable, 'events.ndjson');
    const common = `output: { ndjson: ${events} }\n`;
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
      msg: expect.stringContaining(':2:1: filtr: there is no such setting'),
    });
    lab.shakeHands(1);
    // The kernel hands it over within 50 ms, and the old filter is to be the one that sees it.
    await new Promise((resolve) => setTimeout(resolve, 500));
    write(`filter: port ${PORT}\nflows: { max: 1000 }\n`);
    expect(await reload()).toMatchObject({ level: 'info', taken: true, changed: ['filter'], restart: ['flows.max'] });
    // As logrotate does it.
    const aside = `${events}.1`;
    spawnSync('mv', [events, aside]);
    expect(await reload()).toMatchObject({ taken: true, changed: [] });
    // A worker hears it at its next turn.
    await new Promise((resolve) => setTimeout(resolve, 300));
    lab.shakeHands(1);
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
    lab.shakeHands(1);
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
