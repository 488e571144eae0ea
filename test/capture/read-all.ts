/** Reads a capture to its end and keeps copies of its packets, for the tests of this room. */

import { toHex } from '../../src/bytes/hex.ts';
import { FixedWindow } from '../../src/capture/byte-window.ts';
import { openCaptureWindow } from '../../src/capture/open-capture.ts';
import {
  type CaptureCounters,
  type CaptureFault,
  type CaptureInterface,
  PacketBlock,
  type PacketSource,
} from '../../src/capture/packet-source.ts';

interface ReadPacket {
  readonly hex: string;
  readonly wireLen: number;
  readonly tsUs: number;
  readonly iface: number;
}

export interface ReadCapture {
  readonly packets: readonly ReadPacket[];
  readonly fault: CaptureFault | null;
  readonly counters: Readonly<CaptureCounters>;
  readonly interfaces: readonly CaptureInterface[];
}

/** Closes the source. Fails where a packet lies outside its buffer. */
export async function readAll(source: PacketSource): Promise<ReadCapture> {
  const block = new PacketBlock();
  const packets: ReadPacket[] = [];
  while (await source.next(block)) {
    if (block.count === 0) throw new Error('a block without packets');
    for (let i = 0; i < block.count; i++) {
      const at = block.at[i]!;
      const end = at + block.capLen[i]!;
      if (at < 0 || end < at || end > block.buf.length) throw new Error(`packet outside its buffer: ${at}..${end}`);
      if (block.iface[i]! >= source.interfaces.length) throw new Error('a packet of an unknown interface');
      if (!Number.isInteger(block.tsUs[i]!)) throw new Error(`time is not whole: ${block.tsUs[i]}`);
      packets.push({
        hex: toHex(block.buf, at, end),
        wireLen: block.wireLen[i]!,
        tsUs: block.tsUs[i]!,
        iface: block.iface[i]!,
      });
    }
  }
  if (await source.next(block)) throw new Error('a packet after the end');
  await source.close();
  return { packets, fault: source.fault, counters: source.counters, interfaces: source.interfaces };
}

export async function readBytes(bytes: Uint8Array): Promise<ReadCapture> {
  return readAll(await openCaptureWindow('test', bytes.length, new FixedWindow(bytes)));
}
