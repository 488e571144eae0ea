/**
 * The IPv6 fragment header.
 *
 *     next header      1
 *     reserved         1
 *     offset, flags    2      13 bits in units of eight bytes, 2 reserved, 1 "more"
 *     identification   4
 *
 * RFC 8200 4.5. A fragment that is a whole datagram ("atomic", RFC 6946) needs nothing to be put together.
 */

import { Drop } from './drop.ts';
import type { Frame } from './frame.ts';
import { layerOfProtocol } from './ip-protocol.ts';
import { MAX_EXTENSIONS } from './limits.ts';
import { Layer, type Step, type Walk } from './walk.ts';

const HEADER_LEN = 8;
const MORE_FRAGMENTS = 0x0001;
const FRAGMENT_OFFSET = 0xfff8;

export function readIpv6Fragment(walk: Walk, frame: Frame): Step {
  const { buf, at } = walk;
  if (frame.ipVersion === 4) return Drop.TransportOther;
  if (++walk.extensions > MAX_EXTENSIONS) return Drop.TooManyExtensions;
  if (walk.end - at < HEADER_LEN) return Drop.ExtensionTruncated;
  const protocol = buf[at]!;
  const fragment = (buf[at + 2]! << 8) | buf[at + 3]!;
  walk.at = at + HEADER_LEN;
  walk.protocol = protocol;
  if ((fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) === 0) return layerOfProtocol(protocol);
  walk.fragmentId = (buf[at + 4]! << 24) | (buf[at + 5]! << 16) | (buf[at + 6]! << 8) | buf[at + 7]!;
  walk.fragmentAt = fragment & FRAGMENT_OFFSET;
  walk.fragmentMore = (fragment & MORE_FRAGMENTS) !== 0;
  return Layer.Fragment;
}
