/**
 * The first header of a packet, by the capture's link type.
 *
 * Numbers are LINKTYPE_ values, https://www.tcpdump.org/linktypes.html. Raw IP stands as 101 in files by the book, and as 12
 * or 14 in those of tools that write their system's DLT_RAW.
 */

import { Drop } from './drop.ts';
import { Layer, type Step } from './walk.ts';

export function layerOfLinkType(linkType: number): Step {
  switch (linkType) {
    case 1: // ETHERNET
      return Layer.Ethernet;
    case 0: // NULL
    case 108: // LOOP
      return Layer.Loopback;
    case 9: // PPP
    case 50: // PPP_HDLC
      return Layer.Ppp;
    case 104: // C_HDLC
      return Layer.Hdlc;
    case 12:
    case 14:
    case 101: // RAW
      return Layer.RawIp;
    case 113: // LINUX_SLL
      return Layer.Sll;
    case 276: // LINUX_SLL2
      return Layer.Sll2;
    case 228: // IPV4
      return Layer.Ipv4;
    case 229: // IPV6
      return Layer.Ipv6;
    default:
      return Drop.LinkTypeUnsupported;
  }
}
