/**
 * Moves a packet into another network, checksums kept right by what changed (RFC 1624), not by reading the packet again.
 *
 *     IPv4   198.18.K.host  <->  198.19.K.host        (RFC 2544: addresses of benchmarks)
 *     IPv6   2001:2:0:K::host                         (RFC 5180)
 *
 * `K` is the network: 0 in what was recorded, 1 and up in its copies. Packets are Ethernet without tags, and TCP.
 */

const IP_AT = 14;
/** Offset in a packet of the source address's 16 bits that hold K, and how far it is from there to the destination's. */
const V4_NETWORK_AT = IP_AT + 12 + 2;
const V4_STEP = 4;
const V4_CHECKSUM_AT = IP_AT + 10;
const V6_NETWORK_AT = IP_AT + 8 + 6;
const V6_STEP = 16;
const V6_TCP_AT = IP_AT + 40;
const TCP_CHECKSUM = 16;

/** K is one octet of an IPv4 address. */
export const MAX_NETWORKS = 256;

/** Moves the packet at `at` from network 0 to `network`. */
export function moveToNetwork(buf: Uint8Array, at: number, network: number): void {
  if (buf[at + IP_AT]! >> 4 === 6) {
    const sumAt = at + V6_TCP_AT + TCP_CHECKSUM;
    for (const wordAt of [at + V6_NETWORK_AT, at + V6_NETWORK_AT + V6_STEP]) replaceWord(buf, wordAt, network, sumAt);
    return;
  }
  const tcpSumAt = at + IP_AT + (buf[at + IP_AT]! & 0x0f) * 4 + TCP_CHECKSUM;
  for (const wordAt of [at + V4_NETWORK_AT, at + V4_NETWORK_AT + V4_STEP]) {
    const word = (network << 8) | buf[wordAt + 1]!;
    const old = readWord(buf, wordAt);
    adjustChecksum(buf, at + V4_CHECKSUM_AT, old, word);
    replaceWord(buf, wordAt, word, tcpSumAt);
  }
}

/** Writes 16 bits and corrects the checksum at `sumAt` that covers them. */
export function replaceWord(buf: Uint8Array, wordAt: number, word: number, sumAt: number): void {
  adjustChecksum(buf, sumAt, readWord(buf, wordAt), word);
  writeWord(buf, wordAt, word);
}

/** HC' = ~(~HC + ~m + m'), RFC 1624 3. */
export function adjustChecksum(buf: Uint8Array, sumAt: number, oldWord: number, newWord: number): void {
  let sum = (~readWord(buf, sumAt) & 0xffff) + (~oldWord & 0xffff) + newWord;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  writeWord(buf, sumAt, ~sum & 0xffff);
}

function readWord(buf: Uint8Array, at: number): number {
  return (buf[at]! << 8) | buf[at + 1]!;
}

function writeWord(buf: Uint8Array, at: number, word: number): void {
  buf[at] = word >> 8;
  buf[at + 1] = word & 0xff;
}
