/**
 * The flow shunt: packets that nobody needs are dropped in the kernel, before they are copied.
 *
 *     packet ─> [XDP or socket program] ─ passed ─> ring ─> pipeline ─ flow is done with ─> finish()
 *                     │      ^                                                                │
 *                  dropped   └──────────── table of finished flows <──── flush(), in batches ─┘
 *
 * Dropped are packets of finished flows, of flows over their byte budget, empty ACKs of flows that are past their start, and UDP
 * that can be neither QUIC nor DTLS. Everything else passes, and whatever is not understood passes: the shunt fails open.
 * native/shunt/shunt.bpf.c has the rules.
 *
 * The rings of one process share one table. One thread opens it and hands a `ShuntHandle` (plain numbers: descriptors belong to
 * the process) to the others, which join. Each joins with a program and counters of its own, so that the sums of one ring
 * add up by themselves. The opener closes the table, and closes it last.
 */

import { ClassicShunt } from './shunt-classic.ts';
import { KernelShunt } from './shunt-kernel.ts';

export interface ShuntOptions {
  /** TCP payload of one direction that passes; a retransmission is not counted again. */
  readonly budgetBytes: number;
  /** Packets of a flow after which its empty ACKs are dropped: the handshake's round trips are measured by the first. */
  readonly youngPackets: number;
  /** Flows in each of the two tables: flows that are counted, and flows that are finished. The oldest make room. */
  readonly maxFlows: number;
  /** Drop in the driver, before anything else of the kernel sees the packet: for an interface used only for mirroring. */
  readonly xdp: boolean;
}

/**
 * 128 KiB: the largest certificate chains are below 64 KiB, a proxy's or a mail server's talk comes before, and a flow costs
 * no more than two ring segments. 262 144 flows take 66 MiB of kernel memory in both tables (264 bytes a flow).
 */
export const SHUNT_DEFAULTS: ShuntOptions = { budgetBytes: 131_072, youngPackets: 32, maxFlows: 262_144, xdp: false };

/** Why packets were dropped. `filtered`: the user's own filter. The order is that of the kernel's counters. */
export const SHUNT_REASONS = ['finished', 'budget', 'empty_ack', 'udp', 'filtered'] as const;
export type ShuntReason = (typeof SHUNT_REASONS)[number];

export interface ShuntCount {
  packets: number;
  bytes: number;
}

/** seen = passed + the sum of dropped, exactly: every packet ends in one of them. */
export interface ShuntCounters {
  readonly passed: ShuntCount;
  readonly dropped: Readonly<Record<ShuntReason, ShuntCount>>;
  /** Flows given to the kernel, and flows that it refused. */
  readonly finished: number;
  readonly refused: number;
}

/** Descriptors of one shunt's tables, for other threads of the process. */
export interface ShuntHandle {
  readonly flowsFd: number;
  readonly finishedFd: number;
  readonly settingsFd: number;
  /** The opener's XDP program drops: rings need no socket program. */
  readonly hasXdp: boolean;
}

export interface FlowShunt {
  /** Where packets are dropped. `classic`: eBPF was refused; `notes` say why. */
  readonly kind: 'socket' | 'xdp' | 'classic';
  /** eBPF program for the ring's socket (SO_ATTACH_BPF), or -1: there is none to attach. */
  readonly programFd: number;
  /**
   * Classic program for the ring's socket (SO_ATTACH_FILTER) as an array of `sock_filter`, where `programFd` is -1; or null. A user's
   * own filter is attached instead of it: one fits on a socket, and the user's was asked for.
   */
  readonly classicProgram: Uint8Array | null;
  /** What could not be had, with reason and cure. Grows when something is refused later. */
  readonly notes: readonly string[];
  /** For `joinShunt` in other threads; null where there is no table. */
  readonly handle: ShuntHandle | null;
  /**
   * The rest of this flow is dropped. Addresses and ports as in the flow table: `words[addrA]` is the first of four words of the
   * lower address (IPv4: the only one), `ports` has its port in the upper half. The sequence numbers of both SYNs keep a
   * finish that comes late from hiding the next connection of the same five-tuple; without them such a flow is not finished.
   */
  finish(
    isV6: boolean,
    words: Int32Array,
    addrA: number,
    addrB: number,
    ports: number,
    isnA?: number,
    isnB?: number,
  ): void;
  /** Hands over what `finish` gathered. Never throws: what the kernel refuses is counted, and the byte budget goes on. */
  flush(): void;
  /**
   * What this shunt's own program counted. System calls: about once a second. With XDP the opener's counters have it all, and those
   * of shunts that joined stay zero.
   */
  readCounters(): ShuntCounters;
  close(): void;
}

/** What the socket program does before the shunt's own rules. */
export interface ShuntPrefix {
  /**
   * eBPF instructions that begin with R1 = context, and fall off their end with R6 = context and R0 = 0 for a packet that the
   * user's filter refuses (counted as `filtered`). No jump leaves them.
   */
  readonly instructions: Uint8Array;
}

/**
 * Opens a table and loads a program. Where eBPF can't be had the result is a classic filter, and `notes` say why; where XDP
 * can't be had, the socket program. `interfaceName` must be Ethernet; it is used for XDP only.
 */
export function openShunt(options: ShuntOptions, interfaceName: string, prefix: ShuntPrefix | null = null): FlowShunt {
  const opened = KernelShunt.open(options, interfaceName, prefix);
  return typeof opened === 'string' ? new ClassicShunt(opened) : opened;
}

/** Joins a shunt that another thread opened, with a program and counters of its own. */
export function joinShunt(handle: ShuntHandle, prefix: ShuntPrefix | null = null): FlowShunt {
  const joined = KernelShunt.join(handle, prefix);
  return typeof joined === 'string' ? new ClassicShunt(joined) : joined;
}
