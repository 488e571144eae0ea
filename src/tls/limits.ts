/** Caps of the TLS room. Each has its reason; worst cases are products written beside it. */

/** A record's length field: 2^14 plaintext + 2048 of expansion (RFC 5246 6.2.3). */
export const MAX_RECORD_BYTES = 16_384 + 2048;

/** The largest Certificate message read. The largest seen in the wild here is 339 KB; the wire would allow 16 MiB. */
export const MAX_CERTIFICATE_BYTES = 1024 * 1024;

/** Any other message: a ClientHello is below 64 KiB of extensions, a CertificateRequest below 64 KiB of names. */
export const MAX_MESSAGE_BYTES = 160 * 1024;

/** Buffers for messages in pieces: a usual server flight fits one. 64 x 8 KiB = 512 KiB kept for the next. */
export const POOLED_BUFFER_BYTES = 8192;
export const POOLED_BUFFERS = 64;

/** Letters of a history; a handshake has about twelve, a client that renegotiates for ever has more. */
export const MAX_HISTORY = 64;

/**
 * Encrypted bytes of one direction after which the rest of the handshake is not waited for: the other direction is not in the
 * capture, or the record boundary was lost. The largest encrypted server flight has a chain of 339 KB in it.
 */
export const MAX_ENCRYPTED_BYTES = 512 * 1024;

/** Bytes in which a record boundary is looked for after a gap. */
export const MAX_HUNT_BYTES = 64 * 1024;
