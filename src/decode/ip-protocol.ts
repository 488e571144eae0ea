/**
 * What follows an IP header or an extension header: the dispatch by IP protocol number.
 *
 * Numbers by the IANA registry of protocol numbers, in which IPv6 extension headers have theirs too (RFC 8200 4).
 */

import { Drop } from './drop.ts';
import { IpProtocol } from './frame.ts';
import { Layer, type Step } from './walk.ts';

/** Authentication Header: the one extension header that IPv4 has too. */
export const PROTOCOL_AH = 51;

export function layerOfProtocol(protocol: number): Step {
  if (protocol === IpProtocol.Tcp) return Layer.Tcp;
  if (protocol === IpProtocol.Udp) return Layer.Udp;
  return layerOfRareProtocol(protocol);
}

/** Apart from the two that matter, so that those are compared in place. */
function layerOfRareProtocol(protocol: number): Step {
  switch (protocol) {
    case 0: // hop-by-hop options
    case 43: // routing
    case PROTOCOL_AH:
    case 60: // destination options
    case 135: // mobility
    case 139: // host identity
    case 140: // shim6
      return Layer.Extension;
    case 44:
      return Layer.Ipv6Fragment;
    case 1: // ICMP
    case 2: // IGMP
    case 58: // ICMPv6
      return Drop.TransportIcmp;
    case 50:
      return Drop.TransportEsp;
    case 59:
      return Drop.TransportNone;
    case 132:
      return Drop.TransportSctp;
    case 4: // IPv4
    case 41: // IPv6
      return Drop.TunnelIp;
    case 47:
      return Drop.TunnelGre;
    case 97: // EtherIP
      return Drop.TunnelEthernet;
    case 137:
      return Drop.TunnelMpls;
    default:
      return Drop.TransportOther;
  }
}
