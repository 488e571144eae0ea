/**
 * A mirror port as deployers have it: clients and servers on one cable, a switch that mirrors it, and a port where sensors listen.
 *
 *     clients ─ v1 ═══════ v0 ─ servers            192.0.2.0/24, 2001:db8::/64
 *                           │ both directions
 *                          m0 ═══════ m1 ─ sensors
 *
 * Frames of a capture can be sent from the clients' end as well. Nothing but mirrored packets comes to m1.
 */
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Load, Sender, Sent } from '../../bench/live-senders.ts';
import { type Namespace, NetworkLab } from '../support/netns.ts';
import { RunningSensor } from './running-sensor.ts';

export const MIRROR_DEVICE = 'm1';
export const SERVER_ADDRESSES = ['192.0.2.1', '2001:db8::1'] as const;

export class MirrorPort {
  readonly lab = new NetworkLab();
  readonly servers: Namespace = this.lab.namespace('servers');
  readonly clients: Namespace = this.lab.namespace('clients');
  readonly sensors: Namespace = this.lab.namespace('sensors');
  /** For files of the tests; whoever the sensor becomes may write there. */
  readonly folder: string = mkdtempSync(join(tmpdir(), 'spanglass-live-'));
  readonly #started: RunningSensor[] = [];

  /** Without addresses there is nobody on the cable, and every packet is one that was sent as a frame. */
  constructor({ hasAddresses }: { readonly hasAddresses: boolean }) {
    const { lab, servers, clients, sensors } = this;
    chmodSync(this.folder, 0o777);
    lab.connect({ namespace: clients, device: 'v1' }, { namespace: servers, device: 'v0' });
    lab.connect({ namespace: servers, device: 'm0' }, { namespace: sensors, device: MIRROR_DEVICE });
    if (hasAddresses) {
      servers.addAddresses('v0', '192.0.2.1/24', '2001:db8::1/64');
      clients.addAddresses('v1', '192.0.2.2/24', '2001:db8::2/64');
    }
    lab.mirror(servers, 'v0', 'm0');
  }

  /** A folder of its own. */
  newFolder(): string {
    const folder = mkdtempSync(join(this.folder, 'run-'));
    chmodSync(folder, 0o777);
    return folder;
  }

  /** Starts a sensor on the mirror port; resolves when it watches. */
  async startSensor(folder: string, ...options: readonly string[]): Promise<RunningSensor> {
    const running = new RunningSensor(this.sensors, MIRROR_DEVICE, folder, options);
    this.#started.push(running);
    await running.waitForStart();
    return running;
  }

  /** Packets that came to the mirror port. */
  get mirrored(): number {
    return this.sensors.counters(MIRROR_DEVICE).rxPackets;
  }

  async sendFrames(sender: Sender, load: Load): Promise<Sent> {
    const child = this.clients.start(sender.command('v1', load), { stdio: ['ignore', 'pipe', 'pipe'] });
    const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]);
    if (child.exitCode !== 0) throw new Error(`${sender.name}: ${stderr}`);
    return sender.readReport(stdout);
  }

  /** Ends the sensors of one test. */
  async endSensors(): Promise<void> {
    await Promise.all(this.#started.splice(0).map((sensor) => sensor.end('SIGKILL')));
  }

  close(): void {
    this.lab.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
