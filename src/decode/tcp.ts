/**
 * TCP.
 *
 *     source, destination port   4
 *     sequence number            4
 *     acknowledgement number     4
 *     data offset                1      high 4 bits, in words of four bytes
 *     control bits               1
 *     window, checksum, urgent   6
 *     options                0..40
 *
 * RFC 9293 3.1. Options are skipped, also where the snap length cut them: ports, numbers and flags still count. The checksum is
 * not looked at, since offloading leaves it wrong on honest packets.
 */

import { Drop } from './drop.ts';
import { type Frame, IpProtocol } from './frame.ts';
import type { Walk } from './walk.ts';

const MIN_HEADER_LEN = 20;

export function readTcp(walk: Walk, frame: Frame): Drop {
  const { buf, at, end } = walk;
  if (end - at < MIN_HEADER_LEN) return Drop.TcpTruncated;
  const headerLen = (buf[at + 12]! >> 4) << 2;
  const payloadLen = walk.fullEnd - at - headerLen;
  if (headerLen < MIN_HEADER_LEN || payloadLen < 0) return Drop.TcpBadOffset;

  frame.protocol = IpProtocol.Tcp;
  frame.srcPort = (buf[at]! << 8) | buf[at + 1]!;
  frame.dstPort = (buf[at + 2]! << 8) | buf[at + 3]!;
  frame.seq = (buf[at + 4]! << 24) | (buf[at + 5]! << 16) | (buf[at + 6]! << 8) | buf[at + 7]!;
  frame.ack = (buf[at + 8]! << 24) | (buf[at + 9]! << 16) | (buf[at + 10]! << 8) | buf[at + 11]!;
  frame.tcpFlags = buf[at + 13]!;
  frame.payloadAt = Math.min(at + headerLen, end);
  frame.payloadEnd = end;
  frame.payloadLen = payloadLen;
  return Drop.Decoded;
}
