/**
 * The `hec` part of a configuration file: YAML's names, checked; and what the sink makes of it. Times are in seconds, sizes in megabytes, as an
 * operator writes them. Loaded only where there is such a file.
 *
 *     hec:
 *       endpoints: [{ url: https://splunk:8088, weight: 1 }]
 *       token_file: /run/secrets/hec-token
 *       tls: { ca_file: /etc/spanglass/ca.pem }
 */
import { z } from 'zod';
import { HEC_DEFAULTS, type HecConfig, type HecTls } from './hec-config.ts';

const MEGABYTE = 1024 * 1024;
const text = z.string().min(1, 'must not be empty');
const url = z.url({ protocol: /^https?$/, error: 'must be a URL that begins with https:// or http://' });
const seconds = z.number().positive();

const TLS_SCHEMA = z
  .strictObject({
    ca_file: text,
    cert_file: text,
    key_file: text,
    key_passphrase: text,
    server_name: text,
    min_version: z.enum(['TLSv1.2', 'TLSv1.3']),
    insecure: z.boolean(),
  })
  .partial();

const ENDPOINT_SCHEMA = z.strictObject({
  url,
  weight: z.number().min(0).max(1_000).optional(),
  tls: TLS_SCHEMA.optional(),
});

export const HEC_SCHEMA = z.strictObject({
  endpoints: z.array(ENDPOINT_SCHEMA).min(1, 'must name one endpoint or more'),
  token: text.optional(),
  old_token: text.optional(),
  token_file: text.optional(),
  /** Name of an environment variable. */
  token_env: text.optional(),
  tls: TLS_SCHEMA.optional(),
  proxy: url.optional(),
  fallback_index: text.optional(),
  quarantine: z.strictObject({ file: text, max_mb: z.number().positive() }).partial().optional(),
  concurrency: z.int().min(1).max(256).optional(),
  live_share: z.number().min(0).max(1).optional(),
  connect_timeout: seconds.optional(),
  request_timeout: seconds.optional(),
  backoff_cap: seconds.optional(),
  hold_retry: seconds.optional(),
  ack_timeout: seconds.optional(),
  stop_timeout: seconds.optional(),
});

export type HecSettings = z.infer<typeof HEC_SCHEMA>;

export interface HecSurroundings {
  /** Where the quarantine file is unless the settings say otherwise. */
  readonly quarantineFile: string;
  readonly userAgent: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Whether the token can be had is found out by the sink. */
export function toHecConfig(settings: HecSettings, surroundings: HecSurroundings): HecConfig {
  const {
    tls,
    proxy,
    quarantine,
    fallback_index: fallbackIndex,
    token_file: tokenFile,
    old_token: oldToken,
  } = settings;
  const token = settings.token ?? (settings.token_env === undefined ? undefined : surroundings.env[settings.token_env]);
  return {
    ...HEC_DEFAULTS,
    userAgent: surroundings.userAgent,
    endpoints: settings.endpoints.map((one) => ({
      url: one.url,
      weight: one.weight ?? 1,
      ...(one.tls !== undefined && { tls: toTls(one.tls) }),
    })),
    ...(token !== undefined && { token }),
    ...(oldToken !== undefined && { oldToken }),
    ...(tokenFile !== undefined && { tokenFile }),
    ...(tls !== undefined && { tls: toTls(tls) }),
    ...(proxy !== undefined && { proxy }),
    ...(fallbackIndex !== undefined && { fallbackIndex }),
    quarantineFile: quarantine?.file ?? surroundings.quarantineFile,
    quarantineMaxBytes: bytesOf(quarantine?.max_mb) ?? HEC_DEFAULTS.quarantineMaxBytes,
    maxConcurrency: settings.concurrency ?? HEC_DEFAULTS.maxConcurrency,
    liveShare: settings.live_share ?? HEC_DEFAULTS.liveShare,
    connectTimeoutMs: msOf(settings.connect_timeout) ?? HEC_DEFAULTS.connectTimeoutMs,
    requestTimeoutMs: msOf(settings.request_timeout) ?? HEC_DEFAULTS.requestTimeoutMs,
    backoffCapMs: msOf(settings.backoff_cap) ?? HEC_DEFAULTS.backoffCapMs,
    holdRetryMs: msOf(settings.hold_retry) ?? HEC_DEFAULTS.holdRetryMs,
    ackTimeoutMs: msOf(settings.ack_timeout) ?? HEC_DEFAULTS.ackTimeoutMs,
    stopTimeoutMs: msOf(settings.stop_timeout) ?? HEC_DEFAULTS.stopTimeoutMs,
  };
}

function toTls(tls: z.infer<typeof TLS_SCHEMA>): HecTls {
  return {
    ...(tls.ca_file !== undefined && { caFile: tls.ca_file }),
    ...(tls.cert_file !== undefined && { certFile: tls.cert_file }),
    ...(tls.key_file !== undefined && { keyFile: tls.key_file }),
    ...(tls.key_passphrase !== undefined && { keyPassphrase: tls.key_passphrase }),
    ...(tls.server_name !== undefined && { serverName: tls.server_name }),
    ...(tls.min_version !== undefined && { minVersion: tls.min_version }),
    ...(tls.insecure !== undefined && { isInsecure: tls.insecure }),
  };
}

function msOf(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 1_000);
}

function bytesOf(megabytes: number | undefined): number | undefined {
  return megabytes === undefined ? undefined : Math.round(megabytes * MEGABYTE);
}
