/** The caps of the decoder, each with its reason. */

/**
 * Headers read in one packet, over all layers. An honest packet in two tunnels has about a dozen. Nested fragments could
 * otherwise make one packet complete any number of datagrams.
 */
export const MAX_HEADERS = 32;

/** Stacked VLAN tags. Networks use two, some three; a longer stack is made by hand. */
export const MAX_VLAN_TAGS = 8;

/** Extension headers of one IPv6 packet. RFC 8504 5.3 lets hosts refuse more than eight. */
export const MAX_EXTENSIONS = 8;

/**
 * Bytes that a packet may have lost to the snap length. The largest packets (BIG TCP, jumbograms from offload) stay below
 * 1 MiB; a file that claims more is not believed, so that offsets stay small integers.
 */
export const MAX_CUT_BYTES = 0x100_0000;

/**
 * Seconds of packet time that a datagram waits for its fragments. Linux waits 30, RFC 8200 4.5 allows 60; shorter means less
 * memory held by an attacker and less time for an id to be used again.
 */
export const FRAGMENT_TIMEOUT_S = 30;

/**
 * Seconds that a completed datagram is remembered. A mirror port that sees a packet twice delivers its fragments again at
 * once; without memory each would wait as a ghost and mix with the next datagram of the same id.
 */
export const FRAGMENT_MEMORY_S = 2;

/** Datagrams held or remembered. 300 bytes each without their data: 1.2 MiB. */
export const MAX_DATAGRAMS = 4096;

/** Fragments of one datagram. 65 535 bytes over a link of 576 make 119. */
export const MAX_FRAGMENTS = 128;

/** What a held piece costs beside its bytes: a record, a view and its buffer. */
export const PIECE_OVERHEAD_BYTES = 256;

/** All held pieces with their overhead. One datagram is at most 64 KiB + 2 x 128 x 256 bytes: this holds 128 of the worst. */
export const MAX_FRAGMENT_BYTES = 0x100_0000;
