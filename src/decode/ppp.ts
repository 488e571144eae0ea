/**
 * PPP.
 *
 *     address, control   2      0xff03, may be left out
 *     protocol           1..2   one byte where it is odd and its high byte is zero
 *
 * RFC 1661 2 and 6.5, RFC 1662 3.1; numbers by the IANA registry of PPP numbers.
 */

import { Drop } from './drop.ts';
import { Layer, type Step, type Walk } from './walk.ts';

const ALL_STATIONS = 0xff;
const UNNUMBERED_INFORMATION = 0x03;

export function readPpp(walk: Walk): Step {
  const { buf, end } = walk;
  let at = walk.at;
  if (end - at < 1) return Drop.PppTruncated;
  // No protocol has the number 0xff, so that it can't be taken for the address (RFC 1661 6.5).
  if (buf[at] === ALL_STATIONS) {
    if (end - at < 3) return Drop.PppTruncated;
    if (buf[at + 1] !== UNNUMBERED_INFORMATION) return Drop.NotIpPpp;
    at += 2;
  }
  let protocol = buf[at++]!;
  // The low bit ends the number, as in an HDLC address.
  if ((protocol & 1) === 0) {
    if (end - at < 1) return Drop.PppTruncated;
    protocol = (protocol << 8) | buf[at++]!;
  }
  walk.at = at;
  switch (protocol) {
    case 0x0021:
      return Layer.Ipv4;
    case 0x0057:
      return Layer.Ipv6;
    case 0x0281: // unicast
    case 0x0283: // multicast
      return Drop.TunnelMpls;
    default:
      return Drop.NotIpPpp;
  }
}
