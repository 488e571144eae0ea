/**
 * CertificateStatus: stapled OCSP responses, up to TLS 1.2.
 *
 *     status_type            1        1 ocsp           2 ocsp_multi
 *     ocsp                 3 + n      one response
 *     ocsp_multi           3 + n      a list of responses, 3 + n each, empty where there is none
 *
 * RFC 6066 8, RFC 6961 2.2. Responses are measured, not read.
 */

import { type Cursor, FAULT_NAMES, Fault } from '../bytes/cursor.ts';

export interface CertificateStatus {
  readonly statusType: number;
  /** Responses that are not empty. */
  readonly responses: number;
  /** Bytes of all of them. */
  readonly responseBytes: number;
  readonly fault: string;
}

const OCSP = 1;
const OCSP_MULTI = 2;

export function parseCertificateStatus(c: Cursor): CertificateStatus {
  let responses = 0;
  let responseBytes = 0;
  const statusType = c.u8();
  if (statusType === OCSP) {
    const len = c.u24();
    c.skip(len);
    if (c.fault === Fault.None && len > 0) {
      responses = 1;
      responseBytes = len;
    }
    if (c.remaining > 0) c.fail(Fault.TrailingBytes);
  } else if (statusType === OCSP_MULTI) {
    const outer = c.enter(c.u24());
    while (c.remaining > 0) {
      const len = c.u24();
      c.skip(len);
      if (c.fault !== Fault.None || len === 0) continue;
      responses += 1;
      responseBytes += len;
    }
    c.leave(outer);
    if (c.remaining > 0) c.fail(Fault.TrailingBytes);
  } else {
    c.fail(Fault.BadValue);
  }
  return { statusType, responses, responseBytes, fault: c.fault === Fault.None ? '' : FAULT_NAMES[c.fault]! };
}
