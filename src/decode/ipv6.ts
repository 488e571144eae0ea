/**
 * IPv6, the fixed header.
 *
 *     version, class, flow label   4
 *     payload length               2      0 for a jumbogram, or where the card segments later
 *     next header                  1
 *     hop limit                    1
 *     source                      16
 *     destination                 16
 *
 * RFC 8200 3, RFC 2675 2. Lax in lengths like IPv4. With a length of zero everything captured is taken: the jumbo option that
 * would say it is absent on packets from Linux's own segmentation.
 */

import { Drop } from './drop.ts';
import type { Frame } from './frame.ts';
import { layerOfProtocol } from './ip-protocol.ts';
import type { Step, Walk } from './walk.ts';

const HEADER_LEN = 40;

export function readIpv6(walk: Walk, frame: Frame): Step {
  const { buf, at } = walk;
  if (walk.end - at < HEADER_LEN) return Drop.IpTruncated;
  if (buf[at]! >> 4 !== 6) return Drop.IpBadVersion;
  const payloadLen = (buf[at + 4]! << 8) | buf[at + 5]!;
  if (payloadLen !== 0) walk.endAt(at + HEADER_LEN + payloadLen);

  if (frame.buf !== buf) frame.buf = buf;
  frame.ipVersion = 6;
  frame.srcAt = at + 8;
  frame.dstAt = at + 24;
  const protocol = buf[at + 6]!;
  walk.at = at + HEADER_LEN;
  walk.protocol = protocol;
  walk.extensions = 0;
  return layerOfProtocol(protocol);
}
