/** What a sender process is told, as JSON in its only argument, and what it says at its end, as JSON in its last line. */
import type { HecCounters } from '../../src/output/hec/counters.ts';
import type { SpoolPolicy } from '../../src/output/spool/sink-account.ts';
import type { SpoolCounters } from '../../src/output/spool/spool-batch.ts';

export interface SenderPlan {
  /** Of the journal of commits and the quarantine file. */
  readonly folder: string;
  /** May be on a small disk of its own. */
  readonly spoolFolder: string;
  readonly urls: readonly string[];
  readonly tokenFile: string;
  readonly bootId: string;
  /** Events to emit; then it waits until all are settled. */
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly policy: SpoolPolicy;
  readonly maxBytes: number;
  readonly minFreeBytes: number;
  readonly batchBytes: number;
  /** One event in so many is bad; 0 for none. */
  readonly poisonEvery: number;
  /** A bad event that is bad by its size has this many bytes. */
  readonly largeBytes: number;
  readonly ackTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** At the end it waits for the sink no longer than this; what is queued then stays queued. */
  readonly drainMs: number;
}

/** Events of one run that the spool dropped. */
export interface DroppedRange {
  readonly bootId: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly events: number;
  readonly reason: string;
}

export interface SenderReport {
  readonly counters: SpoolCounters;
  readonly drops: readonly DroppedRange[];
  readonly hec: Pick<
    HecCounters,
    | 'eventsAcknowledged'
    | 'eventsAccepted'
    | 'retries'
    | 'resends'
    | 'possibleDuplicates'
    | 'quarantined'
    | 'cuts'
    | 'channelsLost'
    | 'tokenSwitches'
  >;
  readonly peakRssMiB: number;
}

/** In the plan's folder: `bootId lastSeq` for each commit that the spool has confirmed, one a line. */
export const COMMITS_FILE = 'commits';
export const QUARANTINE_FILE = 'quarantine.ndjson';
