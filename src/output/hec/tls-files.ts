/**
 * The certificates and the key of an endpoint's TLS, from files that are read anew when they change: certificates run out every few weeks,
 * and a sensor need not be restarted for that.
 *
 * Three files can't be replaced at once. While one can't be read, or the key is not the certificate's, those of before stay.
 */
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureVersion } from 'node:tls';
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

  /** Throws `HecError` where a file can't be read. */
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
      if (isSame(fresh, this.#options)) {
        this.#fault = null;
        return;
      }
      const { ca, cert, key, passphrase } = fresh;
      createSecureContext({ ca, cert, key, passphrase });
    } catch (error) {
      this.#fault = `the files of TLS can't be used: ${messageOf(error)}`;
      return;
    }
    this.#fault = null;
    this.#options = fresh;
    this.#onChange();
  }

  close(): void {
    this.#watched?.close();
  }
}

/** Throws what the system says. */
function readOptions(tls: HecTls): TlsOptions {
  return {
    ...(tls.caFile !== undefined && { ca: readFileSync(tls.caFile) }),
    ...(tls.certFile !== undefined && { cert: readFileSync(tls.certFile) }),
    ...(tls.keyFile !== undefined && { key: readFileSync(tls.keyFile) }),
    ...(tls.keyPassphrase !== undefined && { passphrase: tls.keyPassphrase }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
    minVersion: tls.minVersion ?? 'TLSv1.2',
    rejectUnauthorized: tls.isInsecure !== true,
  };
}

function isSame(a: TlsOptions, b: TlsOptions): boolean {
  const pairs = [
    [a.ca, b.ca],
    [a.cert, b.cert],
    [a.key, b.key],
  ] as const;
  return pairs.every(([one, other]) => (one === undefined ? other === undefined : other?.equals(one) === true));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
