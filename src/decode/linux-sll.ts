/**
 * Linux cooked capture, version 1: what `-i any` gives in place of a link header.
 *
 *     packet type      2
 *     ARPHRD           2
 *     address length   2
 *     address          8      the sender's; there is no destination, so the frame has no MAC offset
 *     protocol         2      EtherType; 4: 802.2 LLC
 *
 * https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html
 */

import { Drop } from './drop.ts';
import { layerOfEtherType } from './ether-type.ts';
import type { Step, Walk } from './walk.ts';

const HEADER_LEN = 16;

export function readLinuxSll(walk: Walk): Step {
  const { buf, at } = walk;
  if (walk.end - at < HEADER_LEN) return Drop.SllTruncated;
  walk.at = at + HEADER_LEN;
  return layerOfEtherType((buf[at + 14]! << 8) | buf[at + 15]!);
}
