/** Caps of the sensor room. */

/**
 * Payload bytes of a flow in which a hello is looked for. Enough for a mail server's greeting, a proxy's answer or a
 * database's negotiation before TLS begins; a flow that has none by then is not TLS.
 */
export const MAX_PROBED_BYTES = 32 * 1024;

/** Bytes of unfinished handshake messages in all flows together; above it, the handshakes that began first are let go. */
export const MAX_ASSEMBLY_BYTES = 64 * 1024 * 1024;

/** A filter of an event, in characters and in nesting: far beyond what a person writes, and far below what a stack bears. */
export const MAX_FILTER_CHARS = 10_000;
export const MAX_FILTER_DEPTH = 100;
