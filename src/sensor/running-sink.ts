/** One sink of a delivery, from its opening to its stop. */
import { type EventEncoding, NDJSON, PROTOBUF } from '../output/event-encoding.ts';
import { EventFileSink } from '../output/event-file-sink.ts';
import { giveUpSink } from '../output/give-up-sink.ts';
import { OutputError } from '../output/output-error.ts';
import type { EventTarget } from '../output/patient-target.ts';
import { RotatingFile } from '../output/rotating-file.ts';
import type { Sink } from '../output/sink.ts';
import type { SpoolConsumer } from '../output/spool/spool-batch.ts';
import { SpoolError } from '../output/spool/spool-error.ts';
import { StandardOutput } from '../output/standard-output.ts';
import { toError } from './to-error.ts';

/** Reason for events that came when the reader of a pipe had gone away. */
export const NOBODY_READS = 'nobody_reads';
const STDOUT_NAME = '-';

export interface FileSinkOptions {
  /** Its name in the account, too, and so in that of a spool: another path goes on where the one before ended. */
  readonly format: 'ndjson' | 'protobuf';
  /** `-` is standard output. */
  readonly file: string;
  /** Set aside when it is larger, or older. */
  readonly maxBytes?: number;
  readonly maxAgeMs?: number;
}

export class RunningSink {
  readonly sink: Sink;
  /** Why it gave up; null while it has not. */
  fault: Error | null = null;
  readonly #reopen: () => void;
  #running: Promise<void> = Promise.resolve();

  constructor(sink: Sink, reopen: () => void = () => undefined) {
    this.sink = sink;
    this.#reopen = reopen;
  }

  /** `onFault` gets an empty text when all is well again. */
  static ofFile(options: FileSinkOptions, isSynced: boolean, onFault: (fault: string) => void): RunningSink {
    const { encoding, target, reopen } = openTarget(options, isSynced);
    return new RunningSink(new EventFileSink(options.format, encoding, target, onFault), reopen);
  }

  get name(): string {
    return this.sink.name;
  }

  start(consumer: SpoolConsumer, signal: AbortSignal): void {
    this.#running = this.#run(consumer, signal);
  }

  /** Before its next write the file is opened anew. */
  reopen(): void {
    this.#reopen();
  }

  /** Resolves when it has stopped; the signal that it was started with tells it to. */
  get stopped(): Promise<void> {
    return this.#running;
  }

  async #run(consumer: SpoolConsumer, signal: AbortSignal): Promise<void> {
    try {
      await this.sink.start(consumer, signal);
    } catch (error) {
      this.fault = toError(error);
      if (!(error instanceof OutputError) || error.code !== 'closed_by_reader') return;
      await ignoreClosed(giveUpSink(consumer, NOBODY_READS, signal));
    }
  }
}

interface OpenTarget {
  readonly encoding: EventEncoding;
  readonly target: EventTarget;
  /** Before its next write the file is opened anew. */
  readonly reopen: () => void;
}

/** The file itself is opened at the first write. */
export function openTarget({ format, file, maxBytes, maxAgeMs }: FileSinkOptions, isSynced: boolean): OpenTarget {
  const encoding = format === 'ndjson' ? NDJSON : PROTOBUF;
  if (file === STDOUT_NAME) return { encoding, target: new StandardOutput(), reopen: () => undefined };
  const rotation = { ...(maxBytes !== undefined && { maxBytes }), ...(maxAgeMs !== undefined && { maxAgeMs }) };
  const target = new RotatingFile({ file, isSynced, ...rotation }, encoding);
  return { encoding, target, reopen: () => target.reopen() };
}

/** What the spool could not take before it closed is in the run's account. */
export async function ignoreClosed(promise: Promise<void>): Promise<void> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof SpoolError) || error.code !== 'closed') throw error;
  }
}
