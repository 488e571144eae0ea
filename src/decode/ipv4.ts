/**
 * IPv4.
 *
 *     version, header length   1      4 bits each; the length in words of four bytes
 *     type of service          1
 *     total length             2      0 where the card segments later (a capture on the sending machine)
 *     identification           2
 *     flags, fragment offset   2      3 bits, 13 bits in units of eight bytes
 *     time to live             1
 *     protocol                 1
 *     header checksum          2
 *     source, destination      8
 *     options               0..40
 *
 * RFC 791 3.1. Lax: a total length beyond the capture is believed, and what is there is read. Bytes behind the total length are
 * Ethernet padding and cut off: taken as data they would turn an empty ACK into six bytes of zeros. The checksum is not
 * looked at, since offloading leaves it wrong on honest packets. Options are skipped.
 */

import { Drop } from './drop.ts';
import type { Frame } from './frame.ts';
import { layerOfProtocol } from './ip-protocol.ts';
import { Layer, type Step, type Walk } from './walk.ts';

const MIN_HEADER_LEN = 20;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET = 0x1fff;
const ANY_FRAGMENT = 0x3fff;

export function readIpv4(walk: Walk, frame: Frame): Step {
  const { buf, at } = walk;
  const capturedLen = walk.end - at;
  if (capturedLen < MIN_HEADER_LEN) return Drop.IpTruncated;
  const first = buf[at]!;
  if (first >> 4 !== 4) return Drop.IpBadVersion;
  const headerLen = (first & 0x0f) << 2;
  if (headerLen < MIN_HEADER_LEN) return Drop.IpBadHeaderLength;
  const totalLen = (buf[at + 2]! << 8) | buf[at + 3]!;
  if (totalLen !== 0) {
    if (totalLen < headerLen) return Drop.IpLengthLies;
    walk.endAt(at + totalLen);
  }
  if (headerLen > capturedLen) return Drop.IpTruncated;

  if (frame.buf !== buf) frame.buf = buf;
  frame.ipVersion = 4;
  frame.srcAt = at + 12;
  frame.dstAt = at + 16;
  const protocol = buf[at + 9]!;
  walk.at = at + headerLen;
  walk.protocol = protocol;
  walk.extensions = 0;

  const fragment = (buf[at + 6]! << 8) | buf[at + 7]!;
  return (fragment & ANY_FRAGMENT) === 0 ? layerOfProtocol(protocol) : fragmentLayer(walk, at, fragment);
}

/** Apart, so that the reader of whole packets stays small. */
function fragmentLayer(walk: Walk, headerAt: number, fragment: number): Layer {
  const { buf } = walk;
  walk.fragmentId = (buf[headerAt + 4]! << 8) | buf[headerAt + 5]!;
  walk.fragmentAt = (fragment & FRAGMENT_OFFSET) << 3;
  walk.fragmentMore = (fragment & MORE_FRAGMENTS) !== 0;
  return Layer.Fragment;
}
