/** Caps of the flow room. Each has its reason; the worst case is a product written beside it. */

/**
 * Flows in the table. 160 bytes a flow with its links and times: 262,144 x 160 B = 40 MiB, reached only when that many
 * are live at once. A SYN flood beyond it evicts the flow that was idle longest.
 */
export const MAX_FLOWS = 262_144;

/**
 * Of the flows that have carried no data yet, so many are remembered: their SYNs tell direction, first sequence number and round
 * trip. 4096 x 160 B = 0.6 MiB, which the second-level cache holds. A connection whose SYN was pushed out is read all the same,
 * from its first data on.
 */
export const MAX_OPENINGS = 4096;

/** Slots the table begins with; it doubles up to its cap, so that a small capture costs little memory. */
export const INITIAL_FLOWS = 1024;

/** Seconds of packet time without a packet after which a flow is finished with. Handshakes end within a few. */
export const IDLE_TIMEOUT_S = 60;

/** Runs of out-of-order bytes a direction may hold: a window of 64 segments with every second one missing. */
export const MAX_HELD_RUNS = 128;

/** What a run costs beside its bytes, about: its object, its view and its buffer. Counted, or one-byte runs would be free. */
export const RUN_COST_BYTES = 256;

/** Out-of-order bytes a direction may hold, with what its runs cost: a receive window of the usual size. */
export const MAX_HELD_BYTES = 256 * 1024;

/** The same in all directions together. Above it the hole that is open longest is given up. */
export const MAX_HELD_BYTES_TOTAL = 64 * 1024 * 1024;

/** An Ethernet frame without a VLAN tag is padded by at most 60 - 14 - 20 - 20 bytes where TCP carries nothing. */
export const MAX_PADDING_BYTES = 6;

/** A segment this far from what is expected next is not of this connection: the largest scaled window (RFC 7323 2.3). */
export const MAX_SEQUENCE_JUMP = 1 << 30;

/**
 * Once the receiver has acknowledged bytes that the capture lacks, they are not coming again, but a mirror port may still
 * deliver them late. So many more packets of the flow, or so many microseconds, are waited for.
 */
export const REORDER_PACKETS = 16;
export const REORDER_US = 100_000;
