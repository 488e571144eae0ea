/** What follows the ServerHello is encrypted from version 1.3 on. Asked for each message, so it is a few comparisons. */

const TLS13 = 0x0304;
/** DTLS 1.3, RFC 9147 5.3: versions of DTLS count down from 0xfeff. */
const DTLS13 = 0xfefc;
/** Drafts of TLS 1.3 (0x7f00 + number of the draft). */
const DRAFT_HIGH_BYTE = 0x7f;
/** Facebook's builds of its drafts. */
const FB_DRAFT_HIGH_BYTE = 0xfb;

/** True for TLS 1.3, DTLS 1.3, and their drafts. */
export function isTls13(version: number): boolean {
  const high = version >>> 8;
  return version === TLS13 || version === DTLS13 || high === DRAFT_HIGH_BYTE || high === FB_DRAFT_HIGH_BYTE;
}
