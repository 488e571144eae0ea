/** Which source the workers of a live capture open, as plain data: it goes to other threads. */
import type { ShuntHandle, ShuntOptions } from '../capture/flow-shunt.ts';
import type { LibpcapHandle, LibpcapOptions } from '../capture/libpcap/libpcap-intake.ts';

/** A ring of the kernel in each worker; the kernel spreads the flows over them. See `RingOptions`. */
interface RingPlan {
  readonly kind: 'ring';
  readonly interface: string;
  readonly blockBytes: number;
  /** In each worker's ring. */
  readonly blocks: number;
  readonly retireMs: number;
  readonly promiscuous: boolean;
  /** Null: the kernel drops nothing by flow. */
  readonly shunt: ShuntOptions | null;
  /** The user's own, in the language of tcpdump. */
  readonly filter: string | null;
}

/** Through libpcap, on systems without such a ring: for one worker. */
interface LibpcapPlan extends LibpcapOptions {
  readonly kind: 'libpcap';
}

export type LiveSourcePlan = RingPlan | LibpcapPlan;

/** What all workers of a capture have in common, opened once. */
export interface SharedParts {
  /** False where none was asked for, or the user's filter leaves no room for it. */
  readonly hasShunt: boolean;
  /** Its tables; null where eBPF was refused. */
  readonly shunt: ShuntHandle | null;
  /** The user's filter: alone, and to go before the shunt's own program. */
  readonly filter: { readonly classic: Uint8Array; readonly prefix: Uint8Array | null } | null;
  /** Queue of an intake on the main thread; null for rings. */
  readonly libpcap: LibpcapHandle | null;
  /** Number under which the kernel spreads flows; null where there is one worker. */
  readonly fanoutGroup: number | null;
}
