/** Caps of this room. What is scored comes from strangers, so each loop and each table has one. */

/**
 * Longest dest_host that the wildcard matcher takes. A DNS name has at most 253 characters; four times that leaves room for
 * escapes. The matcher is quadratic at worst, with a segment of half the text: 512 x 512 steps take about 2 ms, once per certificate and name.
 */
export const MAX_LIKE_LEN = 1024;

/** Longest host name in text form without its trailing dot (RFC 1035 2.3.4: 255 octets on the wire). */
export const MAX_HOST_LEN = 253;

/** Common names of one subject that are looked at. A name has one; a stranger's may have thousands. */
export const MAX_COMMON_NAMES = 16;

/** Longest piece of a name that a sentence quotes: two common names of the X.520 upper bound, 64. */
export const MAX_QUOTED_LEN = 128;

/**
 * Scores remembered per certificate, one for each name asked for. A certificate of a content network is asked for by hundreds of
 * names, but mostly by few. 64 x (253 bytes of name + about 400 of score) = 41 KB for each certificate that is alive.
 */
export const MAX_REMEMBERED_HOSTS = 64;
