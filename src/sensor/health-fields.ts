/** The numbers of a health event: the run's account, the spool's over all runs where there is one, how delivery stands, and what the sensor read. */
import type { HealthFields } from '../output/health-stream.ts';
import type { HecSink } from '../output/hec/sender.ts';
import type { SpoolStatus } from '../output/spool/spool-status.ts';
import { sumOf } from './counters.ts';
import { type LiveCounts, type SensorCounts, shuntedOf } from './live-counts.ts';
import { type CountsByName, missingShare, packetsDecoded, packetsReceived } from './pipeline-counts.ts';
import type { RunCounts } from './run-account.ts';

export interface HealthSources {
  readonly isFinal: boolean;
  readonly uptimeMs: number;
  /** Of the run, by sink; the first is the one that the fields without a name of a sink are about. */
  readonly runs: ReadonlyMap<string, RunCounts>;
  /** Null where there is none. */
  readonly spool: SpoolStatus | null;
  /** Null where nothing goes to Splunk. */
  readonly hec: HecSink | null;
  readonly counts: SensorCounts;
}

export function toHealthFields({ isFinal, uptimeMs, runs, spool, hec, counts }: HealthSources): HealthFields {
  const [sink, run] = [...runs][0]!;
  const { pipeline, live } = counts;
  const packets = packetsReceived(pipeline);
  const decoded = packetsDecoded(pipeline);
  return {
    action: 'health',
    final: isFinal,
    uptime_s: Math.round(uptimeMs) / 1000,
    emitted: run.written,
    acknowledged: run.acknowledged,
    queued: run.queued,
    ...withDrops('dropped', run.dropped),
    ...(spool !== null && spoolFields(spool, sink)),
    ...(runs.size > 1 && { queued_by_sink: Object.fromEntries([...runs].map(([name, { queued }]) => [name, queued])) }),
    ...(hec !== null && hecFields(hec)),
    packets_received: packets,
    packets_decoded: decoded,
    packets_dropped: packets - decoded,
    flows: pipeline.flows.flows,
    handshakes: pipeline.handshakes.total,
    missing_share: missingShare(pipeline),
    ...(live !== null && liveFields(live)),
  };
}

function spoolFields({ sinks, liveBytes }: SpoolStatus, sink: string): HealthFields {
  const account = sinks.find(({ name }) => name === sink)!;
  return {
    spool_emitted: account.emitted,
    spool_acknowledged: account.acknowledged,
    spool_queued: account.queued,
    ...withDrops('spool_dropped', account.dropped),
    spool_bytes: liveBytes,
    spool_oldest_s: Math.round(account.oldestAgeMs) / 1000,
  };
}

function hecFields(hec: HecSink): HealthFields {
  const { counters } = hec;
  const { state, reason } = hec.status();
  return {
    hec_state: state,
    ...(reason !== '' && { hec_reason: reason }),
    hec_retries: counters.retries,
    hec_resends: counters.resends,
    hec_possible_duplicates: counters.possibleDuplicates,
    hec_quarantined: counters.quarantined,
  };
}

function liveFields({ kernel, handover, link, workers, cpuS }: LiveCounts): HealthFields {
  const shunted = Object.entries(kernel.shunted).filter(([, { packets }]) => packets > 0);
  const sum = shuntedOf(kernel.shunted);
  return {
    link,
    workers,
    worker_cpu_s: Math.round(cpuS * 1000) / 1000,
    kernel_received: kernel.received,
    kernel_received_bytes: kernel.receivedBytes,
    kernel_ring_dropped: kernel.ringDropped,
    kernel_walked: kernel.walked,
    kernel_waiting: kernel.waiting,
    kernel_shunted: sum.packets,
    kernel_shunted_bytes: sum.bytes,
    ...(shunted.length > 0 && {
      kernel_shunted_by_reason: Object.fromEntries(shunted.map(([reason, { packets }]) => [reason, packets])),
    }),
    ...withDrops('handover_dropped', nonZero(handover.dropped)),
  };
}

function nonZero(counts: CountsByName): CountsByName {
  return Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));
}

/** The sum, and by reason where there is one: an event has no empty objects. */
function withDrops(name: string, dropped: Readonly<Record<string, number>>): HealthFields {
  const sum = sumOf(dropped);
  return { [name]: sum, ...(sum > 0 && { [`${name}_by_reason`]: dropped }) };
}
