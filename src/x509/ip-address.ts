/** The octets of an IP address as text: dotted for 4, RFC 5952 for 16. */
import type { Cursor } from '../bytes/cursor.ts';

/** Reads the rest of the window; empty text where it is neither 4 nor 16 octets. */
export function readIpAddress(c: Cursor): string {
  if (c.remaining === 4) return `${c.u8()}.${c.u8()}.${c.u8()}.${c.u8()}`;
  return c.remaining === 16 ? readIpv6(c) : '';
}

/** RFC 5952 4: lower case, no leading zeros, the first longest run of two zero groups or more is `::`. */
function readIpv6(c: Cursor): string {
  const groups: number[] = [];
  while (c.remaining > 0) groups.push(c.u16());
  let runAt = -1;
  let runLength = 1;
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === 0) end += 1;
    if (end - i > runLength) {
      runAt = i;
      runLength = end - i;
    }
    i = Math.max(i, end);
  }
  if (runAt < 0) return hexGroups(groups);
  return `${hexGroups(groups.slice(0, runAt))}::${hexGroups(groups.slice(runAt + runLength))}`;
}

function hexGroups(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}
