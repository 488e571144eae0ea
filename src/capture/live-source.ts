/**
 * Packets as they come, from an interface: a `PacketSource` that does not end by itself, and that can say what the kernel did.
 *
 *     arrived ─> filter, shunt ─> ring ─> next() ─> whoever reads
 *                   │               │
 *                shunted        ringDropped
 *
 * `next` waits a moment for packets (100 ms at most) and gives true with an empty block where none came, so that whoever reads it can look
 * at the clock and at its orders.
 */

import type { FlowShunt } from './flow-shunt.ts';
import type { PacketSource } from './packet-source.ts';

/** `gone`: the interface was removed. */
export type LinkState = 'up' | 'down' | 'gone';

/** One reason for which the kernel dropped packets that nobody needs. */
export interface ShuntedCount {
  readonly packets: number;
  readonly bytes: number;
}

/**
 * All since the source was opened. Once the source is drained, and `waiting` is 0, the sum holds exactly:
 *
 *     received = the sum of shunted + ringDropped + waiting + walked
 */
export interface KernelCounters {
  /** Packets that arrived at the socket, or at the interface's XDP program. */
  readonly received: number;
  /** Their bytes; of those that the ring dropped only where the shunt counts. */
  readonly receivedBytes: number;
  /** The ring was full. */
  readonly ringDropped: number;
  /** Given to whoever reads. */
  readonly walked: number;
  /** In the ring. */
  readonly waiting: number;
  /** How often the ring was full. */
  readonly freezes: number;
  readonly shunted: Readonly<Record<string, ShuntedCount>>;
}

export interface LiveSource extends PacketSource {
  readonly link: LinkState;
  /** Null where the kernel drops nothing by flow. */
  readonly shunt: FlowShunt | null;
  /** What could not be had, each with its reason and its cure. Grows when something is refused later. */
  readonly notes: readonly string[];
  /** System calls: about once a second. */
  readKernel(): KernelCounters;
  /** Nothing new comes in any more: `next` gives what is in the ring, and then false. */
  stopIntake(): void;
}
