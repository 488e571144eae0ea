/**
 * `spanglass capture --libpcap` as its user runs it. The package `cap` is not installed with the others (docs/decisions/): its main file is
 * found, or in SPANGLASS_CAP.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunStats } from '../../src/cli/run-stats.ts';
import { waitUntil } from '../support/netns.ts';
import { buildCli, linkPackage, removeBuild } from './built-cli.ts';
import { CaptureLab, eventsIn, logOf, PORT, SERVER, SERVER_NAME, stop, whyNoCapture } from './capture-lab.ts';

const cap = findCap();
const reason = whyNoCapture();
const noCap = cap === null ? ' (no package cap here)' : '';

describe.skipIf(reason !== null)(`spanglass capture --libpcap${reason === null ? '' : ` (${reason})`}`, () => {
  let lab: CaptureLab;

  beforeAll(async () => {
    buildCli();
    lab = await CaptureLab.open();
  });
  afterAll(() => {
    lab?.close();
    removeBuild();
  });

  it('names the package that is missing, and how to get it', async (context) => {
    if (cap === 'installed') context.skip('the package cap is installed');
    const capture = lab.start(lab.newFolder(), ['--libpcap']);
    expect(await capture.ended).toBe(1);
    expect(capture.stderr).toContain('spanglass: capture through libpcap needs the package cap');
    expect(capture.stderr).toContain('npm i --no-save cap');
    expect(capture.stdout).toBe('');
  });

  it.skipIf(cap === null)(
    `makes an event of each handshake, as another user, until it is told to end${noCap}`,
    async () => {
      if (cap !== 'installed' && cap !== null) linkPackage('cap', cap);
      const folder = lab.newFolder();
      const [events, statistics] = [join(folder, 'events.ndjson'), join(folder, 'stats.json')];
      const options = ['--libpcap', '--user', 'nobody', '--bpf', `tcp port ${PORT}`];
      const capture = await lab.started(folder, [...options, '--ndjson', events, '--stats', statistics]);
      lab.shakeHands(3);
      await waitUntil(() => eventsIn(events).length === 3, 'three events, while it runs');
      await setTimeout(200);
      expect(await stop(capture)).toBe(0);
      for (const event of eventsIn(events)) {
        expect(event).toMatchObject({ dest_ip: SERVER, dest_port: PORT, ssl_server_name: SERVER_NAME });
      }
      const { kernel, packets, handshakes }: RunStats = JSON.parse(readFileSync(statistics, 'utf8'));
      expect(handshakes.total).toBe(3);
      expect(kernel).toMatchObject({ ring_dropped: 0, shunted: 0, waiting: 0, workers: 1 });
      expect(kernel!.received).toBe(kernel!.walked);
      expect(kernel!.walked).toBe(packets.received);
      // `cap` itself says that the mirror port has no address, as none should.
      const log = logOf({ ...capture, stderr: capture.stderr.replaceAll(/^Warning: .*\n/gm, '') });
      expect(log.map(({ event }) => event)).toEqual(['note', 'start', 'stop']);
      expect(log[1]!.msg).toContain('watching m1, through libpcap with 64 MiB, as user nobody');
    },
  );
});

/** Its folder; `installed` where every program here finds it. */
function findCap(): string | null {
  const named = process.env['SPANGLASS_CAP'];
  if (named !== undefined) {
    let folder = dirname(named);
    while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
    return folder;
  }
  try {
    createRequire(import.meta.url).resolve('cap');
    return 'installed';
  } catch {
    // Not installed, which is how it is meant to be.
    return null;
  }
}
