/**
 * The certificates and the key of an endpoint's TLS, from files that are read anew when they change: certificates run out every few weeks,
 * and a sensor need not be restarted for that.
 *
 * Three files can't be replaced at once. While one can't be read, or the key is not the certificate's, those of before stay.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureVersion } from 'node:tls';
import { messageOf } from '../message-of.ts';
import type { HecTls } from './hec-config.ts';
import { HecError } from './hec-error.ts';
import { WatchedFiles } from './watched-files.ts';

/** As `tls.connect` takes them. */
export interface TlsOptions {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly passphrase?: string;
  readonly servername?: string;
  readonly minVersion: SecureVersion;
  readonly rejectUnauthorized: boolean;
}

export class TlsFiles {
  readonly #tls: HecTls;
  readonly #pollMs: number;
  #options: TlsOptions;
  #fault: string | null = null;
  #watched: WatchedFiles | null = null;
  #onChange: () => void = () => undefined;

  /** Throws `HecError` where a file can't be read or used. */
  constructor(tls: HecTls, pollMs: number) {
    this.#tls = tls;
    this.#pollMs = pollMs;
    try {
      this.#options = readOptions(tls);
    } catch (error) {
      throw new HecError('bad_tls', messageOf(error));
    }
  }

  get options(): TlsOptions {
    return this.#options;
  }

  /** Why the files can't be used at present. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Calls `onChange` after each change that can be used. */
  watch(onChange: () => void): void {
    const { caFile, certFile, keyFile } = this.#tls;
    const files = [caFile, certFile, keyFile].filter((file) => file !== undefined);
    if (files.length === 0) return;
    this.#onChange = onChange;
    this.#watched = new WatchedFiles(files, this.#pollMs, () => this.read());
  }

  read(): void {
    let fresh: TlsOptions;
    try {
      fresh = readOptions(this.#tls);
    } catch (error) {
      this.#fault = `the files of TLS can't be used: ${messageOf(error)}`;
      return;
    }
    this.#fault = null;
    if (isSame(fresh, this.#options)) return;
    this.#options = fresh;
    this.#onChange();
  }

  close(): void {
    this.#watched?.close();
  }
}

/** Throws what the system says, or OpenSSL. */
function readOptions(tls: HecTls): TlsOptions {
  const options = {
    ...(tls.caFile !== undefined && { ca: readFileSync(tls.caFile) }),
    ...(tls.certFile !== undefined && { cert: readFileSync(tls.certFile) }),
    ...(tls.keyFile !== undefined && { key: readFileSync(tls.keyFile) }),
    ...(tls.keyPassphrase !== undefined && { passphrase: tls.keyPassphrase }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
    minVersion: tls.minVersion ?? 'TLSv1.2',
    rejectUnauthorized: tls.isInsecure !== true,
  };
  const { ca, cert, key, passphrase } = options;
  // A file without a certificate would be an authority that has signed nothing.
  if (ca !== undefined) requireCertificate(ca, tls.caFile);
  createSecureContext({ cert, key, passphrase });
  return options;
}

function requireCertificate(pem: Buffer, file = ''): void {
  try {
    void new X509Certificate(pem);
  } catch {
    throw new Error(`${file} holds no certificate`);
  }
}

function isSame(a: TlsOptions, b: TlsOptions): boolean {
  const pairs = [
    [a.ca, b.ca],
    [a.cert, b.cert],
    [a.key, b.key],
  ] as const;
  return pairs.every(([one, other]) => (one === undefined ? other === undefined : other?.equals(one) === true));
}
