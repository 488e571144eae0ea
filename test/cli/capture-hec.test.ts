/** `spanglass capture --hec`: real handshakes on a mirror port, delivered to a server that acknowledges, goes away, or never answers. */
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeliveryStats, RunStats } from '../../src/cli/run-stats.ts';
import { waitUntil } from '../support/netns.ts';
import { buildCli, cliCommand, removeBuild } from './built-cli.ts';
import { type Capture, CaptureLab, logOf, PORT, SERVER, SERVER_NAME, stop, whyNoCapture } from './capture-lab.ts';
import { HEC_TOKEN, HEC_URL, HecProgram } from './hec-program.ts';

const reason = whyNoCapture();

describe.skipIf(reason !== null)(`spanglass capture --hec${reason === null ? '' : ` (${reason})`}`, () => {
  let lab: CaptureLab;
  let folder: string;

  beforeAll(async () => {
    buildCli();
    lab = await CaptureLab.open();
  });
  afterAll(() => {
    lab?.close();
    removeBuild();
  });
  beforeEach(() => {
    folder = lab.newFolder();
    writeFileSync(join(folder, 'token'), HEC_TOKEN);
  });

  /** Each run writes its own statistics; all have one spool. */
  let runs = 0;
  async function startCapture(): Promise<Capture & { readonly stats: () => RunStats }> {
    const statistics = join(folder, `stats-${runs++}.json`);
    const hec = ['--hec', HEC_URL, '--hec-token-file', join(folder, 'token'), '--spool', join(folder, 'spool')];
    const capture = await lab.started(folder, ['--user', 'nobody', ...hec, '--stats', statistics]);
    return Object.assign(capture, { stats: (): RunStats => JSON.parse(readFileSync(statistics, 'utf8')) });
  }

  /** A run's account, which must add up. */
  function accountOf(capture: { readonly stats: () => RunStats }): DeliveryStats {
    const { delivery, handshakes, kernel } = capture.stats();
    expect(delivery!.emitted).toBe(delivery!.acknowledged + delivery!.queued + delivery!.dropped);
    expect(delivery).toMatchObject({ emitted: handshakes.total, has_acks: true, dropped: 0 });
    expect(kernel).toMatchObject({ ring_dropped: 0, waiting: 0 });
    return delivery!;
  }

  /** Handshakes and health events, as the spool counts them for Splunk, while it is in use or not. */
  function spool(): { readonly acknowledged: number; readonly queued: number } {
    const [program, ...args] = cliCommand('spool', 'status', '--json', '--spool', join(folder, 'spool'));
    const { stdout } = spawnSync(program!, args, { encoding: 'utf8' });
    const status: { sinks: { acknowledged: number; queued: number }[] } = JSON.parse(stdout);
    return status.sinks[0]!;
  }

  function outcomeOf(capture: Capture): string {
    return logOf(capture)
      .filter(({ event }) => event === 'outcome')
      .map(({ msg }) => msg)
      .join('\n');
  }

  it('delivers each handshake once, with what it was, and is told so', async () => {
    const hec = await HecProgram.start(lab.sensor, folder, 200);
    const capture = await startCapture();
    lab.shakeHands(5);
    await hec.waitForEvents(5);
    expect(await stop(capture)).toBe(0);
    expect(accountOf(capture)).toMatchObject({
      end: 'done',
      emitted: 5,
      acknowledged: 5,
      queued: 0,
      possible_duplicates: 0,
    });
    expect(outcomeOf(capture)).toBe('');

    const { events } = hec;
    const certificate = new X509Certificate(readFileSync(join(lab.folder, 'cert.pem')));
    for (const event of events) {
      expect(event).toMatchObject({
        src_ip: '10.9.0.1',
        dest_ip: SERVER,
        dest_port: PORT,
        ssl_server_name: SERVER_NAME,
        ssl_version: 'TLSv1.2',
        ssl_subject_common_name: 'localhost',
        ssl_issuer_common_name: 'localhost',
        ssl_serial: certificate.serialNumber,
        ssl_cert_sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
      });
    }
    expect(new Set(events.map((event) => event['src_port'])).size).toBe(5);
    expect(new Set(events.map((event) => event['event_id'])).size).toBe(5);
    const search = await hec.end();
    // The handshakes' stream, and the one of health events.
    expect(search.map(({ missing, duplicates }) => [missing, duplicates])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(search.map(({ count }) => count)).toContain(5);
  });

  it('delivers to the end what is under way at SIGTERM', async () => {
    const hec = await HecProgram.start(lab.sensor, folder, 300);
    const capture = await startCapture();
    const endTraffic = lab.shakeHandsOn();
    await hec.waitForEvents(10);
    expect(await stop(capture)).toBe(0);
    endTraffic();
    const { emitted, queued } = accountOf(capture);
    expect({ queued, outcome: outcomeOf(capture) }).toEqual({ queued: 0, outcome: '' });
    expect(hec.events.map(({ seq }) => seq).toSorted((a, b) => Number(a) - Number(b))).toEqual([
      ...Array.from({ length: emitted }).keys(),
    ]);
  });

  it('keeps in the spool what a server that went away has not got, says so, and delivers it at the next start', async () => {
    const gone = await HecProgram.start(lab.sensor, folder);
    const first = await startCapture();
    lab.shakeHands(3);
    await waitUntil(() => spool().acknowledged === 3, 'three acknowledgements');
    await gone.kill();
    lab.shakeHands(4);
    await waitUntil(() => first.stderr.includes('connection_refused'), 'a word about the server');
    await waitUntil(() => spool().queued >= 4, 'four events in the spool');
    expect(await stop(first)).toBe(0);
    expect(accountOf(first)).toMatchObject({ end: 'interrupted', emitted: 7, acknowledged: 3, queued: 4 });
    expect(outcomeOf(first)).toContain(`4 events wait in the spool ${join(folder, 'spool')} for Splunk`);
    expect(outcomeOf(first)).toContain('spanglass spool drain');
    expect(first.stderr).not.toContain(HEC_TOKEN);

    const back = await HecProgram.start(lab.sensor, folder);
    const second = await startCapture();
    lab.shakeHands(1);
    await back.waitForEvents(8);
    expect(await stop(second)).toBe(0);
    expect(accountOf(second)).toMatchObject({ end: 'done', emitted: 1, acknowledged: 1, queued: 0, spool_queued: 0 });
    expect(new Set(back.events.map((event) => event['event_id'])).size).toBe(8);
    expect(back.events.length).toBe(8);
  });

  it('ends in time where the server takes requests and never answers, and loses nothing', async () => {
    const hung = await HecProgram.start(lab.sensor, folder);
    const first = await startCapture();
    lab.shakeHands(1);
    await waitUntil(() => spool().acknowledged === 1, 'an acknowledgement');
    hung.hang();
    lab.shakeHands(3);
    await waitUntil(() => spool().queued >= 3, 'three events in the spool');
    expect(await stop(first)).toBe(0);
    expect(accountOf(first)).toMatchObject({ emitted: 4, acknowledged: 1, queued: 3 });
    expect(outcomeOf(first)).toContain('3 events wait in the spool');
    await hung.kill();

    const back = await HecProgram.start(lab.sensor, folder);
    const second = await startCapture();
    await back.waitForEvents(4);
    expect(await stop(second)).toBe(0);
    expect(back.events.length).toBe(4);
    expect(new Set(back.events.map((event) => event['event_id'])).size).toBe(4);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('is cut short by a second signal while it waits for an answer: %s', async (signal, status) => {
    const hung = await HecProgram.start(lab.sensor, folder);
    const capture = await startCapture();
    lab.shakeHands(1);
    await waitUntil(() => spool().acknowledged === 1, 'an acknowledgement');
    hung.hang();
    lab.shakeHands(1);
    await waitUntil(() => spool().queued >= 1, 'an event in the spool');
    capture.child.kill('SIGTERM');
    await setTimeout(300);
    // It waits: the stop is not over by itself.
    expect(capture.child.exitCode).toBeNull();
    const startMs = performance.now();
    capture.child.kill(signal);
    expect(await capture.ended).toBe(status);
    expect(performance.now() - startMs).toBeLessThan(1000);
    await hung.kill();
    // The stop had not come to its end, and yet the spool has what was not delivered: the handshake, and the last health event.
    expect(spool()).toMatchObject({ acknowledged: 1, queued: 2 });
  });
});
