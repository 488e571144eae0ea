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

/** A worker's batch of events: about 80 of them; at 14,000 handshakes a second, 170 messages between threads. */
export const HANDOVER_BYTES = 256 * 1024;

/** An event waits so long in a worker for others of its batch: it is not felt by who looks at events as they come. */
export const HANDOVER_AGE_MS = 100;

/**
 * Bytes of events of one worker that may wait for the main thread: nearly a second at 14,000 handshakes a second, while
 * the main thread is busy with something else. 8 workers x 32 MiB = 256 MiB at worst.
 */
export const MAX_WAITING_BYTES = 32 * 1024 * 1024;

/**
 * Bytes of events of one worker that may wait for a file: less than all that may wait, so that a file that stands still loses its own
 * oldest events, and not the newest of all files.
 */
export const MAX_FILE_QUEUE_BYTES = (MAX_WAITING_BYTES * 3) / 4;

/** Buffers of batches that a worker keeps for the next ones: 16 x 320 KiB = 5 MiB. */
export const MAX_SPARE_BUFFERS = 16;

/** Findings that a worker sends to the screen in a quarter of a second: more than anybody reads. */
export const MAX_FINDINGS_SHOWN = 50;
export const FINDINGS_EVERY_MS = 250;

/** A worker looks for messages to it so often: a reload or a stop is heard at once, and it costs nothing. */
export const TURN_MS = 20;

/** A worker tells its counts so often. */
export const COUNTS_EVERY_MS = 1000;
