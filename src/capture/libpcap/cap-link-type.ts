/** Link types as `cap` names them, and as a capture file numbers them: https://www.tcpdump.org/linktypes.html */

/** Names of `cap` 0.2.1; all others come as `Unknown linktype N`, N being libpcap's DLT_ number. */
const BY_NAME: ReadonlyMap<string, number> = new Map([
  ['NULL', 0],
  ['ETHERNET', 1],
  ['RAW', 101],
  ['LINKTYPE_LINUX_SLL', 113],
  ['IEEE802_11_RADIO', 127],
]);

/** DLT_ numbers of systems that are not LINKTYPE_'s: raw IP (also OpenBSD's), and OpenBSD's loopback. */
const BY_DLT: ReadonlyMap<number, number> = new Map([
  [12, 101],
  [14, 101],
]);

/** Null where the name says nothing. */
export function toLinkType(name: string): number | null {
  const known = BY_NAME.get(name);
  if (known !== undefined) return known;
  const match = /^Unknown linktype (\d{1,5})$/.exec(name);
  if (match === null) return null;
  const dlt = Number(match[1]);
  return BY_DLT.get(dlt) ?? dlt;
}
