/** Which source the workers of a live capture open, as plain data: it goes to other threads. */
import type { ShuntHandle, ShuntOptions } from '../capture/flow-shunt.ts';

/** A ring of the kernel in each worker; the kernel spreads the flows over them. */
export interface RingPlan {
  readonly kind: 'ring';
  readonly interface: string;
  readonly blockBytes: number;
  /** In each worker's ring. */
  readonly blocks: number;
  readonly retireMs: number;
  readonly promiscuous: boolean;
  /** Null: the kernel drops nothing by flow. */
  readonly shunt: ShuntOptions | null;
  /** In the language of tcpdump. */
  readonly filter: string | null;
}

export type LiveSourcePlan = RingPlan;

/** What all workers of a capture open together. */
export interface SharedParts {
  /** Tables of the shunt that the main thread opened. */
  readonly shunt: ShuntHandle | null;
  /** Number under which the kernel spreads flows; null where there is one worker. */
  readonly fanoutGroup: number | null;
}
