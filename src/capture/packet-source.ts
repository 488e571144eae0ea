/**
 * Where packets come from. Files, standard input and live interfaces differ only behind this interface.
 *
 * A source fills a block at a time: offsets into one buffer, not an object a packet. The block and its bytes belong to
 * the source and are valid until the next call of `next`; whoever keeps bytes copies them.
 */

import { EMPTY_BYTES } from '../bytes/cursor.ts';

/** Packets a block can name. 28 bytes each: 112 KiB, which stays in the second-level cache. */
export const BLOCK_PACKETS = 4096;

/** One interface of a capture: where its packets came from and how their first header reads. */
export interface CaptureInterface {
  /** As the capture names it (`eth1`), or empty. */
  readonly name: string;
  /** LINKTYPE_ value, https://www.tcpdump.org/linktypes.html */
  readonly linkType: number;
}

/** A run of packets in one buffer. Packet `i` is `buf[at[i], at[i] + capLen[i])`. */
export class PacketBlock {
  buf: Uint8Array = EMPTY_BYTES;
  count = 0;
  readonly at: Int32Array = new Int32Array(BLOCK_PACKETS);
  /** Bytes of the packet that were captured. */
  readonly capLen: Int32Array = new Int32Array(BLOCK_PACKETS);
  /** Bytes of the packet on the wire; more than `capLen` where the snap length cut it. */
  readonly wireLen: Int32Array = new Int32Array(BLOCK_PACKETS);
  /** Microseconds since 1970, a whole number (below 2^53 until the year 2255). */
  readonly tsUs: Float64Array = new Float64Array(BLOCK_PACKETS);
  /** Index into the source's `interfaces`. */
  readonly iface: Uint16Array = new Uint16Array(BLOCK_PACKETS);
}

/** Why a source ended before its bytes did. Found on the wire side, so it is told, not thrown. */
export interface CaptureFault {
  readonly code: 'cut' | 'corrupt' | 'decompression';
  /** Bytes from the beginning of the (decompressed) capture. */
  readonly offset: number;
  /** A sentence for the user, without the file's name. */
  readonly message: string;
}

/** What a source has read so far. */
export interface CaptureCounters {
  packets: number;
  /** Captured bytes of packets. */
  bytes: number;
  /** Packets that the snap length cut. */
  truncated: number;
  /** Bytes read from the file as it lies on disk, for progress. */
  fileBytes: number;
  /** Blocks of a pcapng file that were stepped over: statistics, names, secrets, and unknown ones. */
  skippedBlocks: number;
}

export interface PacketSource {
  /** As the user named it: a path, `-`, or an interface. */
  readonly name: string;
  /** Size on disk in bytes, or 0 where it can't be known. */
  readonly sizeBytes: number;
  /** Grows while a capture is read. */
  readonly interfaces: readonly CaptureInterface[];
  readonly counters: Readonly<CaptureCounters>;
  /** Set once the source ended early. */
  readonly fault: CaptureFault | null;
  /** Fills `block` with the next run of packets; false at the end. Throws `CaptureError` only for operational errors. */
  next(block: PacketBlock): Promise<boolean>;
  close(): Promise<void>;
}
