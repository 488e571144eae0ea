/**
 * ClientMasterKey of SSL 2: in that protocol the client chooses the cipher, here.
 *
 *     msg_type                 1     2
 *     cipher_kind              3
 *     clear_key_length         2
 *     encrypted_key_length     2
 *     key_arg_length           2
 *     (clear key, encrypted key, key argument: not read)
 *
 * draft-hickman-netscape-ssl-00 5.7.
 */

import { type Cursor, FAULT_NAMES, Fault } from '../bytes/cursor.ts';
import { Sslv2MessageType } from './sslv2-client-hello.ts';

export interface Sslv2ClientMasterKey {
  /** A 24-bit number. */
  readonly cipherSuite: number;
  readonly clearKeyLen: number;
  readonly encryptedKeyLen: number;
  readonly fault: string;
}

/** Reads the message: the window begins at its type, after the record header. */
export function parseSslv2ClientMasterKey(c: Cursor): Sslv2ClientMasterKey {
  if (c.u8() !== Sslv2MessageType.ClientMasterKey) c.fail(Fault.BadValue);
  const cipherSuite = c.u24();
  const clearKeyLen = c.u16();
  const encryptedKeyLen = c.u16();
  const keyArgLen = c.u16();
  c.skip(clearKeyLen + encryptedKeyLen + keyArgLen);
  if (c.remaining > 0) c.fail(Fault.TrailingBytes);
  return { cipherSuite, clearKeyLen, encryptedKeyLen, fault: c.fault === Fault.None ? '' : FAULT_NAMES[c.fault]! };
}
