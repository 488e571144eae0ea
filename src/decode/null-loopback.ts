/**
 * BSD loopback.
 *
 *     address family   4      2: IPv4; 24, 28 or 30: IPv6, by system
 *
 * https://www.tcpdump.org/linktypes/LINKTYPE_NULL.html. NULL has the byte order of the machine that captured, LOOP has network
 * order; the families are small, so both orders are taken for both.
 */

import { Drop } from './drop.ts';
import { Layer, type Step, type Walk } from './walk.ts';

const HEADER_LEN = 4;

export function readNullLoopback(walk: Walk): Step {
  const { buf, at } = walk;
  if (walk.end - at < HEADER_LEN) return Drop.LoopbackTruncated;
  walk.at = at + HEADER_LEN;
  // One end holds the family, the other three bytes are zero.
  const low = buf[at]!;
  const high = buf[at + 3]!;
  if (buf[at + 1] !== 0 || buf[at + 2] !== 0 || (low !== 0 && high !== 0)) return Drop.NotIpOther;
  switch (low | high) {
    case 2:
      return Layer.Ipv4;
    case 24: // NetBSD, OpenBSD, Npcap
    case 28: // FreeBSD
    case 30: // macOS
      return Layer.Ipv6;
    default:
      return Drop.NotIpOther;
  }
}
