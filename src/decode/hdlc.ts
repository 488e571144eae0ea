/**
 * Cisco HDLC.
 *
 *     address    1      0x0f unicast, 0x8f broadcast
 *     control    1      0
 *     protocol   2      EtherType
 *
 * https://www.tcpdump.org/linktypes/LINKTYPE_C_HDLC.html, RFC 1547 4.3.1
 */

import { Drop } from './drop.ts';
import { layerOfEtherType } from './ether-type.ts';
import type { Step, Walk } from './walk.ts';

const HEADER_LEN = 4;

export function readHdlc(walk: Walk): Step {
  const { buf, at } = walk;
  if (walk.end - at < HEADER_LEN) return Drop.HdlcTruncated;
  walk.at = at + HEADER_LEN;
  return layerOfEtherType((buf[at + 2]! << 8) | buf[at + 3]!);
}
