/**
 * VLAN tags, any number up to a cap.
 *
 *     priority and id   2      the id is the low 12 bits
 *     type              2      of what follows: another tag, or the payload
 *
 * IEEE 802.1Q 9.6. The type that announced the first tag is already read. The outermost id is kept: it is the one that the
 * mirrored port was configured with.
 */

import { Drop } from './drop.ts';
import { layerOfEtherType } from './ether-type.ts';
import type { Frame } from './frame.ts';
import { MAX_VLAN_TAGS } from './limits.ts';
import { Layer, type Step, type Walk } from './walk.ts';

const TAG_LEN = 4;

export function readVlan(walk: Walk, frame: Frame): Step {
  const { buf, end } = walk;
  for (let tags = 0; tags < MAX_VLAN_TAGS; tags++) {
    const at = walk.at;
    if (end - at < TAG_LEN) return Drop.VlanTruncated;
    if (frame.vlanId < 0) frame.vlanId = ((buf[at]! << 8) | buf[at + 1]!) & 0x0fff;
    walk.at = at + TAG_LEN;
    const next = layerOfEtherType((buf[at + 2]! << 8) | buf[at + 3]!);
    if (next !== Layer.Vlan) return next;
  }
  return Drop.VlanTooDeep;
}
