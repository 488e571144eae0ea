/** Raw IP: no link header, so the version nibble says which IP it is. https://www.tcpdump.org/linktypes.html, LINKTYPE_RAW. */

import { Drop } from './drop.ts';
import { Layer, type Step, type Walk } from './walk.ts';

export function readRawIp(walk: Walk): Step {
  if (walk.end <= walk.at) return Drop.IpTruncated;
  switch (walk.buf[walk.at]! >> 4) {
    case 4:
      return Layer.Ipv4;
    case 6:
      return Layer.Ipv6;
    default:
      return Drop.IpBadVersion;
  }
}
