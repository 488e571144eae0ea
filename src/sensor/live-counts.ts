/**
 * All numbers of a live capture, added up over its workers. At the end, when everything has been drained, exactly:
 *
 *     kernel.received   = kernel.ringDropped + the sum of kernel.shunted + kernel.walked
 *     kernel.walked     = the sum of pipeline.decoded
 *     handshakes.total  = sieve.kept + sieve.belowMinRisk + sieve.filtered
 *     made              = handover.taken + the sum of handover.dropped + handover.inHand
 *
 * In between, the numbers of each worker are of one moment within the last second, and the first sum has `kernel.waiting` in it. Of a
 * worker that was killed, the last numbers it told stay in the sums, but for its events, which are known exactly.
 */
import type { KernelCounters, LinkState, ShuntedCount } from '../capture/live-source.ts';
import type { CaptureCounters } from '../capture/packet-source.ts';
import type { HandoverDrop } from './event-batch.ts';
import { addSieveCounts, NO_SIEVE_COUNTS, type SieveCounts } from './event-sieve.ts';
import { addCounts, addEach, NO_COUNTS, type PipelineCounts } from './pipeline-counts.ts';

interface HandoverCounts {
  /** Events that the delivery has. */
  readonly taken: number;
  /** Events given up before it had them. */
  readonly dropped: Readonly<Record<HandoverDrop, number>>;
  /** Events that workers gather, or that are on their way to the delivery. */
  readonly inHand: number;
  /** Bytes of events that are on their way, or that the delivery borrows. */
  readonly waitingBytes: number;
}

/** What one worker tells of itself. */
export interface WorkerCounts {
  readonly pipeline: PipelineCounts;
  readonly source: Readonly<CaptureCounters>;
  readonly kernel: KernelCounters;
  readonly sieve: SieveCounts;
  /** Events made into lines: all that were kept, or none where nobody wants them. */
  readonly made: number;
  readonly link: LinkState;
  /** Findings that were too many to be shown; their events are not concerned. */
  readonly findingsNotShown: number;
  /** Steps of the clock that stamps packets. */
  readonly clockJumps: number;
  /** Seconds of CPU that its thread used; 0 where that can't be known. */
  readonly cpuS: number;
}

/** What one worker counted, and what became of its events: all of one moment. */
export interface WorkerReport extends WorkerCounts {
  /** False once it has ended with a fault. */
  readonly isWell: boolean;
  readonly handover: HandoverCounts;
}

export interface LiveCounts extends WorkerCounts {
  /** Workers that have not ended with a fault. */
  readonly workers: number;
  readonly handover: HandoverCounts;
}

/** What whoever reports numbers reads: of a replay, or of a live capture. */
export interface SensorCounts {
  readonly pipeline: PipelineCounts;
  /** Null in a replay. */
  readonly live: LiveCounts | null;
}

export const NO_KERNEL: KernelCounters = {
  received: 0,
  receivedBytes: 0,
  ringDropped: 0,
  walked: 0,
  waiting: 0,
  freezes: 0,
  shunted: {},
};

export const NO_WORKER_COUNTS: WorkerCounts = {
  pipeline: NO_COUNTS,
  source: { packets: 0, bytes: 0, truncated: 0, fileBytes: 0, skippedBlocks: 0 },
  kernel: NO_KERNEL,
  sieve: NO_SIEVE_COUNTS,
  made: 0,
  link: 'up',
  findingsNotShown: 0,
  clockJumps: 0,
  cpuS: 0,
};

const NO_HANDOVER: HandoverCounts = { taken: 0, dropped: { overflow: 0, worker_died: 0 }, inHand: 0, waitingBytes: 0 };

export function sumReports(reports: readonly WorkerReport[]): LiveCounts {
  let sum: LiveCounts = { ...NO_WORKER_COUNTS, workers: 0, handover: NO_HANDOVER };
  for (const report of reports) {
    sum = {
      pipeline: addCounts(sum.pipeline, report.pipeline),
      source: addEach(sum.source, report.source),
      kernel: addKernel(sum.kernel, report.kernel),
      sieve: addSieveCounts(sum.sieve, report.sieve),
      made: sum.made + report.made,
      link: worseLink(sum.link, report.link),
      findingsNotShown: sum.findingsNotShown + report.findingsNotShown,
      clockJumps: Math.max(sum.clockJumps, report.clockJumps),
      cpuS: sum.cpuS + report.cpuS,
      workers: sum.workers + (report.isWell ? 1 : 0),
      handover: {
        taken: sum.handover.taken + report.handover.taken,
        dropped: addEach(sum.handover.dropped, report.handover.dropped),
        inHand: sum.handover.inHand + report.handover.inHand,
        waitingBytes: sum.handover.waitingBytes + report.handover.waitingBytes,
      },
    };
  }
  return sum;
}

/** All rings of a capture are on one interface, but they hear of its fate at different times. */
export function worseLink(a: LinkState, b: LinkState): LinkState {
  if (a === 'gone' || b === 'gone') return 'gone';
  return a === 'down' || b === 'down' ? 'down' : 'up';
}

/** Numbers of two rings of one capture. */
export function addKernel(a: KernelCounters, b: KernelCounters): KernelCounters {
  const shunted: Record<string, ShuntedCount> = { ...a.shunted };
  for (const [reason, count] of Object.entries(b.shunted)) {
    const before = shunted[reason];
    shunted[reason] = before === undefined ? count : addEach(before, count);
  }
  return {
    received: a.received + b.received,
    receivedBytes: a.receivedBytes + b.receivedBytes,
    ringDropped: a.ringDropped + b.ringDropped,
    walked: a.walked + b.walked,
    waiting: a.waiting + b.waiting,
    freezes: a.freezes + b.freezes,
    shunted,
  };
}

/** Packets and bytes over all reasons. */
export function shuntedOf(shunted: KernelCounters['shunted']): ShuntedCount {
  let sum: ShuntedCount = { packets: 0, bytes: 0 };
  for (const count of Object.values(shunted)) sum = addEach(sum, count);
  return sum;
}
