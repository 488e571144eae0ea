/**
 * Linux cooked capture, version 2.
 *
 *     protocol          2      EtherType; 4: 802.2 LLC
 *     reserved          2
 *     interface index   4
 *     ARPHRD            2
 *     packet type       1
 *     address length    1
 *     address           8      the sender's; there is no destination, so the frame has no MAC offset
 *
 * https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html
 */

import { Drop } from './drop.ts';
import { layerOfEtherType } from './ether-type.ts';
import type { Step, Walk } from './walk.ts';

const HEADER_LEN = 20;

export function readLinuxSll2(walk: Walk): Step {
  const { buf, at } = walk;
  if (walk.end - at < HEADER_LEN) return Drop.SllTruncated;
  walk.at = at + HEADER_LEN;
  return layerOfEtherType((buf[at]! << 8) | buf[at + 1]!);
}
