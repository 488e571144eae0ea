/** Real handshakes between real programs, seen live on a mirror port and in a capture that tcpdump made of the same packets. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildCli, cliCommand, removeBuild } from '../cli/built-cli.ts';
import { bundleProgram } from '../support/bundled-program.ts';
import { whyNoLab } from '../support/netns.ts';
import { MIRROR_DEVICE, MirrorPort, SERVER_ADDRESSES } from './mirror-port.ts';
import { type LiveEvent, type RunningSensor, readEvents, wrongSums } from './running-sensor.ts';
import { differences } from './same-events.ts';
import { startWebServer } from './web-server.ts';

const missing = ['nginx', 'tcpdump', 'openssl', 'curl'].find((name) => spawnSync(name, ['-h']).error !== undefined);
const why = whyNoLab() ?? (missing === undefined ? null : `no ${missing} here`);

const CONNECTIONS = 120;
const MADE = z.object({ made: z.number(), resumed: z.number() });

describe.skipIf(why !== null)(`real handshakes on a mirror port${why === null ? '' : ` (skipped: ${why})`}`, () => {
  let port: MirrorPort;
  let names: string[];
  let clients: string;

  beforeAll(async () => {
    buildCli();
    clients = await bundleProgram('test/live/tls-client-program.ts');
    port = new MirrorPort({ hasAddresses: true });
    names = await startWebServer(port);
  });
  afterEach(() => port.endSensors());
  afterAll(() => {
    port?.close();
    removeBuild();
  });

  /** One of each program that has a hand of its own for hellos; gives the number of handshakes. */
  function useOtherClients(): number {
    const commands: string[][] = [];
    for (const version of ['-tls1_2', '-tls1_3']) {
      const target = ['-connect', '192.0.2.1:443', '-servername', names[0]!, version];
      commands.push(['openssl', 's_client', ...target]);
    }
    for (const name of names)
      commands.push(['openssl', 's_client', '-connect', '[2001:db8::1]:443', '-servername', name]);
    for (const name of names) {
      const resolve = ['--connect-to', `${name}:443:192.0.2.1:443`];
      commands.push(['curl', '-sSk', '-o', '/dev/null', ...resolve, `https://${name}/`]);
    }
    for (const command of commands) port.clients.run(command);
    return commands.length;
  }

  function useNodeClients(connections: number): number {
    const plan = { hosts: SERVER_ADDRESSES, names, connections, atATime: 8 };
    const { made, resumed } = MADE.parse(
      JSON.parse(port.clients.run([process.execPath, clients, JSON.stringify(plan)])),
    );
    expect(resumed).toBeGreaterThan(0);
    return made;
  }

  it('are the same events live, with one worker or two, with the shunt or without, as in a replay of the capture', async () => {
    const sensors: Record<string, RunningSensor> = {};
    for (const options of [[], ['--workers', '2'], ['--no-shunt']])
      sensors[options.join(' ')] = await port.startSensor(port.newFolder(), ...options);
    const capture = join(port.folder, 'all.pcap');
    const before = port.sensors.listeners(MIRROR_DEVICE);
    const tcpdump = port.sensors.start(['tcpdump', '-i', MIRROR_DEVICE, '-B', '65536', '-w', capture, '-Z', 'root']);
    await port.sensors.waitForListeners(MIRROR_DEVICE, 1, before);

    const handshakes = useOtherClients() + useNodeClients(CONNECTIONS);
    for (const sensor of Object.values(sensors)) await sensor.waitForEvents(handshakes);
    for (const sensor of Object.values(sensors)) await sensor.waitForRest();
    tcpdump.kill('SIGINT');
    await once(tcpdump, 'close');

    const replayed = replay(capture);
    expect(replayed).toHaveLength(handshakes);
    for (const [options, sensor] of Object.entries(sensors)) {
      expect([options, await sensor.end()]).toEqual([options, 0]);
      expect([options, differences(sensor.events, replayed)]).toEqual([options, []]);
      expect([options, wrongSums(sensor.stats)]).toEqual([options, []]);
      expect(sensor.stats.kernel).toMatchObject({ ring_dropped: 0, waiting: 0 });
    }
    // Not each of two workers may be idle, or the comparison says nothing.
    expect(new Set(sensors['--workers 2']!.events.map((event) => event['boot_id'])).size).toBe(2);
    const seen = new Set(
      replayed.map((event) => `${String(event['ssl_version'])} ${String(event['cert_visibility'])}`),
    );
    expect([...seen]).toEqual(expect.arrayContaining(['TLSv1.2 clear', 'TLSv1.3 encrypted_tls13']));
    expect(new Set(replayed.map((event) => event['ssl_subject_common_name'])).size).toBeGreaterThan(names.length);
  });

  function replay(capture: string): LiveEvent[] {
    const out = join(port.folder, 'replayed.ndjson');
    const [program, ...args] = cliCommand('replay', capture, '--ndjson', out, '--sensor', 'lab', '--quiet');
    const { status, stderr } = spawnSync(program!, args, { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return readEvents(out);
  }
});
