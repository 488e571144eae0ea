/** How the HEC sink is to work, all defaults filled in. The form in a configuration file is in `hec-schema.ts`. */
import type { SecureVersion } from 'node:tls';

export interface HecTls {
  /** File of certificates that replace the system's roots. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly keyPassphrase?: string;
  /** The name the certificate must have, where it is not the URL's. */
  readonly serverName?: string;
  readonly minVersion?: SecureVersion;
  /** Whom we talk to is not checked at all. */
  readonly isInsecure?: boolean;
}

export interface HecEndpointConfig {
  /** `https://host:8088`; a path before `/services/collector` is kept. */
  readonly url: string;
  /** Share of the requests among endpoints that are well; 0: only where no other is. */
  readonly weight: number;
  readonly tls?: HecTls;
}

/** Where the token comes from; the first that is set. */
export interface HecTokenConfig {
  readonly token?: string;
  /** The token of before, still tried during a rotation. */
  readonly oldToken?: string;
  /** One token a line, the preferred one first; watched. */
  readonly tokenFile?: string;
}

export interface HecConfig extends HecTokenConfig {
  readonly name: string;
  readonly endpoints: readonly HecEndpointConfig[];
  readonly tls?: HecTls;
  /** `http://user:password@proxy:3128`. */
  readonly proxy?: string;
  readonly userAgent: string;
  /** Takes events whose own index the token may not write to. */
  readonly fallbackIndex?: string;
  /** Where single events go that the server refuses. */
  readonly quarantineFile: string;
  readonly quarantineMaxBytes: number;
  /** Requests under way to one endpoint, at most. */
  readonly maxConcurrency: number;
  /** Share of the requests that newest events get while a backlog is sent, 0 to 1. */
  readonly liveShare: number;
  /** Events older than this are a backlog. */
  readonly liveAfterMs: number;
  /** Compressed bytes read ahead of the requests. */
  readonly maxInHandBytes: number;
  /** Parts of batches that wait for an acknowledgement or a retry. A few hundred bytes each. */
  readonly maxOutstanding: number;
  readonly connectTimeoutMs: number;
  /** From the first byte sent to the last byte of the answer. */
  readonly requestTimeoutMs: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  /** Between tries while somebody has to mend something. */
  readonly holdRetryMs: number;
  readonly ackPollMs: number;
  readonly ackPollMaxMs: number;
  /** Sent again if there is no acknowledgement by then. 120 s is too short for a busy indexer, as seen in the field. */
  readonly ackTimeoutMs: number;
  /** A stop waits this long for requests under way and for acknowledgements. */
  readonly stopTimeoutMs: number;
  readonly tokenPollMs: number;
}

export const HEC_DEFAULTS = {
  name: 'hec',
  userAgent: 'spanglass',
  quarantineMaxBytes: 64 * 1024 * 1024,
  maxConcurrency: 8,
  liveShare: 0.5,
  liveAfterMs: 10_000,
  maxInHandBytes: 16 * 1024 * 1024,
  maxOutstanding: 5_000,
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  backoffBaseMs: 500,
  backoffCapMs: 60_000,
  holdRetryMs: 30_000,
  ackPollMs: 1_000,
  ackPollMaxMs: 10_000,
  ackTimeoutMs: 300_000,
  stopTimeoutMs: 5_000,
  tokenPollMs: 5_000,
} as const;
