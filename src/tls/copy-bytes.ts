import { type Cursor, EMPTY_BYTES, Fault } from '../bytes/cursor.ts';

/**
 * The next `n` bytes, copied, or none if they are not all there. A loop and not `slice`, which copies from a Uint8Array but
 * borrows from a Buffer: the result is a plain Uint8Array whatever the cursor reads from.
 */
export function readCopy(c: Cursor, n: number): Uint8Array {
  if (n === 0) return EMPTY_BYTES;
  const at = c.skip(n);
  if (c.fault !== Fault.None) return EMPTY_BYTES;
  const { buf } = c;
  const out = new Uint8Array(n);
  for (let i = 0; i < n; i++) out[i] = buf[at + i]!;
  return out;
}
