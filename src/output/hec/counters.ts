/** What the HEC sink counts, as plain numbers for whoever exports them. All of it only rises. */

/** Seconds. Acknowledgements come after a few seconds from a quiet indexer, after minutes from a busy one. */
const LATENCY_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300] as const;

export interface Histogram {
  /** Upper bounds, seconds. */
  readonly bounds: readonly number[];
  /** Observations up to each bound, not cumulative; the last is of those beyond all bounds. */
  readonly counts: number[];
  sum: number;
  count: number;
}

export interface HecCounters {
  /** By what was asked and what came of it, `event success`, `ack timeout`: the reasons of codes.ts and transport-fault.ts. */
  readonly requests: Map<string, number>;
  /** Compressed, of bodies with events. */
  bytesSent: number;
  /** Events that an indexer acknowledged. */
  eventsAcknowledged: number;
  /** Events that count as delivered with an answer of 200, or by partial acceptance: there was no acknowledgement to be had. */
  eventsAccepted: number;
  /** Parts sent again after a failure. */
  retries: number;
  /** Parts sent again because their acknowledgement did not come, or could no longer come. */
  resends: number;
  /** Events sent again that may have been taken the first time. */
  possibleDuplicates: number;
  /** Events in the quarantine file. */
  quarantined: number;
  /** Events refused while the quarantine file was full. */
  quarantineFull: number;
  /** Bodies halved or cut behind a bad event. */
  cuts: number;
  /** Answers that a server without acks gave to a question after them. */
  ackUnsupported: number;
  /** A load balancer moved us, or an indexer forgot. */
  channelsLost: number;
  tokenSwitches: number;
  readonly requestSeconds: Histogram;
  readonly ackSeconds: Histogram;
}

export function newCounters(): HecCounters {
  return {
    requests: new Map(),
    bytesSent: 0,
    eventsAcknowledged: 0,
    eventsAccepted: 0,
    retries: 0,
    resends: 0,
    possibleDuplicates: 0,
    quarantined: 0,
    quarantineFull: 0,
    cuts: 0,
    ackUnsupported: 0,
    channelsLost: 0,
    tokenSwitches: 0,
    requestSeconds: newHistogram(),
    ackSeconds: newHistogram(),
  };
}

export function countRequest(counters: HecCounters, what: string, reason: string): void {
  const key = `${what} ${reason}`;
  counters.requests.set(key, (counters.requests.get(key) ?? 0) + 1);
}

export function observe(histogram: Histogram, seconds: number): void {
  const at = histogram.bounds.findIndex((bound) => seconds <= bound);
  histogram.counts[at < 0 ? histogram.bounds.length : at]! += 1;
  histogram.sum += seconds;
  histogram.count += 1;
}

function newHistogram(): Histogram {
  return {
    bounds: LATENCY_BUCKETS,
    counts: Array.from({ length: LATENCY_BUCKETS.length + 1 }, () => 0),
    sum: 0,
    count: 0,
  };
}
