/**
 * What a replay or a live capture counted, in the form that `--stats` writes. The names are stable: docs/operating.md lists them. Sums that hold:
 *
 *     packets.received  = packets.decoded + the sum of packets.drops
 *     packets.decoded   = packets.tcp + packets.udp
 *     flows.total       = closed + reset + reused + idle + evicted + never_spoke + open_at_end
 *     handshakes.total  = events.kept + events.below_min_risk + events.filtered
 *     handshakes.total  = the sum of by_version, of by_visibility, and of by_level
 *     delivery.emitted  = acknowledged + queued + dropped
 *
 * and of a live capture:
 *
 *     kernel.received   = ring_dropped + shunted + walked + waiting
 *     kernel.walked     = packets.received
 *     events.kept       = handover.taken + dropped + in_hand
 */
import { DROP_NAMES, Drop } from '../decode/drop.ts';
import { sumOf } from '../sensor/counters.ts';
import type { SieveCounts } from '../sensor/event-sieve.ts';
import { type LiveCounts, type SensorCounts, shuntedOf } from '../sensor/live-counts.ts';
import { missingShare, type PipelineCounts, packetsDecoded } from '../sensor/pipeline-counts.ts';
import type { CaptureResult } from '../sensor/replay.ts';

type Counts = Readonly<Record<string, number>>;

export interface CaptureProblem {
  readonly file: string;
  /** `damaged` was read to where the damage is; `failed` was not read, or not on. */
  readonly kind: 'damaged' | 'failed';
  readonly code: string;
  readonly message: string;
}

/** Of the events of this run, but for `spool_queued`: events of earlier runs may wait in the spool, too. */
export interface DeliveryStats {
  /** `done`, `no_progress`, `interrupted`, `failed`, or `spool_full` where that ended the reading. */
  readonly end: string;
  readonly state: string;
  readonly reason: string;
  /** Its folder; absent where events go to files alone. */
  readonly spool?: string;
  readonly emitted: number;
  /** By an indexer where `has_acks`, else accepted. */
  readonly acknowledged: number;
  readonly has_acks: boolean;
  readonly queued: number;
  readonly dropped: number;
  readonly drops: Counts;
  readonly spool_queued?: number;
  readonly requests: Counts;
  readonly retries: number;
  readonly resends: number;
  readonly possible_duplicates: number;
  readonly quarantined: number;
  readonly wait_s: number;
}

/** Of a live capture. `received` is what the interface brought, before anything was dropped. */
interface KernelStats {
  readonly received: number;
  readonly received_bytes: number;
  /** The ring was full. */
  readonly ring_dropped: number;
  readonly ring_freezes: number;
  /** Dropped as not needed. */
  readonly shunted: number;
  readonly shunted_bytes: number;
  readonly shunted_by_reason: Readonly<Record<string, { readonly packets: number; readonly bytes: number }>>;
  readonly walked: number;
  /** Left in the ring: 0 after an end without a second signal. */
  readonly waiting: number;
  readonly link: string;
  readonly workers: number;
  readonly worker_cpu_s: number;
}

/** Events of a live capture on their way from the workers to the delivery. */
interface HandoverStats {
  readonly taken: number;
  readonly dropped: number;
  readonly drops: Counts;
  readonly in_hand: number;
  readonly findings_not_shown: number;
}

export interface RunStats {
  readonly sensor: string;
  readonly boot_id: string;
  readonly scoring: string;
  readonly interrupted: boolean;
  readonly captures: {
    readonly found: number;
    /** Opened, whatever became of them. */
    readonly read: number;
    readonly damaged: number;
    readonly failed: number;
    /** Files in searched folders that are not named like a capture. */
    readonly other_files: number;
    readonly file_bytes: number;
    readonly problems: readonly CaptureProblem[];
  };
  readonly packets: {
    readonly received: number;
    readonly bytes: number;
    readonly cut_by_snap_length: number;
    readonly decoded: number;
    readonly dropped: number;
    readonly drops: Counts;
    readonly tcp: number;
    readonly udp: number;
  };
  readonly flows: {
    readonly total: number;
    readonly closed: number;
    readonly reset: number;
    readonly reused: number;
    readonly idle: number;
    readonly evicted: number;
    readonly never_spoke: number;
    readonly open_at_end: number;
    readonly not_tls: number;
    readonly stray_packets: number;
    readonly duplicate_segments: number;
    readonly out_of_order_segments: number;
    readonly strange_segments: number;
    readonly snapped_segments: number;
    readonly gaps: number;
    readonly gap_bytes: number;
    /** Of the bytes of streams, from 0 to 1. */
    readonly missing_share: number;
    readonly held_refused: number;
    readonly conflict_bytes: number;
  };
  readonly handshakes: {
    readonly total: number;
    /** `none` where no server hello was seen. */
    readonly by_version: Counts;
    readonly by_visibility: Counts;
    readonly by_level: Counts;
    /** Packets of one side only were seen. */
    readonly one_direction: number;
    /** So many packets came twice that the mirror port is the likely cause. */
    readonly doubled: number;
    readonly faults: Counts;
  };
  readonly certificates: {
    readonly seen: number;
    readonly chains: number;
    /** Parsed; more than there are different ones only where the cache had to forget some. */
    readonly distinct: number;
    readonly cache: { readonly entries: number; readonly bytes: number; readonly evictions: number };
    readonly chain_cache: { readonly hits: number; readonly misses: number; readonly evictions: number };
  };
  readonly events: {
    readonly kept: number;
    readonly below_min_risk: number;
    readonly filtered: number;
    readonly ndjson: number;
    readonly protobuf: number;
    /** Among those kept. */
    readonly findings: number;
    readonly findings_by_level: Counts;
  };
  /** Live only. */
  readonly kernel?: KernelStats;
  readonly handover?: HandoverStats;
  /** With `--hec` only. */
  readonly delivery?: DeliveryStats;
  readonly timing: {
    readonly elapsed_s: number;
    readonly cpu_user_s: number;
    readonly cpu_system_s: number;
    readonly packets_per_s: number;
    readonly bytes_per_s: number;
  };
}

/** What is known of a run beside the pipeline's counters. */
export interface RunRecord {
  readonly sensor: string;
  readonly bootId: string;
  readonly scoring: string;
  readonly isInterrupted: boolean;
  readonly found: number;
  readonly otherFiles: number;
  readonly results: readonly CaptureResult[];
  readonly problems: readonly CaptureProblem[];
  readonly elapsedS: number;
  readonly cpu: NodeJS.CpuUsage;
  /** Events in each kind of file. */
  readonly events: { readonly ndjson: number; readonly protobuf: number };
  /** Null without `--hec`. */
  readonly delivery: DeliveryStats | null;
}

export function toRunStats(run: RunRecord, counts: SensorCounts, sieve: SieveCounts): RunStats {
  const { pipeline, live } = counts;
  const packets = packetsOf(run.results, pipeline);
  const elapsedS = Math.max(run.elapsedS, 1e-6);
  return {
    sensor: run.sensor,
    boot_id: run.bootId,
    scoring: run.scoring,
    interrupted: run.isInterrupted,
    captures: capturesOf(run),
    packets,
    flows: flowsOf(pipeline),
    handshakes: handshakesOf(pipeline, sieve),
    certificates: certificatesOf(pipeline),
    events: {
      kept: sieve.kept,
      below_min_risk: sieve.belowMinRisk,
      filtered: sieve.filtered,
      ndjson: run.events.ndjson,
      protobuf: run.events.protobuf,
      findings: sieve.findings,
      findings_by_level: sieve.findingsByLevel,
    },
    ...(live !== null && { kernel: kernelOf(live), handover: handoverOf(live) }),
    ...(run.delivery !== null && { delivery: run.delivery }),
    timing: {
      elapsed_s: rounded(run.elapsedS, 6),
      cpu_user_s: rounded(run.cpu.user / 1e6, 6),
      cpu_system_s: rounded(run.cpu.system / 1e6, 6),
      packets_per_s: rounded(packets.received / elapsedS, 0),
      bytes_per_s: rounded(packets.bytes / elapsedS, 0),
    },
  };
}

function capturesOf(run: RunRecord): RunStats['captures'] {
  return {
    found: run.found,
    read: run.results.filter((result) => result.counters !== null).length,
    damaged: run.problems.filter((problem) => problem.kind === 'damaged').length,
    failed: run.problems.filter((problem) => problem.kind === 'failed').length,
    other_files: run.otherFiles,
    file_bytes: sumOfCaptures(run.results, 'fileBytes'),
    problems: run.problems,
  };
}

function packetsOf(results: readonly CaptureResult[], counts: PipelineCounts): RunStats['packets'] {
  const drops: Record<string, number> = {};
  let dropped = 0;
  counts.decoded.forEach((n, drop) => {
    if (drop === Drop.Decoded || n === 0) return;
    drops[DROP_NAMES[drop]!] = n;
    dropped += n;
  });
  const decoded = packetsDecoded(counts);
  return {
    received: sumOfCaptures(results, 'packets'),
    bytes: sumOfCaptures(results, 'bytes'),
    cut_by_snap_length: sumOfCaptures(results, 'truncated'),
    decoded,
    dropped,
    drops,
    tcp: decoded - counts.udpPackets,
    udp: counts.udpPackets,
  };
}

function sumOfCaptures(
  results: readonly CaptureResult[],
  key: 'packets' | 'bytes' | 'truncated' | 'fileBytes',
): number {
  return results.reduce((sum, { counters }) => sum + (counters?.[key] ?? 0), 0);
}

function flowsOf(counts: PipelineCounts): RunStats['flows'] {
  const c = counts.flows;
  return {
    total: c.flows,
    closed: c.closed,
    reset: c.reset,
    reused: c.reused,
    idle: c.idle,
    evicted: c.evicted,
    never_spoke: c.openingsForgotten,
    open_at_end: c.flows - c.closed - c.reset - c.reused - c.idle - c.evicted - c.openingsForgotten,
    not_tls: counts.handshakes.notTls,
    stray_packets: c.strayPackets,
    duplicate_segments: c.duplicateSegments,
    out_of_order_segments: c.outOfOrderSegments,
    strange_segments: c.strangeSegments,
    snapped_segments: c.snappedSegments,
    gaps: c.gaps,
    gap_bytes: c.gapBytes,
    missing_share: missingShare(counts),
    held_refused: c.heldRefused,
    conflict_bytes: c.conflictBytes,
  };
}

function handshakesOf({ handshakes }: PipelineCounts, sieve: SieveCounts): RunStats['handshakes'] {
  return {
    total: handshakes.total,
    by_version: Object.fromEntries(Object.entries(handshakes.byVersion).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    by_visibility: handshakes.byVisibility,
    by_level: handshakes.byLevel,
    one_direction: sieve.oneDirection,
    doubled: sieve.doubled,
    faults: handshakes.faults,
  };
}

function certificatesOf({ handshakes, certificateCache, chainCache }: PipelineCounts): RunStats['certificates'] {
  return {
    seen: handshakes.certificates,
    chains: handshakes.chains,
    distinct: certificateCache.misses,
    cache: {
      entries: certificateCache.entries,
      bytes: certificateCache.bytes,
      evictions: certificateCache.evictions,
    },
    chain_cache: { hits: chainCache.hits, misses: chainCache.misses, evictions: chainCache.evictions },
  };
}

function kernelOf({ kernel, link, workers, cpuS }: LiveCounts): KernelStats {
  const shunted = shuntedOf(kernel.shunted);
  return {
    received: kernel.received,
    received_bytes: kernel.receivedBytes,
    ring_dropped: kernel.ringDropped,
    ring_freezes: kernel.freezes,
    shunted: shunted.packets,
    shunted_bytes: shunted.bytes,
    shunted_by_reason: kernel.shunted,
    walked: kernel.walked,
    waiting: kernel.waiting,
    link,
    workers,
    worker_cpu_s: rounded(cpuS, 6),
  };
}

function handoverOf({ handover, findingsNotShown }: LiveCounts): HandoverStats {
  const drops = Object.fromEntries(Object.entries(handover.dropped).filter(([, n]) => n > 0));
  return {
    taken: handover.taken,
    dropped: sumOf(handover.dropped),
    drops,
    in_hand: handover.inHand,
    findings_not_shown: findingsNotShown,
  };
}

export function rounded(n: number, digits: number): number {
  return Number(n.toFixed(digits));
}
