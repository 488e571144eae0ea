/**
 * What follows an EtherType: the dispatch of Ethernet, VLAN tags, SNAP, cooked captures and C-HDLC.
 *
 * Numbers by the IEEE registry, https://standards-oui.ieee.org/ethertype/eth.txt. Below 0x0600 the field is an 802.3 length
 * and 802.2 LLC follows.
 */

import { Drop } from './drop.ts';
import { Layer, type Step } from './walk.ts';

const MIN_ETHER_TYPE = 0x0600;

export function layerOfEtherType(etherType: number): Step {
  if (etherType === 0x0800) return Layer.Ipv4;
  if (etherType === 0x86dd) return Layer.Ipv6;
  if (etherType < MIN_ETHER_TYPE) return Layer.Llc;
  return layerOfRareEtherType(etherType);
}

/** Apart from the two that matter, so that those are compared in place. */
function layerOfRareEtherType(etherType: number): Step {
  switch (etherType) {
    case 0x8100: // 802.1Q
    case 0x88a8: // 802.1ad
    case 0x9100: // stacked tags before 802.1ad
    case 0x9200:
      return Layer.Vlan;
    case 0x0806:
    case 0x8035:
      return Drop.NotIpArp;
    case 0x88cc:
      return Drop.NotIpLldp;
    case 0x8809:
      return Drop.NotIpSlow;
    case 0x888e:
      return Drop.NotIpEapol;
    case 0x88e5:
      return Drop.NotIpMacsec;
    case 0x8863: // PPPoE discovery
      return Drop.NotIpPpp;
    case 0x8864: // PPPoE session
      return Drop.TunnelPppoe;
    case 0x8847: // unicast
    case 0x8848: // multicast
      return Drop.TunnelMpls;
    case 0x6558: // transparent Ethernet bridging
    case 0x88e7: // 802.1ah provider backbone
      return Drop.TunnelEthernet;
    case 0x8903: // FabricPath
    case 0x8909: // Cisco metadata
    case 0x8926: // VN-Tag
    case 0x893f: // 802.1BR
      return Drop.TunnelFabricTag;
    case 0x894f:
      return Drop.TunnelNsh;
    default:
      return Drop.NotIpOther;
  }
}
