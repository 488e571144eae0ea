import { openCapture } from '../../src/capture/open-capture.ts';
import { PacketBlock } from '../../src/capture/packet-source.ts';

export interface ReadPacket {
  readonly tsUs: number;
  readonly bytes: Uint8Array;
}

/** All packets of a capture, copied. */
export async function readPcap(path: string): Promise<ReadPacket[]> {
  const source = await openCapture(path);
  const packets: ReadPacket[] = [];
  const block = new PacketBlock();
  while (await source.next(block)) {
    for (let i = 0; i < block.count; i++) {
      const at = block.at[i]!;
      packets.push({ tsUs: block.tsUs[i]!, bytes: block.buf.slice(at, at + block.capLen[i]!) });
    }
  }
  await source.close();
  if (source.fault) throw new Error(source.fault.message);
  return packets;
}
