/**
 * The certificate list of a Certificate message.
 *
 *     TLS 1.2 and before                  TLS 1.3
 *                                         certificate_request_context  1 + n
 *     certificate_list  3 + n             certificate_list             3 + n
 *       certificate       3 + n             certificate                  3 + n
 *                                           extensions                   2 + n
 *
 * RFC 5246 7.4.2, RFC 8446 4.4.2. What is found are ranges in the cursor's buffer, end to end; nothing is copied, and who
 * keeps a certificate copies it. A zero-length entry is counted and left out. A certificate that claims more than there is
 * is given as far as it goes: its beginning still names a subject, but its hash would be of something never issued.
 */

import { type Cursor, FAULT_NAMES, Fault } from '../bytes/cursor.ts';
import { MAX_CERTIFICATES } from './limits.ts';
import { ExtensionType } from './registry/generated/extensions.ts';

export interface CertificateList {
  /** Certificates in the caller's array, the cut one included. */
  readonly count: number;
  /** The last certificate in the array lacks its end. */
  readonly isLastCut: boolean;
  readonly emptyEntries: number;
  /** Bytes of OCSP responses in the entries' status_request extensions (TLS 1.3). */
  readonly ocspBytes: number;
  /** Bytes of the SCT lists in the entries' extensions (TLS 1.3). */
  readonly sctListBytes: number;
  readonly fault: string;
}

/**
 * Fills `ranges` with `at, end` of each certificate: number 2i and 2i+1 are those of certificate i. What the array held
 * before is gone.
 */
export function decodeCertificateList(c: Cursor, isTls13: boolean, ranges: number[]): CertificateList {
  ranges.length = 0;
  const stapled: Stapled = { ocspBytes: 0, sctListBytes: 0 };
  let emptyEntries = 0;
  let isLastCut = false;
  if (isTls13) c.skip(c.u8());
  const listLen = c.u24();
  const isListCut = listLen > c.remaining;
  const hasTrailing = listLen < c.remaining;
  if (!isListCut) c.end = c.pos + listLen;
  while (c.remaining > 0) {
    const len = c.u24();
    if (c.fault !== Fault.None) break;
    if (ranges.length === 2 * MAX_CERTIFICATES) {
      c.fail(Fault.TooMany);
      break;
    }
    const at = c.pos;
    isLastCut = len > c.remaining && c.remaining > 0;
    const end = Math.min(at + len, c.end);
    if (end > at) ranges.push(at, end);
    if (len === 0) emptyEntries += 1;
    // The same as skipping, but what is missing is a broken vector rather than a short message.
    c.leave(c.enter(len));
    if (isTls13) readEntryExtensions(c, stapled);
  }
  if (isListCut) c.fail(Fault.VectorTooLong);
  else if (hasTrailing) c.fail(Fault.TrailingBytes);
  else if (emptyEntries > 0) c.fail(Fault.BadLength);
  const { ocspBytes, sctListBytes } = stapled;
  const fault = c.fault === Fault.None ? '' : FAULT_NAMES[c.fault]!;
  return { count: ranges.length / 2, isLastCut, emptyEntries, ocspBytes, sctListBytes, fault };
}

interface Stapled {
  ocspBytes: number;
  sctListBytes: number;
}

/** status_type 1, response 3 + n (RFC 6066 8). */
const OCSP_HEADER_LEN = 4;
/** sct_list 2 + n (RFC 6962 3.3). */
const SCT_HEADER_LEN = 2;

function readEntryExtensions(c: Cursor, stapled: Stapled): void {
  const outer = c.enter(c.u16());
  while (c.remaining > 0) {
    const type = c.u16();
    const len = c.u16();
    c.skip(len);
    if (c.fault !== Fault.None) return;
    if (type === ExtensionType.StatusRequest) stapled.ocspBytes += Math.max(0, len - OCSP_HEADER_LEN);
    else if (type === ExtensionType.SignedCertificateTimestamp)
      stapled.sctListBytes += Math.max(0, len - SCT_HEADER_LEN);
  }
  c.leave(outer);
}
