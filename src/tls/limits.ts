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

/**
 * Bytes of both directions after which a session is over, whatever became of it: two Certificate messages at their cap, the
 * encrypted bytes, and twice that again.
 */
export const MAX_SESSION_BYTES = 8 * 1024 * 1024;

/** Bytes of a segment in which a hello that does not begin it is looked for: behind a frame's header, a proxy's short answer. */
export const MAX_HELLO_OFFSET = 256;

/** Bytes in which a record boundary is looked for after a gap. */
export const MAX_HUNT_BYTES = 64 * 1024;

// Message parsers. Beyond one of these caps the rest is left out and the message carries `too_many`: a real peer is far
// below each of them.

/** Bytes of a ClientHello body that are looked at: all that its grammar can hold, 2+32 +1+32 +1+255 +2+2^16 +1+255 +2+2^16. */
export const MAX_CLIENT_HELLO = 131_653;

/** IANA has about 400 suites; a scanner that offers them all still fits. */
export const MAX_CIPHER_SUITES = 1024;

/** Extensions in a hello. The registry has 80, browsers send about 20. */
export const MAX_EXTENSIONS = 256;

/** Bytes of one extension that count for the shape of a hello (lists of versions, groups, schemes, protocol names). */
export const MAX_SHAPE_CONTENT = 2048;

/** Entries of key_share; two or three are usual. */
export const MAX_KEY_SHARES = 64;

/** Protocol names in ALPN. */
export const MAX_ALPN_NAMES = 64;

/** Bytes of an SNI host name. DNS allows 253; the rest of a longer one is not shown. */
export const MAX_SERVER_NAME = 1024;

/** Shapes kept: 1024 sets of 4. A hello can only push out shapes of its own set. */
export const SHAPE_SETS = 1024;
export const SHAPE_WAYS = 4;

/**
 * A shape with a longer key is not kept. Of 701 hellos of the corpus the longest key has 278 bytes, the median 146. Worst case of
 * the cache, estimated: 4096 x (1 KiB key + 12 KiB of lists and text) = 53 MiB; with median keys about a fifth.
 */
export const MAX_SHAPE_KEY = 1024;

/** Certificates in one list. The longest chain of the corpus has 4; the rest is room for misconfigured servers. */
export const MAX_CERTIFICATES = 64;

/** Authorities that a CertificateRequest names, and bytes of one: 64 x 4 KiB = 256 KiB. The rest is counted, not kept. */
export const MAX_AUTHORITIES = 64;
export const MAX_AUTHORITY_BYTES = 4096;

/** Signature schemes and certificate types in a CertificateRequest. */
export const MAX_REQUEST_VALUES = 256;

/** Ways to answer whose JA3S is remembered. A network has dozens; searching all of them takes a microsecond. */
export const MAX_JA3S_KEPT = 64;

/** Server names remembered, a power of two. Names of the usual size: 0.5 MiB; all of MAX_SERVER_NAME: 8 MiB. */
export const SERVER_NAME_PLACES = 4096;
