/**
 * Ethernet.
 *
 *     destination   6
 *     source        6
 *     type          2      below 0x0600: a length, and LLC follows
 *
 * IEEE 802.3 3.2. No preamble; a frame check sequence at the end is cut off by the IP length, like padding. An 802.3 length is
 * not used: the IP header behind it says the same.
 */

import { Drop } from './drop.ts';
import { layerOfEtherType } from './ether-type.ts';
import type { Frame } from './frame.ts';
import type { Step, Walk } from './walk.ts';

const HEADER_LEN = 14;

export function readEthernet(walk: Walk, frame: Frame): Step {
  const { buf, at } = walk;
  if (walk.end - at < HEADER_LEN) return Drop.EthernetTruncated;
  frame.macAt = at;
  walk.at = at + HEADER_LEN;
  return layerOfEtherType((buf[at + 12]! << 8) | buf[at + 13]!);
}
