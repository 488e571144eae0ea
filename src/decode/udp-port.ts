/**
 * What follows a UDP header: the dispatch by port.
 *
 * Tunnels are known by their destination port (IANA). A source port below 1024 speaks against one: it is a server that
 * answers a client whose own port happens to be that of a tunnel, and its QUIC must not be lost. RFC 7348 5 and RFC 8926
 * 3.3 have tunnels send from high ports; GTP-U sends from any, in practice 2152.
 */

import { Drop } from './drop.ts';
import type { Step } from './walk.ts';

const MIN_TUNNEL_SOURCE = 1024;

export function layerOfUdpPort(srcPort: number, dstPort: number): Step {
  if (srcPort < MIN_TUNNEL_SOURCE) return Drop.Decoded;
  switch (dstPort) {
    case 2152:
      return Drop.TunnelGtp;
    case 3544:
      return Drop.TunnelTeredo;
    case 4789:
      return Drop.TunnelVxlan;
    case 6081:
      return Drop.TunnelGeneve;
    case 37_008:
      return Drop.TunnelTzsp;
    default:
      return Drop.Decoded;
  }
}
