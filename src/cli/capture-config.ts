/** The parts of a configuration file about live capture, as written; docs/operating.md has the reference. The schemas are in `config-file.ts`. */

export interface CaptureConfig {
  readonly capture?: CaptureFileSettings | undefined;
  readonly log?: { readonly format?: LogFormat | undefined } | undefined;
}

interface CaptureFileSettings {
  readonly interface?: string | undefined;
  readonly libpcap?: boolean | undefined;
  readonly workers?: number | undefined;
  readonly ring_mib?: number | undefined;
  readonly promiscuous?: boolean | undefined;
  readonly bpf?: string | undefined;
  readonly shunt?: boolean | undefined;
  readonly xdp?: boolean | undefined;
  /** Bytes. */
  readonly flow_budget?: number | undefined;
  readonly user?: string | undefined;
}

export type LogFormat = (typeof LOG_FORMATS)[number];
export const LOG_FORMATS = ['text', 'json'] as const;

/** More than any card has queues for. */
export const MOST_WORKERS = 64;
/** In MiB. A block of the ring has one, and some are filled while others are read. */
export const LEAST_RING_MIB = 4;
export const MOST_RING_MIB = 4096;
/** A certificate list of 16 KiB is common; less would cut handshakes off. */
export const LEAST_FLOW_BUDGET = 32 * 1024;
/** What the kernel counts it in. */
export const MOST_FLOW_BUDGET = 2 ** 31 - 1;
/** Files that are set aside more often are no use to anybody. */
export const LEAST_ROTATE_BYTES = 1_000_000;
export const LEAST_ROTATE_S = 10;
