/**
 * ServerHello of SSL 2, which carries the certificate.
 *
 *     msg_type                1      4
 *     session_id_hit          1      1: resumed, and no certificate follows
 *     certificate_type        1      1: X.509
 *     version                 2
 *     certificate_length      2
 *     cipher_specs_length     2      a multiple of 3
 *     connection_id_length    2
 *     certificate             n
 *     cipher_specs            3 n    those of the client's that the server has as well
 *     connection_id           n
 *
 * draft-hickman-netscape-ssl-00 5.6. The certificate is a range in the cursor's buffer, not a copy. The server chooses
 * no suite: the client does, in its ClientMasterKey.
 */

import { type Cursor, FAULT_NAMES, Fault } from '../bytes/cursor.ts';
import { readCipherSpecs, Sslv2MessageType } from './sslv2-client-hello.ts';

export interface Sslv2ServerHello {
  readonly version: number;
  readonly isSessionIdHit: boolean;
  readonly certificateType: number;
  /** The certificate's bytes, `[certificateAt, certificateEnd)` of the buffer; empty if there is none. */
  readonly certificateAt: number;
  readonly certificateEnd: number;
  /** The certificate lacks its end. */
  readonly isCertificateCut: boolean;
  /** 24-bit numbers. */
  readonly cipherSuites: readonly number[];
  readonly connectionIdLen: number;
  readonly fault: string;
}

/** Reads the message: the window begins at its type, after the record header. */
export function parseSslv2ServerHello(c: Cursor): Sslv2ServerHello {
  if (c.u8() !== Sslv2MessageType.ServerHello) c.fail(Fault.BadValue);
  const isSessionIdHit = c.u8() !== 0;
  const certificateType = c.u8();
  const version = c.u16();
  const certificateLen = c.u16();
  const specsLen = c.u16();
  const connectionIdLen = c.u16();
  const certificateAt = c.pos;
  const certificateEnd = Math.min(certificateAt + certificateLen, c.end);
  c.leave(c.enter(certificateLen));
  const cipherSuites = c.fault === Fault.None ? readCipherSpecs(c, specsLen) : [];
  c.skip(connectionIdLen);
  if (c.remaining > 0) c.fail(Fault.TrailingBytes);
  return {
    version,
    isSessionIdHit,
    certificateType,
    certificateAt,
    certificateEnd,
    isCertificateCut: certificateEnd - certificateAt < certificateLen,
    cipherSuites,
    connectionIdLen,
    fault: c.fault === Fault.None ? '' : FAULT_NAMES[c.fault]!,
  };
}
