/** The HEC simulator as a process in a namespace, where a capture finds it on the loopback. Compiled with the command line. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { AccountingRow } from '../support/hec/event-ledger.ts';
import { type Namespace, waitUntil } from '../support/netns.ts';
import { builtProgram } from './built-cli.ts';
import { eventsIn } from './capture-lab.ts';

/** The namespace's own, so that it is free. */
const HEC_PORT = 8088;
export const HEC_URL = `http://127.0.0.1:${HEC_PORT}`;
export const HEC_TOKEN = 'test-token';

export class HecProgram {
  readonly #child: ChildProcess;
  readonly #file: string;
  readonly #ended: Promise<unknown>;
  #stdout = '';

  /** With acknowledgements, each after `indexDelayMs`. What it takes is added to a file in `folder`, over several starts. */
  private constructor(namespace: Namespace, folder: string, indexDelayMs: number) {
    this.#file = join(folder, 'indexed.ndjson');
    const options = ['--port', `${HEC_PORT}`, '--token', HEC_TOKEN, '--ack', '--index-delay-ms', `${indexDelayMs}`];
    const command = [...builtProgram('test/support/hec/main.js'), ...options, '--events', this.#file];
    this.#child = namespace.start(command, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child.stdout!.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString();
    });
    this.#ended = new Promise((resolve) => {
      this.#child.on('close', resolve);
    });
    onTestFinished(() => this.kill());
  }

  static async start(namespace: Namespace, folder: string, indexDelayMs = 0): Promise<HecProgram> {
    const program = new HecProgram(namespace, folder, indexDelayMs);
    await waitUntil(() => program.#stdout.includes('HEC simulator at'), 'the HEC simulator');
    return program;
  }

  /** Handshakes that were taken, in their order. */
  get events(): Record<string, unknown>[] {
    return eventsIn(this.#file);
  }

  async waitForEvents(count: number): Promise<void> {
    await waitUntil(() => this.events.length >= count, `${count} events at the HEC`);
  }

  /** Connections are taken, and bytes, by the kernel; but nothing is answered any more. */
  hang(): void {
    this.#child.kill('SIGSTOP');
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** The search of docs/operating.md, at its end. */
  async end(): Promise<AccountingRow[]> {
    this.#child.kill('SIGTERM');
    await this.#ended;
    const { search }: { search: AccountingRow[] } = JSON.parse(this.#stdout.slice(this.#stdout.indexOf('\n{') + 1));
    return search;
  }
}
