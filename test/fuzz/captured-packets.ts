/** Captures as lists of packets: read from the bytes of a file with the capture room's own walkers, and written again. */
import { type ByteWindow, FixedWindow } from '../../src/capture/byte-window.ts';
import {
  type CaptureCounters,
  type CaptureFault,
  type CaptureInterface,
  PacketBlock,
} from '../../src/capture/packet-source.ts';
import { PCAP_HEADER_LEN, PcapWalker, parsePcapHeader } from '../../src/capture/pcap.ts';
import { PcapngWalker, probePcapng } from '../../src/capture/pcapng.ts';
import { emptyCounters, type RecordWalker } from '../../src/capture/record-walker.ts';
import { buildPcap, buildPcapng } from '../../tools/make-pcap/capture-writer.ts';
import { promise } from './fuzz-target.ts';
import type { Random } from './random.ts';

export interface CapturedPacket {
  readonly linkType: number;
  /** Microseconds since 1970. */
  readonly tsUs: number;
  readonly wireLen: number;
  readonly bytes: Uint8Array;
}

export interface WalkedCapture {
  readonly counters: CaptureCounters;
  readonly fault: CaptureFault | null;
}

/** Blocks that one capture may fill before it is called endless: a block without progress would never end. */
const MAX_BLOCKS = 100_000;

const block = new PacketBlock();

/**
 * Walks a capture as `OfflineCapture` does, and calls back for each block. Null where the bytes begin no capture, else the
 * sums at its end.
 */
export function walkCapture(
  window: ByteWindow,
  onBlock: (block: PacketBlock, interfaces: readonly CaptureInterface[]) => void,
): WalkedCapture | null {
  refillNow(window, PCAP_HEADER_LEN);
  const counters = emptyCounters();
  const header = parsePcapHeader(window.buf, window.pos, window.end);
  let walker: RecordWalker;
  if (header !== null) {
    window.pos += PCAP_HEADER_LEN;
    walker = new PcapWalker(header, counters);
  } else if (probePcapng(window.buf, window.pos, window.end)) {
    walker = new PcapngWalker(counters);
  } else {
    return null;
  }
  let blocks = 0;
  for (;;) {
    promise(blocks++ < MAX_BLOCKS, 'the walker makes no progress');
    block.count = 0;
    walker.walk(window, block);
    if (block.count > 0) {
      onBlock(block, walker.interfaces);
      continue;
    }
    if (walker.fault !== null) return { counters, fault: walker.fault };
    if (refillNow(window, walker.need)) continue;
    walker.finish(window, block);
    if (block.count > 0) onBlock(block, walker.interfaces);
    return { counters, fault: walker.fault };
  }
}

function refillNow(window: ByteWindow, need: number): boolean {
  const isThere = window.refill(need);
  promise(typeof isThere === 'boolean', 'bytes in memory were awaited');
  return isThere;
}

/** Copies of the first packets of a capture; none where the bytes are no capture. */
export function readCapture(file: Uint8Array, maxPackets: number): CapturedPacket[] {
  const packets: CapturedPacket[] = [];
  walkCapture(new FixedWindow(file), ({ buf, at, capLen, wireLen, tsUs, iface, count }, interfaces) => {
    for (let i = 0; i < count && packets.length < maxPackets; i++) {
      packets.push({
        linkType: interfaces[iface[i]!]!.linkType,
        tsUs: tsUs[i]!,
        wireLen: wireLen[i]!,
        bytes: buf.slice(at[i], at[i]! + capLen[i]!),
      });
    }
  });
  return packets;
}

/** A file of these packets, in a format and a byte order that the random numbers choose. */
export function writeCapture(packets: readonly CapturedPacket[], random: Random): Uint8Array {
  const linkTypes = [...new Set(packets.map((packet) => packet.linkType))];
  const wire = packets.map(({ linkType, tsUs, wireLen, bytes }) => ({
    tsNs: BigInt(Math.max(0, Math.floor(tsUs))) * 1000n,
    bytes,
    wireLen,
    iface: linkTypes.indexOf(linkType),
  }));
  const isNano = random.oneIn(8);
  if (linkTypes.length > 1 || random.oneIn(6)) {
    return buildPcapng(
      wire,
      linkTypes.map((linkType, i) => ({ name: `if${i}`, linkType, isNano })),
    );
  }
  return buildPcap(wire, { linkType: linkTypes[0] ?? 1, isNano, isBigEndian: random.oneIn(8) });
}
