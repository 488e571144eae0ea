/**
 * Signed certificate timestamps that a CA put into the certificate.
 *
 *     extension value    OCTET STRING, whose content is in the language of TLS, not in DER:
 *     list                2 + 0..2^16-1
 *       sct               2 + each:
 *         version         1     0 is v1
 *         log_id         32     SHA-256 of the log's key
 *         timestamp       8     milliseconds since 1970
 *         extensions      2 + 0..2^16-1
 *         signature       2 algorithms, 2 + 0..2^16-1
 *
 * RFC 6962 3.2 and 3.3. An SCT of another version is passed over. Signatures are not verified: that takes the logs' keys.
 */
import { type Cursor, Fault } from '../bytes/cursor.ts';
import { toHex } from '../bytes/hex.ts';
import type { SignedCertificateTimestamp } from './certificate.ts';
import { contentOf, expectEnd, readExpected, Tag } from './der.ts';
import type { FaultList } from './faults.ts';
import { MAX_LIST_VALUES } from './limits.ts';

const V1 = 0;
const LOG_ID_SIZE = 32;

/** Reads the value of the extension. */
export function readSctList(c: Cursor, faults: FaultList): SignedCertificateTimestamp[] {
  const element = readExpected(c, Tag.OctetString, faults);
  expectEnd(c, faults);
  if (element === null) return [];
  return readSerializedScts(contentOf(c, element), faults);
}

function readSerializedScts(c: Cursor, faults: FaultList): SignedCertificateTimestamp[] {
  const scts: SignedCertificateTimestamp[] = [];
  const outer = c.enter(c.u16());
  while (c.remaining > 0 && scts.length < MAX_LIST_VALUES) {
    const afterSct = c.enter(c.u16());
    const sct = readSct(c);
    c.leave(afterSct);
    if (sct !== null) scts.push(sct);
  }
  if (c.remaining > 0) faults.add('too_many_values');
  c.leave(outer);
  expectEnd(c, faults);
  if (c.fault !== Fault.None) faults.add('bad_extension');
  return scts;
}

function readSct(c: Cursor): SignedCertificateTimestamp | null {
  if (c.u8() !== V1) return null;
  const idAt = c.skip(LOG_ID_SIZE);
  const timestampMs = c.u32() * 2 ** 32 + c.u32();
  if (c.fault !== Fault.None) return null;
  c.skip(c.u16());
  c.u16();
  c.skip(c.u16());
  return { logId: toHex(c.buf, idAt, idAt + LOG_ID_SIZE), timestampMs };
}
