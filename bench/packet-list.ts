/** Packets in order of time: one buffer and three arrays of numbers, so that copies of copies cost no object each. */
import type { WirePacket } from '../tools/make-pcap/capture-writer.ts';

export interface PacketList {
  readonly buf: Uint8Array;
  readonly at: Int32Array;
  readonly len: Int32Array;
  /** Microseconds since 1970. */
  readonly tsUs: Float64Array;
}

export function toPacketList(packets: readonly WirePacket[]): PacketList {
  const sorted = packets.toSorted((a, b) => (a.tsNs < b.tsNs ? -1 : a.tsNs > b.tsNs ? 1 : 0));
  const buf = new Uint8Array(sorted.reduce((sum, packet) => sum + packet.bytes.length, 0));
  const at = new Int32Array(sorted.length);
  const len = new Int32Array(sorted.length);
  const tsUs = new Float64Array(sorted.length);
  let next = 0;
  for (const [i, packet] of sorted.entries()) {
    buf.set(packet.bytes, next);
    at[i] = next;
    len[i] = packet.bytes.length;
    tsUs[i] = Number(packet.tsNs / 1000n);
    next += packet.bytes.length;
  }
  return { buf, at, len, tsUs };
}
