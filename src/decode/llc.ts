/**
 * IEEE 802.2 LLC with SNAP, which carries IP on 802.3 frames (RFC 1042).
 *
 *     dsap, ssap   2      0xaaaa: SNAP
 *     control      1      3: unnumbered information
 *     oui          3      0: an EtherType follows
 *     type         2
 *
 * Every other service access point (spanning tree, IS-IS, IPX) carries no IP that we know of.
 */

import { Drop } from './drop.ts';
import { layerOfEtherType } from './ether-type.ts';
import { Layer, type Step, type Walk } from './walk.ts';

const DSAP_LEN = 1;
const HEADER_LEN = 8;
const SNAP = 0xaa;
/** OUIs behind which an EtherType stands: plain encapsulation, and bridged (802.1H). */
const OUI_ETHER_TYPE = 0x000000;
const OUI_802_1H = 0x0000f8;

export function readLlc(walk: Walk): Step {
  const { buf, at, end } = walk;
  if (end - at < DSAP_LEN) return Drop.LlcTruncated;
  if (buf[at] !== SNAP) return Drop.NotIpLlc;
  if (end - at < HEADER_LEN) return Drop.LlcTruncated;
  const oui = (buf[at + 3]! << 16) | (buf[at + 4]! << 8) | buf[at + 5]!;
  if (buf[at + 1] !== SNAP || buf[at + 2] !== 3) return Drop.NotIpLlc;
  if (oui !== OUI_ETHER_TYPE && oui !== OUI_802_1H) return Drop.NotIpLlc;
  walk.at = at + HEADER_LEN;
  const next = layerOfEtherType((buf[at + 6]! << 8) | buf[at + 7]!);
  // A length here would be LLC in LLC, which nobody sends.
  return next === Layer.Llc ? Drop.NotIpLlc : next;
}
