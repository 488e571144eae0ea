/**
 * What must hold when something happens while packets pour in: nothing that the spool has accepted is lost, and numbers add up. The load is a
 * capture of 400 handshakes, sent again and again with other addresses.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Input, prepareInput } from '../../bench/inputs.ts';
import { buildFrameSender, type Sender, type Sent } from '../../bench/live-senders.ts';
import { buildCli, removeBuild, startCli } from '../cli/built-cli.ts';
import { HecServer } from '../support/hec/hec-server.ts';
import { waitUntil, whyNoLab } from '../support/netns.ts';
import { MIRROR_DEVICE, MirrorPort } from './mirror-port.ts';
import { gapsOf, type LiveEvent, spoolAccounts, wrongSums } from './running-sensor.ts';

const missing = ['cc', 'openssl'].find((name) => spawnSync(name, ['--version']).error !== undefined);
const why = whyNoLab() ?? (missing === undefined ? null : `no ${missing} here`);

/** Frames a second that a sensor on a busy machine can take, and that keep it busy for some seconds. */
const RATE = 10_000;
const LOOPS = 3;
/** The help says so. */
const STOP_MS = 10_000;
/** Nobody listens there. */
const NO_SERVER = 'http://127.0.0.1:9';

describe.skipIf(why !== null)(`a mirror port under load${why === null ? '' : ` (skipped: ${why})`}`, () => {
  let port: MirrorPort;
  let input: Input;
  let sender: Sender;

  beforeAll(async () => {
    buildCli();
    sender = buildFrameSender();
    const folder = join('out', 'bench');
    mkdirSync(folder, { recursive: true });
    input = await prepareInput(folder, 'handshakes', 'smoke', () => {});
    port = new MirrorPort({ hasAddresses: false });
  });
  afterEach(() => port.endSensors());
  afterAll(() => {
    port?.close();
    removeBuild();
  });

  function send(loops: number, rate = RATE, from = 0): Promise<Sent> {
    return port.sendFrames(sender, { capture: input.path, loops, rate, from });
  }

  it('with two workers gives the events that one gives', async () => {
    const one = await port.startSensor(port.newFolder());
    const two = await port.startSensor(port.newFolder(), '--workers', '2');
    await send(LOOPS);
    const handshakes = input.handshakes! * LOOPS;
    for (const sensor of [one, two]) {
      await sensor.waitForEvents(handshakes);
      expect(await sensor.end()).toBe(0);
      expect(sensor.events).toHaveLength(handshakes);
      expect(wrongSums(sensor.stats)).toEqual([]);
      expect(sensor.stats.kernel).toMatchObject({ ring_dropped: 0, waiting: 0 });
    }
    expect(two.stats.kernel?.workers).toBe(2);
    expect(gapsOf(two.events)).toEqual({ streams: 2, missing: [], duplicates: 0 });
    const content = (events: readonly LiveEvent[]) => events.map(contentOf).toSorted();
    expect(content(two.events)).toEqual(content(one.events));
  });

  it.each([
    ['with the shunt', []],
    ['without it', ['--no-shunt']],
    ['with two workers', ['--workers', '2']],
  ])('counts what a small ring drops, %s, and the sums are exact', async (_, options) => {
    const sensor = await port.startSensor(port.newFolder(), '--ring', '4', ...options);
    const before = port.mirrored;
    sensor.hold();
    const sent = await send(LOOPS, 0);
    sensor.goOn();
    await sensor.waitForRest();
    expect(await sensor.end()).toBe(0);
    const { stats } = sensor;
    expect(port.mirrored - before).toBe(sent.frames);
    expect(stats.kernel?.received).toBe(sent.frames);
    expect(stats.kernel?.ring_dropped).toBeGreaterThan(0);
    expect(wrongSums(stats)).toEqual([]);
    expect(sensor.events).toHaveLength(stats.events.kept);
  });

  it('loses nothing that is in the spool when it is killed and started again', async () => {
    const folder = port.newFolder();
    const token = join(folder, 'token');
    writeFileSync(token, 'test-token');
    const hec = ['--hec', NO_SERVER, '--hec-token-file', token];
    const killed = await port.startSensor(folder, ...hec);
    const load = send(LOOPS * 3);
    await killed.waitForEvents(300);
    expect(await killed.end('SIGKILL')).toBe('SIGKILL');
    const accounts = spoolAccounts(folder);
    const accepted = accounts.get('hec')!;
    expect(accepted).toMatchObject({ acknowledged: 0, emitted: accepted.queued });
    expect(accepted.queued).toBeGreaterThanOrEqual(300);

    const next = await port.startSensor(folder, ...hec);
    await load;
    await next.waitForRest();
    expect(await next.end()).toBe(0);
    expect(wrongSums(next.stats)).toEqual([]);
    expect(next.stats.delivery).toMatchObject({ dropped: 0 });

    // The file got all of it; what it had been given before the kill may have come again, with the same numbers.
    const inFile = gapsOf(next.events);
    expect(inFile).toMatchObject({ streams: 2, missing: [] });
    const server = new HecServer({ tokens: { 'test-token': { usesAck: true } } });
    const url = await server.start();
    onTestFinished(() => server.stop());
    const target = ['--spool', join(folder, 'spool'), '--hec', url, '--hec-token-file', token];
    const drained = await startCli('spool', 'drain', ...target).done;
    expect({ code: drained.code, stderr: drained.stderr }).toEqual({ code: 0, stderr: '' });
    const rows = server.ledger.runAccountingSearch();
    for (const { missing: lost, duplicates } of rows) expect({ lost, duplicates }).toEqual({ lost: 0, duplicates: 0 });
    const distinct = rows.reduce((sum, row) => sum + row.distinct, 0);
    expect(spoolAccounts(folder).get('hec')).toMatchObject({ queued: 0, emitted: distinct });
    expect(distinct).toBeGreaterThanOrEqual(next.events.length - inFile.duplicates);
  });

  it('without a spool has whole events in the file when it is killed, and goes on behind them', async () => {
    const folder = port.newFolder();
    const killed = await port.startSensor(folder);
    const load = send(LOOPS * 3);
    await killed.waitForEvents(300);
    expect(await killed.end('SIGKILL')).toBe('SIGKILL');
    const before = killed.events.length;
    const next = await port.startSensor(folder);
    await load;
    await next.waitForRest();
    expect(await next.end()).toBe(0);
    expect(next.events.length).toBe(before + next.stats.events.kept);
    expect(gapsOf(next.events)).toEqual({ streams: 2, missing: [], duplicates: 0 });
    expect(existsSync(join(folder, 'spool'))).toBe(false);
  });

  it('ends at SIGTERM in time, with every event it made in the file', async () => {
    const sensor = await port.startSensor(port.newFolder());
    const load = send(LOOPS * 2);
    await sensor.waitForEvents(300);
    const beganMs = performance.now();
    expect(await sensor.end('SIGTERM')).toBe(0);
    expect(performance.now() - beganMs).toBeLessThan(STOP_MS);
    const { stats, events } = sensor;
    await load;
    expect(wrongSums(stats)).toEqual([]);
    expect(stats.kernel).toMatchObject({ ring_dropped: 0, waiting: 0 });
    expect(gapsOf(events)).toEqual({ streams: 1, missing: [], duplicates: 0 });
    expect(events.length).toBe(stats.events.kept);
    expect(stats.delivery).toMatchObject({
      emitted: events.length,
      acknowledged: events.length,
      queued: 0,
      dropped: 0,
    });
    expect(stats.events.kept).toBeLessThan(input.handshakes! * LOOPS * 2);
  });

  it('takes another configuration at SIGHUP, and loses nothing', async () => {
    const folder = port.newFolder();
    const config = join(folder, 'spanglass.yaml');
    writeFileSync(config, 'scoring: { min_risk: 0 }\n');
    const sensor = await port.startSensor(folder, '--config', config);
    const load = send(LOOPS);
    for (const minRisk of [1, 0, 1, 0]) {
      writeFileSync(config, `scoring: { min_risk: ${minRisk} }\n`);
      const reloads = () => sensor.log.filter(({ event }) => event === 'reload').length;
      const before = reloads();
      sensor.child.kill('SIGHUP');
      await waitUntil(() => reloads() > before, 'the reload');
      await sleep(200);
    }
    await load;
    await sensor.waitForRest();
    expect(await sensor.end()).toBe(0);
    const { stats } = sensor;
    expect(wrongSums(stats)).toEqual([]);
    expect(stats.handshakes.total).toBe(input.handshakes! * LOOPS);
    expect(stats.events.below_min_risk).toBeGreaterThan(0);
    expect(sensor.events).toHaveLength(stats.events.kept);
    expect(gapsOf(sensor.events)).toMatchObject({ missing: [], duplicates: 0 });
  });

  it('goes on after the interface was down, or had another MTU', async () => {
    const sensor = await port.startSensor(port.newFolder());
    const links = () => sensor.log.filter(({ event }) => event === 'link').map(({ link }) => link);
    const load = send(LOOPS);
    await sensor.waitForEvents(100);
    port.sensors.setLink(MIRROR_DEVICE, 'down');
    await waitUntil(() => links().includes('down'), 'a word about the link');
    port.sensors.setLink(MIRROR_DEVICE, 'up');
    await waitUntil(() => links().at(-1) === 'up', 'a word about the link');
    port.sensors.waitForCarrier(MIRROR_DEVICE);
    await load;
    await sensor.waitForRest();
    const before = sensor.events.length;
    port.sensors.setLink(MIRROR_DEVICE, 'mtu', '9000');
    // Other connections: those that the flap cut off are still open, and would be the same, sent twice.
    await send(1, RATE, LOOPS);
    await sensor.waitForEvents(before + input.handshakes!);
    port.sensors.setLink(MIRROR_DEVICE, 'mtu', '1500');
    expect(await sensor.end()).toBe(0);
    const { stats } = sensor;
    expect(wrongSums(stats)).toEqual([]);
    expect(sensor.events).toHaveLength(stats.events.kept);
    expect(gapsOf(sensor.events)).toEqual({ streams: 1, missing: [], duplicates: 0 });
  });

  it('keeps its memory and its descriptors', async () => {
    const sensor = await port.startSensor(port.newFolder());
    await send(LOOPS, 2 * RATE);
    await sensor.waitForRest();
    const warm = sensor.usage;
    for (let n = 1; n <= 3; n++) await send(LOOPS, 2 * RATE, n * LOOPS);
    await sensor.waitForRest();
    const { ownRssMb, descriptors } = sensor.usage;
    expect(descriptors).toBeLessThanOrEqual(warm.descriptors + 2);
    // The benchmark has the long run; this finds what grows with every handshake.
    expect(ownRssMb).toBeLessThan(warm.ownRssMb + 60);
    expect(await sensor.end()).toBe(0);
  });
});

/** Without what is of a run, or of the moment in which a socket was given a packet. */
function contentOf(event: LiveEvent): string {
  const { boot_id: _boot, seq: _seq, event_id: _id, flow_id: _flow, timestamp: _from, endtime: _to, ...rest } = event;
  const { ssl_time: _time, client_rtt: _client, server_rtt: _server, initial_rtt: _initial, ...content } = rest;
  return JSON.stringify(content);
}
