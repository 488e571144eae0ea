/** Where a replay's handshakes go: past the filter, to the outputs, and to the screen where they are findings. */
import type { EventFacts } from '../event/event-facts.ts';
import { OutputError } from '../output/output-error.ts';
import { EventSieve, type SieveRules } from '../sensor/event-sieve.ts';
import type { HandshakeSink } from '../sensor/handshake-sink.ts';

/** `NdjsonFile` or `ProtobufFile`. */
interface EventFile {
  write(facts: EventFacts): void;
  close(): void;
}

/** A file of events, and how many it has. */
export interface EventOutput {
  readonly kind: 'ndjson' | 'protobuf';
  readonly file: EventFile;
  events: number;
  /** False once the reader of a pipe went away. */
  isRead: boolean;
}

export interface ReplaySinkOptions {
  readonly rules: SieveRules;
  readonly outputs: readonly EventOutput[];
  /** Hands an event to the spool; null where nothing is delivered. */
  readonly deliver: ((facts: EventFacts) => void) | null;
  /** Null where findings are not shown. */
  readonly showFinding: ((facts: EventFacts) => void) | null;
  /** The reader of the last output went away. */
  readonly onNobodyReads: () => void;
}

export class ReplaySink implements HandshakeSink {
  readonly sieve: EventSieve;
  readonly #options: ReplaySinkOptions;

  constructor(options: ReplaySinkOptions) {
    this.#options = options;
    this.sieve = new EventSieve(options.rules);
  }

  onHandshake(facts: EventFacts): void {
    if (!this.sieve.pass(facts)) return;
    const { outputs, deliver, showFinding } = this.#options;
    for (const output of outputs) this.#write(output, facts);
    deliver?.(facts);
    if (this.sieve.isFinding(facts)) showFinding?.(facts);
  }

  /** Writes what is left. Throws `OutputError`. */
  close(): void {
    for (const output of this.#options.outputs) this.#write(output, null);
  }

  eventsOf(kind: EventOutput['kind']): number {
    return this.#options.outputs.find((output) => output.kind === kind)?.events ?? 0;
  }

  /** One event, or the end. `spanglass … | head` is no failure: that output is given up, and the run if it was the only one. */
  #write(output: EventOutput, facts: EventFacts | null): void {
    if (!output.isRead) return;
    try {
      if (facts === null) output.file.close();
      else output.file.write(facts);
      if (facts !== null) output.events += 1;
    } catch (error) {
      if (!(error instanceof OutputError) || error.code !== 'closed_by_reader') throw error;
      output.isRead = false;
      if (this.#options.outputs.every((one) => !one.isRead)) this.#options.onNobodyReads();
    }
  }
}
