/** The process of `hec-server.ts`, as its parent sees it. One command at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AccountingRow } from '../test/support/hec/event-ledger.ts';
import type { Ages } from './hec-plan.ts';

const PROGRAM = fileURLToPath(new URL('./hec-server.js', import.meta.url));
export const BENCH_TOKEN = 'bench-token';

export type ServerCommand =
  | { readonly do: 'start' | 'stop' | 'look' }
  /** From here on: how long after it was due does each event come? `dueMs` is the first one's date. */
  | { readonly do: 'watch'; readonly fromSeq: number; readonly dueMs: number; readonly perSecond: number };

export interface ServerStats {
  readonly url: string;
  readonly indexed: number;
  readonly rows: readonly AccountingRow[];
  readonly ages: Ages;
  readonly cpuS: number;
  readonly wireBytes: number;
  readonly bodyBytes: number;
}

export class ServerProcess {
  readonly #child: ChildProcess = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });

  async ask(command: ServerCommand): Promise<ServerStats> {
    const gone = new AbortController();
    const onExit = (): void => gone.abort();
    this.#child.once('exit', onExit);
    const answered = once(this.#child, 'message', { signal: gone.signal });
    this.#child.send(command);
    const [answer]: unknown[] = await answered;
    this.#child.off('exit', onExit);
    // The program writes it, from the same type.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return answer as ServerStats;
  }

  /** It ends when nobody is there any more. */
  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}
