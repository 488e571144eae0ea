/**
 * Caps on what one event may hold. Splunk refuses events over 5 MB; the worst event here is the sum of
 *
 *     2 chains x MAX_CHAIN_ENTRIES x (MAX_LIST_CHARS + 4 x MAX_TEXT_CHARS)      2 x 16 x 40 KiB = 1.3 MiB
 *     12 lists of the leaves and of the hello x MAX_LIST_CHARS                      12 x 32 KiB = 0.4 MiB
 *     60 texts x MAX_TEXT_CHARS                                                       60 x 2 KiB = 0.1 MiB
 *
 * in characters, each at most 3 bytes of UTF-8: 5.3 MB if an attacker filled all of it with Chinese, and a certificate
 * message that could do so is cut long before by the caps of `tls/`. What is cut is told by `event_cut`.
 */

/** Longest text. DNs of real certificates stay under 500 characters; a URL in an extension may have 1 000. */
export const MAX_TEXT_CHARS = 2048;

/** All texts of one list. The largest public certificates name about 1 000 hosts of 30 characters. */
export const MAX_LIST_CHARS = 32_768;

/** Entries of one list: the cipher suites of a scanner that offers them all are about 400. */
export const MAX_LIST_ITEMS = 1024;

/** Certificates of one chain. Public chains have 2 to 4, government ones up to 8. */
export const MAX_CHAIN_ENTRIES = 16;

/** Kinds of ServerHello whose bytes are kept: 300 were seen in 460 captures. About 400 bytes each, in each form. */
export const MAX_SERVER_ANSWERS = 1024;

/** Kinds of ServerHello with one JA3S: they differ by group and ALPN, the suite being part of the JA3S. */
export const MAX_ANSWERS_PER_JA3S = 16;
