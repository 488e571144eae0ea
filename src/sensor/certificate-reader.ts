/**
 * Certificate messages as chains: the place where TLS framing and X.509 meet, since neither room knows the other.
 *
 * A list that was met before is known by its bytes and costs one look-up.
 */
import { Cursor } from '../bytes/cursor.ts';
import { decodeCertificateList } from '../tls/certificate-list.ts';
import type { Chain } from '../x509/certificate.ts';
import { ChainCache } from '../x509/chain-cache.ts';

export class CertificateReader {
  readonly chains: ChainCache = new ChainCache();
  readonly #cursor = new Cursor();
  readonly #ranges: number[] = [];

  /** The body of a Certificate message, as sent up to TLS 1.2; null where it holds no certificate. */
  readList(buf: Uint8Array, at: number, end: number): Chain | null {
    const known = this.chains.get(buf, at, end);
    if (known !== undefined) return known;
    const list = decodeCertificateList(this.#cursor.reset(buf, at, end), false, this.#ranges);
    return list.count === 0 ? null : this.chains.put(buf, at, end, this.#ranges);
  }

  /** One bare certificate, as SSL 2 sends it. */
  readBare(buf: Uint8Array, at: number, end: number): Chain {
    return this.chains.get(buf, at, end) ?? this.chains.put(buf, at, end, [at, end]);
  }
}
