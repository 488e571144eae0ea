/** A mirror port for tests of `spanglass capture`: a server of TLS, clients that shake hands with it, and the program as its user starts it. */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { type Namespace, NetworkLab, waitUntil, whyNoLab } from '../support/netns.ts';
import { cliCommand } from './built-cli.ts';

export const NOBODY = 65_534;
export const SERVER = '10.9.0.2';
export const PORT = 4433;
export const SERVER_NAME = 'www.example.com';
const TO_SERVER = ['-connect', `${SERVER}:${PORT}`, '-tls1_2', '-servername', SERVER_NAME];
/** A stop takes no longer; the help says so. */
const STOP_MS = 10_000;

export interface Capture {
  readonly child: ChildProcess;
  /** Null where a signal ended it. */
  readonly ended: Promise<number | null>;
  stdout: string;
  stderr: string;
}

type LogLine = Readonly<Record<string, unknown>> & { readonly event: string; readonly msg: string };

/** Null where all is there that these tests need. */
export function whyNoCapture(): string | null {
  return whyNoLab() ?? (spawnSync('openssl', ['version']).error === undefined ? null : 'no openssl here');
}

export class CaptureLab {
  readonly #lab: NetworkLab = new NetworkLab();
  readonly client: Namespace = this.#lab.namespace('client');
  readonly server: Namespace = this.#lab.namespace('server');
  readonly sensor: Namespace = this.#lab.namespace('sensor');
  readonly folder: string = mkdtempSync(join(tmpdir(), 'spanglass-capture-'));

  private constructor() {
    const { client, server, sensor } = this;
    chmodSync(this.folder, 0o755);
    this.#lab.connect({ namespace: client, device: 'v0' }, { namespace: server, device: 'v1' });
    this.#lab.connect({ namespace: server, device: 'm0' }, { namespace: sensor, device: 'm1' });
    this.#lab.mirror(server, 'v1', 'm0');
    client.addAddresses('v0', '10.9.0.1/24');
    server.addAddresses('v1', `${SERVER}/24`);
  }

  static async open(): Promise<CaptureLab> {
    const lab = new CaptureLab();
    try {
      await lab.#startServer();
    } catch (error) {
      lab.close();
      throw error;
    }
    return lab;
  }

  async #startServer(): Promise<void> {
    const [key, certificate] = [join(this.folder, 'key.pem'), join(this.folder, 'cert.pem')];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=localhost'];
    spawnSync('openssl', [...request, '-keyout', key, '-out', certificate]);
    const listen = ['openssl', 's_server', '-accept', `${SERVER}:${PORT}`, '-key', key, '-cert', certificate];
    this.server.start([...listen, '-tls1_2', '-www'], { stdio: 'ignore' });
    await waitUntil(() => this.server.run(['ss', '-Hltn']).includes(`:${PORT}`), 'the server');
  }

  close(): void {
    this.#lab.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Where the user that a capture goes on as may write. */
  newFolder(): string {
    const folder = mkdtempSync(join(this.folder, 'run-'));
    chownSync(folder, NOBODY, NOBODY);
    return folder;
  }

  /** `prefix` is put before the command. Ends with the test at the latest. */
  start(folder: string, args: readonly string[], prefix: readonly string[] = []): Capture {
    const command = [...prefix, ...cliCommand('capture', '--interface', 'm1', ...args)];
    const child = this.sensor.start(command, { cwd: folder });
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

  /** Resolves when it watches. */
  async started(folder: string, args: readonly string[], prefix: readonly string[] = []): Promise<Capture> {
    const capture = this.start(folder, args, prefix);
    await waitUntil(() => capture.stderr.includes('watching m1') || capture.child.exitCode !== null, 'the start');
    if (capture.child.exitCode !== null) throw new Error(`it ended with ${capture.child.exitCode}: ${capture.stderr}`);
    return capture;
  }

  shakeHands(times: number): void {
    for (let n = 0; n < times; n++) this.client.run(['openssl', 's_client', ...TO_SERVER]);
  }

  /** One after the other, until what it gives is called. */
  shakeHandsOn(): () => void {
    const loop = `while :; do openssl s_client ${TO_SERVER.join(' ')} </dev/null >/dev/null 2>&1; done`;
    const child = this.client.start(['bash', '-c', loop], { stdio: 'ignore' });
    const end = (): void => void child.kill('SIGKILL');
    onTestFinished(end);
    return end;
  }
}

/** Within the time that the help promises. Its exit code. */
export async function stop({ child, ended }: Capture, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  const startMs = performance.now();
  child.kill(signal);
  const code = await ended;
  expect(performance.now() - startMs).toBeLessThan(STOP_MS);
  return code;
}

export function logOf({ stderr }: Capture): LogLine[] {
  return stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Handshakes in a file of envelopes. */
export function eventsIn(file: string): Record<string, unknown>[] {
  if (!existsSync(file)) return [];
  const envelopes: { sourcetype: string; event: Record<string, unknown> }[] = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return envelopes.filter(({ sourcetype }) => sourcetype !== 'spanglass:health').map(({ event }) => event);
}
