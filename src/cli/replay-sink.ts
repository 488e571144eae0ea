/** Where a replay's handshakes go: past the filter, to the outputs, and to the screen where they are findings. */
import type { ConnectionFacts, EventFacts } from '../event/event-facts.ts';
import { OutputError } from '../output/output-error.ts';
import { countIn } from '../sensor/counters.ts';
import type { EventPredicate } from '../sensor/filter.ts';
import type { HandshakeSink } from '../sensor/handshake-sink.ts';

/**
 * Share of duplicates among a connection's packets from which the mirror port sends all of them twice. Then a quarter is usual, since
 * only what carries data is known to be a duplicate; retransmission stays far below.
 */
const DOUBLED_SHARE = 0.15;

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
  readonly filter: EventPredicate | null;
  readonly minRisk: number;
  readonly outputs: readonly EventOutput[];
  /** Hands an event to the spool; null where nothing is delivered. */
  readonly deliver: ((facts: EventFacts) => void) | null;
  /** Null where findings are not shown. */
  readonly showFinding: ((facts: EventFacts) => void) | null;
  /** The reader of the last output went away. */
  readonly onNobodyReads: () => void;
}

export class ReplaySink implements HandshakeSink {
  /** Passed the filter and the least risk. */
  kept = 0;
  belowMinRisk = 0;
  filtered = 0;
  findings = 0;
  /** Packets of one side only were seen. */
  oneDirection = 0;
  /** Packets seem to come twice. */
  doubled = 0;
  readonly findingsByLevel = new Map<string, number>();
  readonly #options: ReplaySinkOptions;

  constructor(options: ReplaySinkOptions) {
    this.#options = options;
  }

  onHandshake(facts: EventFacts): void {
    const { connection, score } = facts;
    const { filter, minRisk, outputs, deliver, showFinding } = this.#options;
    this.#judgeMirror(connection);
    if (filter !== null && !filter(facts)) {
      this.filtered += 1;
      return;
    }
    if (score.risk < minRisk) {
      this.belowMinRisk += 1;
      return;
    }
    // Numbered here, behind the filter: a gap in `seq` means a lost event.
    facts.seq = this.kept;
    this.kept += 1;
    for (const output of outputs) this.#write(output, facts);
    deliver?.(facts);
    if (score.level === 'None' && (minRisk === 0 || score.risk === 0)) return;
    this.findings += 1;
    countIn(this.findingsByLevel, score.level);
    showFinding?.(facts);
  }

  /** Writes what is left. Throws `OutputError`. */
  close(): void {
    for (const output of this.#options.outputs) this.#write(output, null);
  }

  eventsOf(kind: EventOutput['kind']): number {
    return this.#options.outputs.find((output) => output.kind === kind)?.events ?? 0;
  }

  #judgeMirror(c: ConnectionFacts): void {
    if (c.packetsIn === 0 || c.packetsOut === 0) this.oneDirection += 1;
    const duplicates = c.duplicatePacketsIn + c.duplicatePacketsOut;
    if (duplicates > (c.packetsIn + c.packetsOut) * DOUBLED_SHARE) this.doubled += 1;
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
