/**
 * Caps on what one event may hold. Splunk refuses events over 5 MB; the worst event here is the sum of
 *
 *     2 lists of the server's leaf x HOST_LIST_CAPS                                2 x 384 KiB = 0.8 MiB
 *     31 other certificates x (LIST_CAPS + 4 x MAX_TEXT_CHARS)                     31 x 40 KiB = 1.2 MiB
 *     12 lists of the leaves and of the hello x LIST_CAPS                          12 x 32 KiB = 0.4 MiB
 *     60 texts x MAX_TEXT_CHARS                                                      60 x 2 KiB = 0.1 MiB
 *
 * in characters. A backslash takes two bytes: 4.9 MB if an attacker filled all of it with those. Other characters take up to three
 * bytes, but took as many in the Certificate message, which is cut before by the caps of `tls/`. What is cut is told by `event_cut`.
 */

/** Longest text. DNs of real certificates stay under 500 characters; a URL in an extension may have 1 000. */
export const MAX_TEXT_CHARS = 2048;

/** Most entries of one list, and most characters of all its texts. */
export interface ListCaps {
  readonly maxItems: number;
  readonly maxChars: number;
}

/** The cipher suites of a scanner that offers them all are about 400, their names 13 KB. */
export const LIST_CAPS: ListCaps = { maxItems: 1024, maxChars: 32 * 1024 };

/**
 * Names of the server's own certificate, which are what a search for a host must find: public ones stop at about 2 000, and the
 * largest certificate that we have a capture of names 10 000 hosts in 290 KB.
 */
export const HOST_LIST_CAPS: ListCaps = { maxItems: 16_384, maxChars: 384 * 1024 };

/** Certificates of one chain. Public chains have 2 to 4, government ones up to 8. */
export const MAX_CHAIN_ENTRIES = 16;

/** Kinds of ServerHello whose bytes are kept: 300 were seen in 460 captures. About 400 bytes each, in each form. */
export const MAX_SERVER_ANSWERS = 1024;

/** Kinds of ServerHello with one JA3S: they differ by group and ALPN, the suite being part of the JA3S. */
export const MAX_ANSWERS_PER_JA3S = 16;
