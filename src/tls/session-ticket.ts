/**
 * NewSessionTicket, in its two forms.
 *
 *     TLS 1.2 and before            TLS 1.3
 *     ticket_lifetime_hint  4       ticket_lifetime   4
 *                                   ticket_age_add    4
 *                                   ticket_nonce    1 + n
 *     ticket              2 + n     ticket          2 + n
 *                                   extensions      2 + n
 *
 * RFC 5077 3.3, RFC 8446 4.6.1. The ticket is measured, not kept.
 */

import { type Cursor, FAULT_NAMES, Fault } from '../bytes/cursor.ts';
import type { SessionTicket } from './handshake.ts';

export interface ParsedSessionTicket extends SessionTicket {
  readonly fault: string;
}

export function parseSessionTicket(c: Cursor, isTls13: boolean): ParsedSessionTicket {
  const lifetimeHint = c.u32();
  if (isTls13) {
    c.u32();
    c.skip(c.u8());
  }
  const sizeBytes = c.u16();
  c.skip(sizeBytes);
  if (isTls13) c.skip(c.u16());
  if (c.remaining > 0) c.fail(Fault.TrailingBytes);
  return { lifetimeHint, sizeBytes, fault: c.fault === Fault.None ? '' : FAULT_NAMES[c.fault]! };
}
