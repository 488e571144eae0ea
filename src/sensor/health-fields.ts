/** The numbers of a health event: the run's account, the spool's over all runs, how delivery stands, and what the sensor read. */
import { Drop } from '../decode/drop.ts';
import type { HealthFields } from '../output/health-stream.ts';
import type { HecSink } from '../output/hec/sender.ts';
import type { SpoolStatus } from '../output/spool/spool-status.ts';
import type { Pipeline } from './pipeline.ts';
import type { RunCounts } from './run-account.ts';

export interface HealthSources {
  readonly isFinal: boolean;
  readonly uptimeMs: number;
  readonly run: RunCounts;
  readonly spool: SpoolStatus;
  readonly sink: HecSink;
  readonly pipeline: Pipeline;
}

export function toHealthFields({ isFinal, uptimeMs, run, spool, sink, pipeline }: HealthSources): HealthFields {
  const account = spool.sinks.find(({ name }) => name === sink.name)!;
  const { state, reason } = sink.status();
  const { counters: hec } = sink;
  const { decoder, tracker, counters } = pipeline;
  const packets = decoder.counters.reduce((sum, n) => sum + n, 0);
  const decoded = decoder.counters[Drop.Decoded]!;
  return {
    action: 'health',
    final: isFinal,
    uptime_s: Math.round(uptimeMs) / 1000,
    emitted: run.written,
    acknowledged: run.acknowledged,
    queued: run.queued,
    ...withDrops('dropped', run.dropped),
    spool_emitted: account.emitted,
    spool_acknowledged: account.acknowledged,
    spool_queued: account.queued,
    ...withDrops('spool_dropped', account.dropped),
    spool_bytes: spool.liveBytes,
    spool_oldest_s: Math.round(account.oldestAgeMs) / 1000,
    hec_state: state,
    ...(reason !== '' && { hec_reason: reason }),
    hec_retries: hec.retries,
    hec_resends: hec.resends,
    hec_possible_duplicates: hec.possibleDuplicates,
    hec_quarantined: hec.quarantined,
    packets_received: packets,
    packets_decoded: decoded,
    packets_dropped: packets - decoded,
    flows: tracker.counters.flows,
    handshakes: counters.handshakes,
  };
}

/** The sum, and by reason where there is one: an event has no empty objects. */
function withDrops(name: string, dropped: Readonly<Record<string, number>>): HealthFields {
  const sum = Object.values(dropped).reduce((total, events) => total + events, 0);
  return { [name]: sum, ...(sum > 0 && { [`${name}_by_reason`]: dropped }) };
}
