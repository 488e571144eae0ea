/**
 * What the decoder says of one packet: numbers into borrowed bytes. One frame is reused for every packet, so that
 * decoding allocates nothing.
 *
 *     buf  ... | source address | destination address | ... | payloadAt ... payloadEnd |
 */

import { EMPTY_BYTES } from '../bytes/cursor.ts';

/** IP protocol numbers that the sensor reads. */
export const IpProtocol = { Tcp: 6, Udp: 17 } as const;

/** TCP control bits (RFC 9293 3.1), as they stand in byte 13. */
export const TcpFlag = { Fin: 0x01, Syn: 0x02, Rst: 0x04, Psh: 0x08, Ack: 0x10 } as const;

export class Frame {
  /** The packet, or the datagram that its fragments were put together to. */
  buf: Uint8Array = EMPTY_BYTES;
  /** 4 or 6: says how long the addresses are. */
  ipVersion: 4 | 6 = 4;
  /** Offsets of the innermost IP addresses in `buf`. */
  srcAt = 0;
  dstAt = 0;
  protocol = 0;
  srcPort = 0;
  dstPort = 0;
  /** TCP sequence and acknowledgement numbers as signed 32-bit integers: compare with `(b - a) | 0`. */
  seq = 0;
  ack = 0;
  tcpFlags = 0;
  /** Payload that was captured. */
  payloadAt = 0;
  payloadEnd = 0;
  /** Payload bytes by the IP header's length: more than was captured where the snap length cut the packet. */
  payloadLen = 0;
  /** Outermost VLAN id, or -1. */
  vlanId = -1;
  /** Offset of the Ethernet addresses in the packet (destination, then source), or -1. */
  macAt = -1;
  /** The packet's own buffer: differs from `buf` for a reassembled datagram. MAC addresses lie here. */
  packet: Uint8Array = EMPTY_BYTES;
}
