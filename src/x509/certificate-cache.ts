/**
 * Certificates that were parsed before, by their bytes.
 *
 * On real links nearly every certificate was seen before, so parsing, hashing and verifying one is done once. The bytes are
 * borrowed for the call; a new certificate makes its own copy.
 */
import { ByteTable, type TableCounters } from './byte-table.ts';
import type { Certificate } from './certificate.ts';
import {
  CERTIFICATE_WEIGHT_BYTES,
  CERTIFICATE_WEIGHT_FACTOR,
  MAX_CACHED_CERTIFICATES,
  MAX_CERTIFICATE_CACHE_BYTES,
} from './limits.ts';
import { parseCertificate } from './parse-certificate.ts';

export class CertificateCache {
  readonly #table: ByteTable<Certificate>;

  constructor(maxEntries = MAX_CACHED_CERTIFICATES, maxBytes = MAX_CERTIFICATE_CACHE_BYTES) {
    this.#table = new ByteTable(maxEntries, maxBytes);
  }

  get counters(): Readonly<TableCounters> {
    return this.#table.counters;
  }

  /** The certificate in `buf[at, end)`. */
  intern(buf: Uint8Array, at: number, end: number): Certificate {
    const known = this.#table.get(buf, at, end);
    if (known !== undefined) return known;
    const certificate = parseCertificate(buf.subarray(at, end));
    const weight = CERTIFICATE_WEIGHT_BYTES + CERTIFICATE_WEIGHT_FACTOR * certificate.der.length;
    this.#table.add(certificate.der, certificate, weight);
    return certificate;
  }
}
