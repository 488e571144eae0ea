/**
 * Who takes the events of a run and answers for them: `Delivery`, by way of a spool, or `FileDelivery`, straight to files. For each sink, at
 * every moment:
 *
 *     written = acknowledged + queued + the sum of dropped
 */
import type { HecStatus } from '../output/hec/hec-status.ts';
import type { HecSink } from '../output/hec/sender.ts';
import type { Spool } from '../output/spool/spool.ts';
import type { SpoolCounters } from '../output/spool/spool-batch.ts';
import type { DroppedEvents, EventBatch } from './event-batch.ts';
import type { SensorCounts } from './live-counts.ts';
import type { RunCounts } from './run-account.ts';

/** How a stop within a given time went. */
export interface DeliveryStop {
  /** False where events were still on their way when the time was over: they are in the counts, as dropped. */
  readonly isStored: boolean;
  /** Whether each sink has all of the run. */
  readonly isDelivered: boolean;
}

export interface EventDelivery {
  /** Null where none is needed. */
  readonly spool: Spool | null;
  /** Null where nothing goes to Splunk. */
  readonly hec: HecSink | null;
  /** The one to Splunk first. */
  readonly sinkNames: readonly string[];
  /** Why a sink gave up, or the first of them; null while none has. */
  readonly fault: Error | null;
  /** Why events can't be written at present; empty while they can. */
  readonly writeFault: string;
  /** Takes a batch; see `LiveOutlet.onBatch`. */
  take(batch: EventBatch): Promise<void> | null;
  /** Events that no batch will bring: of the run all the same, and dropped for every sink. */
  countDropped(dropped: DroppedEvents): void;
  /** Begins the periodic health events. */
  reportHealth(counts: () => SensorCounts): void;
  /** Of the delivery to Splunk; null where there is none. */
  status(): HecStatus | null;
  /** Of the run, as one sink has it; of the first, unless it is named. */
  counts(sink?: string): RunCounts;
  /** The sink's account with health events, and of earlier runs too, where there is a spool. */
  counters(sink?: string): SpoolCounters;
  /** Takes secrets out of a text. */
  redact(text: string): string;
  /** For SIGHUP: files are opened anew under their names. */
  reload(): void;
  /** Ends within `timeoutMs`, with a last health event. */
  stopWithin(timeoutMs: number, counts: () => SensorCounts): Promise<DeliveryStop>;
  close(timeoutMs?: number): Promise<void>;
}
