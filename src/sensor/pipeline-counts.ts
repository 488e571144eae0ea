/**
 * What a pipeline counted, as plain data: it crosses threads, it is added up over workers, and all who report numbers (metrics, health
 * events, the `--stats` object, the screen) read it and not the pipeline.
 *
 *     sum of decoded        = packets read
 *     decoded[Drop.Decoded] = flows.packets + udpPackets
 *     handshakes.total      = the sum of byVersion, of byVisibility, and of byLevel
 */
import { DROP_NAMES, Drop } from '../decode/drop.ts';
import { FlowCounters } from '../flow/tcp-tracker.ts';
import { versionName } from '../tls/registry/names.ts';
import type { TableCounters } from '../x509/byte-table.ts';
import type { Pipeline } from './pipeline.ts';

export type CountsByName = Readonly<Record<string, number>>;

interface HandshakeCounts {
  readonly total: number;
  /** By the version's name; `none` where no server hello was seen. */
  readonly byVersion: CountsByName;
  readonly byVisibility: CountsByName;
  readonly byLevel: CountsByName;
  readonly faults: CountsByName;
  readonly certificates: number;
  readonly chains: number;
  /** Flows whose first bytes are not TLS. */
  readonly notTls: number;
}

export interface PipelineCounts {
  /** Packets by how decoding ended, indexed by `Drop`. */
  readonly decoded: readonly number[];
  readonly udpPackets: number;
  readonly flows: Readonly<FlowCounters>;
  /** Flows in the table at this moment. */
  readonly openFlows: number;
  readonly handshakes: HandshakeCounts;
  readonly certificateCache: Readonly<TableCounters>;
  readonly chainCache: Readonly<TableCounters>;
}

const NO_TABLE: TableCounters = { hits: 0, misses: 0, evictions: 0, entries: 0, bytes: 0 };

/** Of a pipeline that has read nothing. */
export const NO_COUNTS: PipelineCounts = {
  decoded: DROP_NAMES.map(() => 0),
  udpPackets: 0,
  flows: new FlowCounters(),
  openFlows: 0,
  handshakes: {
    total: 0,
    byVersion: {},
    byVisibility: {},
    byLevel: {},
    faults: {},
    certificates: 0,
    chains: 0,
    notTls: 0,
  },
  certificateCache: NO_TABLE,
  chainCache: NO_TABLE,
};

export function countsOf({ decoder, tracker, counters, certificates, udpPackets }: Pipeline): PipelineCounts {
  const byVersion = [...counters.byVersion].map(([version, n]): [string, number] => [
    version < 0 ? 'none' : versionName(version),
    n,
  ]);
  return {
    decoded: [...decoder.counters],
    udpPackets,
    flows: Object.assign({}, tracker.counters),
    openFlows: tracker.table.size,
    handshakes: {
      total: counters.handshakes,
      byVersion: Object.fromEntries(byVersion),
      byVisibility: Object.fromEntries(counters.byVisibility),
      byLevel: Object.fromEntries(counters.byLevel),
      faults: Object.fromEntries(counters.faults),
      certificates: counters.certificates,
      chains: counters.chains,
      notTls: counters.notTls,
    },
    certificateCache: { ...certificates.chains.certificates.counters },
    chainCache: { ...certificates.chains.counters },
  };
}

export function addCounts(a: PipelineCounts, b: PipelineCounts): PipelineCounts {
  return {
    decoded: a.decoded.map((n, drop) => n + b.decoded[drop]!),
    udpPackets: a.udpPackets + b.udpPackets,
    flows: addEach(a.flows, b.flows),
    openFlows: a.openFlows + b.openFlows,
    handshakes: {
      total: a.handshakes.total + b.handshakes.total,
      byVersion: addByName(a.handshakes.byVersion, b.handshakes.byVersion),
      byVisibility: addByName(a.handshakes.byVisibility, b.handshakes.byVisibility),
      byLevel: addByName(a.handshakes.byLevel, b.handshakes.byLevel),
      faults: addByName(a.handshakes.faults, b.handshakes.faults),
      certificates: a.handshakes.certificates + b.handshakes.certificates,
      chains: a.handshakes.chains + b.handshakes.chains,
      notTls: a.handshakes.notTls + b.handshakes.notTls,
    },
    certificateCache: addEach(a.certificateCache, b.certificateCache),
    chainCache: addEach(a.chainCache, b.chainCache),
  };
}

export function packetsReceived({ decoded }: PipelineCounts): number {
  return decoded.reduce((sum, n) => sum + n, 0);
}

export function packetsDecoded({ decoded }: PipelineCounts): number {
  return decoded[Drop.Decoded]!;
}

/**
 * Share of TCP's bytes that were on the wire and did not come, from 0 to 1, as the holes in the streams show it:
 *
 *     missing / (seen + missing)
 *
 * An estimate. Streams are looked at until their handshake is done, so it speaks of their beginnings; packets without payload, and flows of
 * which nothing came, leave no hole. It covers what the mirror port lost and what the ring dropped: with `ringDropped` at zero
 * all of it was lost before the sensor. What a snap length cut is not in it.
 */
export function missingShare({ flows: { gapBytes, streamBytes } }: PipelineCounts): number {
  return gapBytes === 0 ? 0 : gapBytes / (streamBytes + gapBytes);
}

/** Two records of the same counters, added. */
export function addEach<K extends string>(
  a: Readonly<Record<K, number>>,
  b: Readonly<Record<K, number>>,
): Record<K, number> {
  const sum: Record<K, number> = { ...a };
  for (const name in sum) sum[name] += b[name];
  return sum;
}

/** Counts by names that either may lack. */
export function addByName(a: CountsByName, b: CountsByName): CountsByName {
  const sum: Record<string, number> = { ...a };
  for (const [name, n] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + n;
  return sum;
}
