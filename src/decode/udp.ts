/**
 * UDP.
 *
 *     source, destination port   4
 *     length                     2      header and data; 0: as long as the IP payload (RFC 2675 4)
 *     checksum                   2
 *
 * RFC 768. A length shorter than the IP payload cuts the data (what follows is surplus, RFC 9868); a longer one is refused, as hosts
 * do. The checksum is not looked at.
 */

import { Drop } from './drop.ts';
import { type Frame, IpProtocol } from './frame.ts';
import { layerOfUdpPort } from './udp-port.ts';
import type { Step, Walk } from './walk.ts';

const HEADER_LEN = 8;

export function readUdp(walk: Walk, frame: Frame): Step {
  const { buf, at } = walk;
  if (walk.end - at < HEADER_LEN) return Drop.UdpTruncated;
  const length = (buf[at + 4]! << 8) | buf[at + 5]!;
  if (length !== 0) {
    if (length < HEADER_LEN || length > walk.fullEnd - at) return Drop.UdpBadLength;
    walk.endAt(at + length);
  }
  frame.protocol = IpProtocol.Udp;
  frame.srcPort = (buf[at]! << 8) | buf[at + 1]!;
  frame.dstPort = (buf[at + 2]! << 8) | buf[at + 3]!;
  frame.seq = 0;
  frame.ack = 0;
  frame.tcpFlags = 0;
  frame.payloadAt = at + HEADER_LEN;
  frame.payloadEnd = walk.end;
  frame.payloadLen = walk.fullEnd - at - HEADER_LEN;
  walk.at = at + HEADER_LEN;
  return layerOfUdpPort(frame.srcPort, frame.dstPort);
}
