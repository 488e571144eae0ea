/**
 * Chains that were read before, by the bytes of the whole list as it was sent.
 *
 *     certificate_list   | length | certificate | … | length | certificate | … |
 *                                 at1        end1            at2        end2       the ranges
 *
 * How a list is framed differs between versions of TLS and is not known here: who found the certificates in it hands over
 * where they are. The list is borrowed for the call and copied when it is new. A chain holds certificates that their own
 * cache may have let go since; they are few, and count here with the weight of the list.
 */
import { ByteTable, type TableCounters } from './byte-table.ts';
import type { Certificate, Chain } from './certificate.ts';
import { CertificateCache } from './certificate-cache.ts';
import {
  CERTIFICATE_WEIGHT_FACTOR,
  MAX_CACHED_CHAINS,
  MAX_CHAIN_CACHE_BYTES,
  MAX_CHAIN_CERTIFICATES,
} from './limits.ts';

export class ChainCache {
  readonly certificates: CertificateCache;
  readonly #table: ByteTable<Chain>;

  constructor(certificates = new CertificateCache(), maxEntries = MAX_CACHED_CHAINS, maxBytes = MAX_CHAIN_CACHE_BYTES) {
    this.certificates = certificates;
    this.#table = new ByteTable(maxEntries, maxBytes);
  }

  get counters(): Readonly<TableCounters> {
    return this.#table.counters;
  }

  /** The chain of a list with exactly these bytes, if one was put. */
  get(buf: Uint8Array, at: number, end: number): Chain | undefined {
    return this.#table.get(buf, at, end);
  }

  /**
   * Reads and remembers a list that `get` did not know. `ranges` holds the offsets of its certificates in `buf` in pairs, begin
   * and end, leaf first; `dropped` counts entries that could not be framed. The array is not kept.
   */
  put(buf: Uint8Array, at: number, end: number, ranges: readonly number[], dropped = 0): Chain {
    const certificates: Certificate[] = [];
    const count = ranges.length >> 1;
    const kept = Math.min(count, MAX_CHAIN_CERTIFICATES);
    for (let i = 0; i < kept; i++) certificates.push(this.certificates.intern(buf, ranges[2 * i]!, ranges[2 * i + 1]!));
    const chain: Chain = { certificates, dropped: dropped + count - kept };
    const key = new Uint8Array(buf.subarray(at, end));
    this.#table.add(key, chain, CERTIFICATE_WEIGHT_FACTOR * key.length);
    return chain;
  }
}
