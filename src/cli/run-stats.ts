/**
 * What a replay counted, in the form that `--stats` writes. The names are stable: docs/operating.md lists them. Sums that hold:
 *
 *     packets.received  = packets.decoded + the sum of packets.drops
 *     packets.decoded   = packets.tcp + packets.udp
 *     flows.total       = closed + reset + reused + idle + evicted + never_spoke + open_at_end
 *     handshakes.total  = events.kept + events.below_min_risk + events.filtered
 *     handshakes.total  = the sum of by_version, of by_visibility, and of by_level
 *     delivery.emitted  = acknowledged + queued + dropped
 */
import { DROP_NAMES, Drop } from '../decode/drop.ts';
import type { Pipeline } from '../sensor/pipeline.ts';
import type { CaptureResult } from '../sensor/replay.ts';
import { versionName } from '../tls/registry/names.ts';
import type { ReplaySink } from './replay-sink.ts';

type Counts = Readonly<Record<string, number>>;

export interface CaptureProblem {
  readonly file: string;
  /** `damaged` was read to where the damage is; `failed` was not read, or not on. */
  readonly kind: 'damaged' | 'failed';
  readonly code: string;
  readonly message: string;
}

/** Of the events of this run, but for `spool_queued`: events of earlier runs may wait, too. */
export interface DeliveryStats {
  /** `done`, `no_progress`, `interrupted`, `failed`, or `spool_full` where that ended the reading. */
  readonly end: string;
  readonly state: string;
  readonly reason: string;
  readonly spool: string;
  readonly emitted: number;
  /** By an indexer where `has_acks`, else accepted. */
  readonly acknowledged: number;
  readonly has_acks: boolean;
  readonly queued: number;
  readonly dropped: number;
  readonly drops: Counts;
  readonly spool_queued: number;
  readonly requests: Counts;
  readonly retries: number;
  readonly resends: number;
  readonly possible_duplicates: number;
  readonly quarantined: number;
  readonly wait_s: number;
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
  /** Null without `--hec`. */
  readonly delivery: DeliveryStats | null;
}

export function toRunStats(run: RunRecord, pipeline: Pipeline, sink: ReplaySink): RunStats {
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
    handshakes: handshakesOf(pipeline, sink),
    certificates: certificatesOf(pipeline),
    events: {
      kept: sink.kept,
      below_min_risk: sink.belowMinRisk,
      filtered: sink.filtered,
      ndjson: sink.eventsOf('ndjson'),
      protobuf: sink.eventsOf('protobuf'),
      findings: sink.findings,
      findings_by_level: Object.fromEntries(sink.findingsByLevel),
    },
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
    file_bytes: sumOf(run.results, 'fileBytes'),
    problems: run.problems,
  };
}

function packetsOf(results: readonly CaptureResult[], { decoder, udpPackets }: Pipeline): RunStats['packets'] {
  const drops: Record<string, number> = {};
  let dropped = 0;
  decoder.counters.forEach((n, drop) => {
    if (drop === Drop.Decoded || n === 0) return;
    drops[DROP_NAMES[drop]!] = n;
    dropped += n;
  });
  const decoded = decoder.counters[Drop.Decoded]!;
  return {
    received: sumOf(results, 'packets'),
    bytes: sumOf(results, 'bytes'),
    cut_by_snap_length: sumOf(results, 'truncated'),
    decoded,
    dropped,
    drops,
    tcp: decoded - udpPackets,
    udp: udpPackets,
  };
}

function sumOf(results: readonly CaptureResult[], key: 'packets' | 'bytes' | 'truncated' | 'fileBytes'): number {
  return results.reduce((sum, { counters }) => sum + (counters?.[key] ?? 0), 0);
}

function flowsOf({ tracker: { counters: c }, counters }: Pipeline): RunStats['flows'] {
  return {
    total: c.flows,
    closed: c.closed,
    reset: c.reset,
    reused: c.reused,
    idle: c.idle,
    evicted: c.evicted,
    never_spoke: c.openingsForgotten,
    open_at_end: c.flows - c.closed - c.reset - c.reused - c.idle - c.evicted - c.openingsForgotten,
    not_tls: counters.notTls,
    stray_packets: c.strayPackets,
    duplicate_segments: c.duplicateSegments,
    out_of_order_segments: c.outOfOrderSegments,
    strange_segments: c.strangeSegments,
    snapped_segments: c.snappedSegments,
    gaps: c.gaps,
    gap_bytes: c.gapBytes,
    held_refused: c.heldRefused,
    conflict_bytes: c.conflictBytes,
  };
}

function handshakesOf({ counters }: Pipeline, sink: ReplaySink): RunStats['handshakes'] {
  const byVersion = [...counters.byVersion].map(([version, n]): [string, number] => [
    version < 0 ? 'none' : versionName(version),
    n,
  ]);
  return {
    total: counters.handshakes,
    by_version: Object.fromEntries(byVersion.toSorted(([a], [b]) => (a < b ? -1 : 1))),
    by_visibility: Object.fromEntries(counters.byVisibility),
    by_level: Object.fromEntries(counters.byLevel),
    one_direction: sink.oneDirection,
    doubled: sink.doubled,
    faults: Object.fromEntries(counters.faults),
  };
}

function certificatesOf({ certificates, counters }: Pipeline): RunStats['certificates'] {
  const chains = certificates.chains.counters;
  const cache = certificates.chains.certificates.counters;
  return {
    seen: counters.certificates,
    chains: counters.chains,
    distinct: cache.misses,
    cache: { entries: cache.entries, bytes: cache.bytes, evictions: cache.evictions },
    chain_cache: { hits: chains.hits, misses: chains.misses, evictions: chains.evictions },
  };
}

function rounded(n: number, digits: number): number {
  return Number(n.toFixed(digits));
}
