/**
 * An alert in the clear.
 *
 *     level          1      1 warning, 2 fatal
 *     description    1
 *
 * RFC 8446 6. Anything else than two bytes with a known level is not an alert: an encrypted one looks like that, and must not be
 * mistaken for a fact.
 */

import { type Cursor, Fault } from '../bytes/cursor.ts';
import type { Alert } from './handshake.ts';

const AlertLevel = { Warning: 1, Fatal: 2 } as const;

/** Reads the content of an alert record, or null if it can't be one in the clear. */
export function parseAlert(c: Cursor, fromClient: boolean): Alert | null {
  const level = c.u8();
  const description = c.u8();
  const isPlain = level === AlertLevel.Warning || level === AlertLevel.Fatal;
  if (c.fault !== Fault.None || c.remaining > 0 || !isPlain) return null;
  return { fromClient, level, description };
}
