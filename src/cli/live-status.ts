/**
 * How a capture gets on, from the counts of two moments: a line for a terminal, and numbers for the log.
 *
 *     eth1 up  2.41 Gbit/s  271,034 pkt/s  96.3 % shunted  0 ring drops  12,034 flows  142 hs/s  3 waiting
 *
 * The most telling parts come first: what the terminal has no room for is cut off at the end. "shunted" is the share of the bytes that the
 * kernel dropped as not needed.
 */
import type { LinkState } from '../capture/live-source.ts';
import { sumOf } from '../sensor/counters.ts';
import { type LiveCounts, shuntedOf } from '../sensor/live-counts.ts';
import { missingShare } from '../sensor/pipeline-counts.ts';
import { toBitRateText, toCountOf, toCountText } from './quantity-text.ts';
import { rounded } from './run-stats.ts';

export interface LiveRates {
  readonly bitsPerS: number;
  readonly packetsPerS: number;
  /** Of the bytes, from 0 to 1. */
  readonly shuntedShare: number;
  readonly ringDropsPerS: number;
  readonly handshakesPerS: number;
  /** Of the time of the workers' threads, from 0 to 1. */
  readonly workerLoad: number;
}

export function toRates(before: LiveCounts, now: LiveCounts, elapsedS: number): LiveRates {
  const perS = (n: number): number => (elapsedS > 0 ? Math.max(0, n) / elapsedS : 0);
  const bytes = now.kernel.receivedBytes - before.kernel.receivedBytes;
  const shunted = shuntedOf(now.kernel.shunted).bytes - shuntedOf(before.kernel.shunted).bytes;
  const workers = Math.max(1, now.workers);
  return {
    bitsPerS: perS(bytes * 8),
    packetsPerS: perS(now.kernel.received - before.kernel.received),
    shuntedShare: bytes > 0 ? Math.min(1, Math.max(0, shunted / bytes)) : 0,
    ringDropsPerS: perS(now.kernel.ringDropped - before.kernel.ringDropped),
    handshakesPerS: perS(now.pipeline.handshakes.total - before.pipeline.handshakes.total),
    workerLoad: Math.min(1, perS(now.cpuS - before.cpuS) / workers),
  };
}

/** One line. `queued` is what waits to be delivered; null where nothing is. */
export function toStatusLine(name: string, rates: LiveRates, now: LiveCounts, queued: number | null): string {
  const { ringDropped } = now.kernel;
  const dropping = rates.ringDropsPerS > 0 ? ` (+${toCountText(rates.ringDropsPerS)}/s)` : '';
  const overflow = sumOf(now.handover.dropped);
  return [
    `${name} ${LINKS[now.link]}`,
    toBitRateText(rates.bitsPerS),
    `${toCountText(rates.packetsPerS)} pkt/s`,
    `${(rates.shuntedShare * 100).toFixed(1)} % shunted`,
    `${toCountOf(ringDropped, 'ring drop')}${dropping}`,
    ...(overflow > 0 ? [`${toCountOf(overflow, 'event')} lost`] : []),
    toCountOf(now.pipeline.openFlows, 'flow'),
    `${toCountText(rates.handshakesPerS)} hs/s`,
    ...(queued === null ? [] : [`${toCountText(queued)} waiting`]),
    `load ${Math.round(rates.workerLoad * 100)} %`,
  ].join('  ');
}

/** Of a minute, for the log: rates of the time between, and sums since the start. */
export function toStatusFields(rates: LiveRates, now: LiveCounts): Readonly<Record<string, unknown>> {
  const { kernel, pipeline, handover, sieve } = now;
  return {
    link: now.link,
    mbit_per_s: rounded(rates.bitsPerS / 1e6, 3),
    packets_per_s: Math.round(rates.packetsPerS),
    shunted_share: rounded(rates.shuntedShare, 4),
    handshakes_per_s: rounded(rates.handshakesPerS, 1),
    worker_load: rounded(rates.workerLoad, 3),
    received: kernel.received,
    ring_dropped: kernel.ringDropped,
    shunted: shuntedOf(kernel.shunted).packets,
    walked: kernel.walked,
    waiting: kernel.waiting,
    open_flows: pipeline.openFlows,
    flows_evicted: pipeline.flows.evicted,
    missing_share: rounded(missingShare(pipeline), 6),
    handshakes: pipeline.handshakes.total,
    findings: sieve.findings,
    events: sieve.kept,
    events_dropped: sumOf(handover.dropped),
  };
}

const LINKS = { up: 'up', down: 'DOWN', gone: 'GONE' } as const satisfies Record<LinkState, string>;
