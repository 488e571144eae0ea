/**
 * IP addresses in text as a key under which equal addresses are equal: `v4:` or `v6:` and the octets in hex.
 *
 *     dotted      RFC 3986 3.2.2: four decimals 0..255, no leading zero (some systems would read octal)
 *     hex groups  RFC 4291 2.2: eight groups, one run of zeros as `::`, the last two as a dotted address
 *     [ … ]       as in a URI, for a client that put its URI's host into SNI
 *
 * No zone (`%eth0`): it means nothing beyond its host. An IPv4-mapped IPv6 address is not its IPv4 address: names are compared by octets.
 */

/** `[`, eight groups with the last two dotted, `]`. */
const MAX_IP_TEXT = 47;

/** The key of an address; empty where the text is none. */
export function toIpKey(text: string): string {
  if (text.length < 2 || text.length > MAX_IP_TEXT) return '';
  if (text.startsWith('[')) return text.endsWith(']') ? keyOfV6(text.slice(1, -1)) : '';
  if (text.includes(':')) return keyOfV6(text);
  const hex = hexOfV4(text);
  return hex === '' ? '' : `v4:${hex}`;
}

function keyOfV6(text: string): string {
  const halves = text.split('::');
  if (halves.length > 2) return '';
  const head = hexOfGroups(halves[0]!, halves.length === 1);
  if (halves.length === 1) return head?.length === 32 ? `v6:${head}` : '';
  const tail = hexOfGroups(halves[1]!, true);
  // RFC 4291: `::` stands for one group or more.
  if (head === null || tail === null || head.length + tail.length > 28) return '';
  return `v6:${head}${'0'.repeat(32 - head.length - tail.length)}${tail}`;
}

/** Groups between colons as hex; a dotted address may be the last. Null where a group is wrong. */
function hexOfGroups(text: string, mayEndDotted: boolean): string | null {
  if (text === '') return '';
  const groups = text.split(':');
  let hex = '';
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i]!;
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      hex += group.toLowerCase().padStart(4, '0');
      continue;
    }
    const dotted = mayEndDotted && i === groups.length - 1 ? hexOfV4(group) : '';
    if (dotted === '') return null;
    hex += dotted;
  }
  return hex;
}

function hexOfV4(text: string): string {
  const parts = text.split('.');
  if (parts.length !== 4) return '';
  let hex = '';
  for (const part of parts) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return '';
    hex += Number(part).toString(16).padStart(2, '0');
  }
  return hex;
}
