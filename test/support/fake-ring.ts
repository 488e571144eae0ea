/** A TPACKET_V3 ring in plain memory, written as the kernel writes one (<linux/if_packet.h>). */

export interface FakePacket {
  readonly bytes: Uint8Array;
  readonly wireLength?: number;
  readonly seconds?: number;
  readonly nanoseconds?: number;
  /** The tag that was taken out: tag control information, and its protocol where that is known. */
  readonly vlan?: { readonly tci: number; readonly tpid?: number };
  /** sll_pkttype. */
  readonly type?: number;
}

const BLOCK_HEADER_BYTES = 48;
/** Header, address, and the room that PACKET_RESERVE asks for. */
const MAC_OFFSET = 48 + 20 + 14;
const HAS_VLAN = 1 << 4;
const HAS_TPID = 1 << 6;

export class FakeRing {
  readonly buffer: ArrayBuffer;
  readonly view: DataView;
  readonly #blockBytes: number;

  constructor(blockBytes: number, blocks: number) {
    this.buffer = new ArrayBuffer(blockBytes * blocks);
    this.view = new DataView(this.buffer);
    this.#blockBytes = blockBytes;
  }

  status(block: number): number {
    return this.view.getUint32(block * this.#blockBytes + 8, true);
  }

  /** Offset of the header of each packet. */
  fill(block: number, packets: readonly FakePacket[]): number[] {
    const start = block * this.#blockBytes;
    const headers: number[] = [];
    let at = start + BLOCK_HEADER_BYTES;
    for (const packet of packets) {
      headers.push(at);
      const length = MAC_OFFSET + packet.bytes.length;
      const next = (length + 7) & ~7;
      this.#writeHeader(at, next, packet);
      at += next;
    }
    if (at > start + this.#blockBytes) throw new Error('the packets do not fit into the block');
    this.view.setUint32(start, 1, true);
    this.view.setUint32(start + 12, packets.length, true);
    this.view.setUint32(start + 16, BLOCK_HEADER_BYTES, true);
    this.view.setUint32(start + 20, at - start, true);
    this.view.setUint32(start + 8, 1, true);
    return headers;
  }

  #writeHeader(at: number, next: number, packet: FakePacket): void {
    const { view } = this;
    const { vlan } = packet;
    view.setUint32(at, next, true);
    view.setUint32(at + 4, packet.seconds ?? 0, true);
    view.setUint32(at + 8, packet.nanoseconds ?? 0, true);
    view.setUint32(at + 12, packet.bytes.length, true);
    view.setUint32(at + 16, packet.wireLength ?? packet.bytes.length, true);
    view.setUint32(at + 20, 1 | (vlan === undefined ? 0 : HAS_VLAN | (vlan.tpid === undefined ? 0 : HAS_TPID)), true);
    view.setUint16(at + 24, MAC_OFFSET, true);
    view.setUint16(at + 26, MAC_OFFSET + 14, true);
    view.setUint32(at + 32, vlan?.tci ?? 0, true);
    view.setUint16(at + 36, vlan?.tpid ?? 0, true);
    view.setUint8(at + 48 + 10, packet.type ?? 0);
    new Uint8Array(this.buffer).set(packet.bytes, at + MAC_OFFSET);
  }
}
