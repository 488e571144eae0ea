/**
 * Half-open connections: SYNs and nothing else, each flow's SYN repeated in rounds as its sender would after no answer.
 *
 *     round 1   flow 0, flow 1, … flow n-1      round 2   flow 0, flow 1, …
 *
 * With as many packets over fewer flows, the difference between two files is what a large table costs, and nothing else.
 */
import { buildIp, buildLink, buildTcp, LinkType, Tcp } from '../tools/make-pcap/packet-writer.ts';
import { DEFAULT_START_NS } from '../tools/make-pcap/tcp-conversation.ts';
import type { PcapFile } from './pcap-file.ts';
import { adjustChecksum, replaceWord } from './readdress.ts';

const SRC = '198.18.0.0';
const DST = '198.19.0.1';

const IP_AT = 14;
const IP_CHECKSUM_AT = IP_AT + 10;
const SRC_HOST_AT = IP_AT + 14;
const TCP_AT = IP_AT + 20;
const TCP_CHECKSUM_AT = TCP_AT + 16;

const FIRST_PORT = 1024;
const HOSTS = 65_536;

/** 200,000 SYNs a second: a million flows begin within five seconds, far below any idle time-out. */
const GAP_US = 5;

/** MSS, SACK, timestamps, window scale: the 20 bytes that a SYN of Linux has. */
const OPTIONS = Uint8Array.of(2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7);

/** Writes `rounds` SYNs of each of `flows` flows. */
export function writeSynFlood(flows: number, rounds: number, file: PcapFile): void {
  const fields = { srcPort: FIRST_PORT, dstPort: 443, seq: 0, ack: 0, flags: Tcp.Syn, options: OPTIONS };
  const segment = buildTcp(SRC, DST, fields, new Uint8Array(0));
  const link = { srcMac: '02:00:5e:10:00:01', dstMac: '02:00:5e:20:00:01' };
  const syn = buildLink(LinkType.Ethernet, link, buildIp({ src: SRC, dst: DST, protocol: 6 }, segment));
  let tsUs = Number(DEFAULT_START_NS / 1000n);
  for (let round = 0; round < rounds; round++) {
    for (let flow = 0; flow < flows; flow++) {
      const { buf } = file;
      const at = file.put(tsUs, syn, 0, syn.length);
      const host = flow % HOSTS;
      // The address counts in both checksums; it was zero in the template.
      adjustChecksum(buf, at + IP_CHECKSUM_AT, 0, host);
      replaceWord(buf, at + SRC_HOST_AT, host, at + TCP_CHECKSUM_AT);
      replaceWord(buf, at + TCP_AT, FIRST_PORT + Math.floor(flow / HOSTS), at + TCP_CHECKSUM_AT);
      // Both halves of the sequence number differ from flow to flow, and not from round to round.
      const seq = Math.imul(flow, 0x9e3779b1) >>> 0;
      replaceWord(buf, at + TCP_AT + 4, seq >>> 16, at + TCP_CHECKSUM_AT);
      replaceWord(buf, at + TCP_AT + 6, seq & 0xffff, at + TCP_CHECKSUM_AT);
      tsUs += GAP_US;
    }
  }
}
