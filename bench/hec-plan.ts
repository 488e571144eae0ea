/** What one measurement of delivery is to do, and what it found: between `hec.ts` and the process that it measures. */

export interface HecPlan {
  readonly kind: 'speed' | 'outage';
  /** Captures whose events are sent. */
  readonly captures: string;
  /** For the spool; removed at the end. */
  readonly folder: string;
  /** Largest event, as a line of JSON. */
  readonly eventBytes: number;
  readonly seconds: number;
  /** Of the outage; as fast as it goes where it is about speed. */
  readonly eventsPerSecond: number;
}

/** What both kinds have. */
export interface DeliveryResult {
  /** Mean length of an event's line. */
  readonly eventBytes: number;
  readonly generated: number;
  readonly emitted: number;
  readonly acknowledged: number;
  readonly queued: number;
  readonly dropped: number;
  /** Neither with the server nor counted as dropped. */
  readonly missing: number;
  readonly duplicates: number;
  /** What did not add up, in words; empty where all did. */
  readonly faults: readonly string[];
  /** From the first event to the last acknowledgement. */
  readonly seconds: number;
  readonly senderCpuS: number;
  readonly serverCpuS: number;
  readonly peakRssMb: number;
  /** Of that, memory that is no file: without the pages of the spool that happen to be mapped. 0 where the system does not say. */
  readonly peakOwnMb: number;
  readonly gzipRatio: number;
  readonly outage: OutageResult | null;
}

export interface OutageResult {
  readonly backlog: number;
  /** How often emitted = acknowledged + queued + dropped was looked at. */
  readonly checks: number;
  /** From the return of the server to its first event. */
  readonly returnS: number;
  /** From that event to the end of the backlog; null where it took too long. */
  readonly drainS: number | null;
  readonly live: Ages;
  /** What the generator was behind its own clock, at most. It counts in the ages. */
  readonly latestS: number;
}

/** Seconds from when an event was due to when the server had it. */
export interface Ages {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}
