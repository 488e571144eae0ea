/**
 * The headers of nearly every packet, read in one go: Ethernet, IP without fragments or extension headers, TCP, nothing cut.
 *
 *     destination 6 | source 6 | 08 00 | 45.. length .. 06 .. | TCP
 *     destination 6 | source 6 | 86 dd | 6... length 06 .. ..  | TCP
 *
 * A short cut, not another reader: whatever is unusual in any way is left to the readers of the single headers, and what is
 * accepted here leaves the frame as they would (a test holds the two against each other). It is worth its own file because
 * the walk from layer to layer costs as much again as the reading.
 */
import { type Frame, IpProtocol } from './frame.ts';

const ETHERNET_LEN = 14;
const IPV4_LEN = 20;
const IPV6_LEN = 40;
const TCP_LEN = 20;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ANY_FRAGMENT = 0x3fff;

/** Fills the frame and answers true, or answers false and leaves the packet to the readers of single headers. */
export function decodePlainTcp(buf: Uint8Array, at: number, end: number, frame: Frame): boolean {
  const ip = at + ETHERNET_LEN;
  if (end - ip < IPV4_LEN + TCP_LEN) return false;
  const etherType = (buf[at + 12]! << 8) | buf[at + 13]!;
  let tcp: number;
  let ipEnd: number;
  if (etherType === ETHERTYPE_IPV4) {
    const first = buf[ip]!;
    const fragment = (buf[ip + 6]! << 8) | buf[ip + 7]!;
    if (first < 0x45 || first > 0x4f || buf[ip + 9] !== IpProtocol.Tcp || (fragment & ANY_FRAGMENT) !== 0) return false;
    tcp = ip + ((first & 0x0f) << 2);
    ipEnd = ip + ((buf[ip + 2]! << 8) | buf[ip + 3]!);
    frame.ipVersion = 4;
    frame.srcAt = ip + 12;
    frame.dstAt = ip + 16;
  } else if (etherType === ETHERTYPE_IPV6) {
    if (end - ip < IPV6_LEN + TCP_LEN || buf[ip]! >> 4 !== 6 || buf[ip + 6] !== IpProtocol.Tcp) return false;
    tcp = ip + IPV6_LEN;
    ipEnd = tcp + ((buf[ip + 4]! << 8) | buf[ip + 5]!);
    frame.ipVersion = 6;
    frame.srcAt = ip + 8;
    frame.dstAt = ip + 24;
  } else return false;
  if (ipEnd > end || ipEnd - tcp < TCP_LEN) return false;
  const payloadAt = tcp + ((buf[tcp + 12]! >> 4) << 2);
  if (payloadAt < tcp + TCP_LEN || payloadAt > ipEnd) return false;

  // The buffer hardly ever changes, and storing it anew costs the garbage collector's bookkeeping.
  if (frame.buf !== buf) frame.buf = buf;
  if (frame.packet !== buf) frame.packet = buf;
  frame.macAt = at;
  frame.vlanId = -1;
  frame.protocol = IpProtocol.Tcp;
  frame.srcPort = (buf[tcp]! << 8) | buf[tcp + 1]!;
  frame.dstPort = (buf[tcp + 2]! << 8) | buf[tcp + 3]!;
  frame.seq = (buf[tcp + 4]! << 24) | (buf[tcp + 5]! << 16) | (buf[tcp + 6]! << 8) | buf[tcp + 7]!;
  frame.ack = (buf[tcp + 8]! << 24) | (buf[tcp + 9]! << 16) | (buf[tcp + 10]! << 8) | buf[tcp + 11]!;
  frame.tcpFlags = buf[tcp + 13]!;
  frame.payloadAt = payloadAt;
  frame.payloadEnd = ipEnd;
  frame.payloadLen = ipEnd - payloadAt;
  return true;
}
