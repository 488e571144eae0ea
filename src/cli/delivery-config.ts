/** The parts of a configuration file about delivery, as written; docs/operating.md has the reference. The schemas are in `config-file.ts`. */
import type { HecSettings } from '../output/hec/hec-schema.ts';
import type { Durability } from '../output/spool/batch-store.ts';
import type { SpoolPolicy } from '../output/spool/sink-account.ts';

export interface DeliveryConfig {
  readonly hec?: HecFileSettings | undefined;
  readonly spool?: SpoolFileSettings | undefined;
  readonly health?: { readonly interval?: number | undefined } | undefined;
  readonly metrics?: { readonly listen?: string | undefined } | undefined;
}

/** Without endpoints: those are on the command line, or nothing is delivered. */
export type HecFileSettings = Omit<HecSettings, 'endpoints'> & {
  readonly endpoints?: HecSettings['endpoints'] | undefined;
  /** Seconds. */
  readonly wait?: number | undefined;
};

interface SpoolFileSettings {
  readonly path?: string | undefined;
  readonly durability?: Durability | undefined;
  readonly max_bytes?: number | undefined;
  /** Seconds. */
  readonly max_age?: number | undefined;
  readonly min_free_disk?: number | undefined;
  readonly policy?: SpoolPolicy | undefined;
}

export const DURABILITIES: readonly Durability[] = ['power-loss', 'crash', 'none'];
export const SPOOL_POLICIES: readonly SpoolPolicy[] = ['drop-oldest', 'drop-newest', 'pause'];
