/** The OpenTelemetry Collector as a process: started, killed, started again; and what it wrote. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { COLLECTOR } from './collector-binary.ts';

const START_MS = 20_000;
const POLL_MS = 100;
const EVENT_ID = /"key":"event_id","value":\{"stringValue":"([^"]+)"\}/g;

export class Collector {
  readonly port: number;
  readonly #folder: string;
  readonly #config: string;
  #child: ChildProcess | null = null;
  #output = '';

  constructor(folder: string, port: number) {
    this.port = port;
    this.#folder = folder;
    this.#config = path.join(folder, 'collector.yaml');
    // With rotation the exporter writes each request at once; without, it buffers, and a kill loses what was acknowledged. A file is
    // never full here.
    writeFileSync(
      this.#config,
      `extensions:
  ack:
receivers:
  splunk_hec:
    endpoint: 127.0.0.1:${port}
    ack:
      extension: ack
exporters:
  file:
    path: ${path.join(folder, 'received.json')}
    append: false
    rotation:
      max_megabytes: 100000
service:
  extensions: [ack]
  telemetry:
    metrics:
      level: none
  pipelines:
    logs:
      receivers: [splunk_hec]
      exporters: [file]
`,
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const child = spawn(COLLECTOR, ['--config', this.#config], { stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk: Buffer): void => {
      this.#output += chunk.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.#child = child;
    const untilMs = performance.now() + START_MS;
    while (child.exitCode === null && performance.now() < untilMs) {
      const health = await fetch(`${this.url}/services/collector/health`).catch(() => null);
      await health?.text();
      if (health?.status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`the collector did not start:\n${this.#output}`);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => {
      child.once('exit', resolve);
    });
    child.kill('SIGKILL');
    await ended;
  }

  /** How often each `event_id` was received. The exporter appends where it rotates, so one file has all. */
  async received(): Promise<Map<string, number>> {
    const times = new Map<string, number>();
    const files = readdirSync(this.#folder).filter((name) => name.startsWith('received'));
    for (const name of files) {
      const file = path.join(this.#folder, name);
      if (!existsSync(file)) continue;
      for await (const line of createInterface({ input: createReadStream(file) })) {
        for (const match of line.matchAll(EVENT_ID)) times.set(match[1]!, (times.get(match[1]!) ?? 0) + 1);
      }
    }
    return times;
  }
}
