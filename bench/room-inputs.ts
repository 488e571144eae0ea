/**
 * What the rooms are measured with: packets of a capture in memory, and what a pipeline found in them.
 */
import { openCapture } from '../src/capture/open-capture.ts';
import { type CaptureInterface, PacketBlock } from '../src/capture/packet-source.ts';
import { Decoder } from '../src/decode/decode-packet.ts';
import { Drop } from '../src/decode/drop.ts';
import { Frame, IpProtocol } from '../src/decode/frame.ts';
import type { EventFacts } from '../src/event/event-facts.ts';
import type { GapReason, StreamHandler } from '../src/flow/stream-handler.ts';
import { Want } from '../src/flow/stream-handler.ts';
import { TcpTracker } from '../src/flow/tcp-tracker.ts';
import { Pipeline } from '../src/sensor/pipeline.ts';

export interface RoomInputs {
  readonly blocks: readonly PacketBlock[];
  readonly interfaces: readonly CaptureInterface[];
  readonly packets: number;
  /** Bodies of ClientHello messages. */
  readonly hellos: readonly Uint8Array[];
  /** Distinct certificates. */
  readonly certificates: readonly Uint8Array[];
  /** Bodies of Certificate messages, rebuilt from distinct chains. */
  readonly chains: readonly Uint8Array[];
  readonly facts: readonly EventFacts[];
}

/** About 80 MB of a capture of handshakes, far more than any cache holds. */
const MAX_PACKETS = 260_000;
const MAX_FACTS = 5000;

/** record type 1, version 2, length 2, handshake type 1, length 3. */
const HELLO_AT = 9;

export async function loadRoomInputs(path: string): Promise<RoomInputs> {
  const source = await openCapture(path);
  const blocks: PacketBlock[] = [];
  let packets = 0;
  try {
    for (
      let block = new PacketBlock();
      packets < MAX_PACKETS && (await source.next(block));
      block = new PacketBlock()
    ) {
      // The source will use its buffer again.
      const first = block.at[0]!;
      const last = block.count - 1;
      block.buf = block.buf.slice(first, block.at[last]! + block.capLen[last]!);
      for (let i = 0; i < block.count; i++) block.at[i]! -= first;
      blocks.push(block);
      packets += block.count;
    }
  } finally {
    await source.close();
  }
  const { interfaces } = source;
  const facts = collectFacts(blocks, interfaces);
  const chains = new Set(facts.flatMap(({ handshake }) => handshake.serverCertificates ?? []));
  const certificates = new Set([...chains].flatMap((chain) => chain.certificates.map(({ der }) => der)));
  return {
    blocks,
    interfaces,
    packets,
    hellos: collectHellos(blocks, interfaces),
    certificates: [...certificates],
    chains: [...chains].map((chain) => toCertificateList(chain.certificates.map(({ der }) => der))),
    facts,
  };
}

/** Each packet that decodes to TCP, in order. */
export function eachFrame(
  blocks: readonly PacketBlock[],
  interfaces: readonly CaptureInterface[],
  visit: (frame: Frame, tsUs: number) => void,
): void {
  const decoder = new Decoder();
  const frame = new Frame();
  for (const block of blocks) {
    const { buf, at, capLen, wireLen, iface, tsUs } = block;
    for (let i = 0; i < block.count; i++) {
      const { linkType } = interfaces[iface[i]!]!;
      const nowS = (tsUs[i]! / 1e6) | 0;
      const drop = decoder.decode(linkType, buf, at[i]!, at[i]! + capLen[i]!, wireLen[i]!, nowS, frame);
      if (drop === Drop.Decoded && frame.protocol === IpProtocol.Tcp) visit(frame, tsUs[i]!);
    }
  }
}

function collectFacts(blocks: readonly PacketBlock[], interfaces: readonly CaptureInterface[]): EventFacts[] {
  const facts: EventFacts[] = [];
  const sink = {
    onHandshake(of: EventFacts): void {
      // The pipeline uses one object for all events; the handshake is each one's own.
      if (facts.length < MAX_FACTS) facts.push({ ...of, connection: { ...of.connection } });
    },
  };
  const pipeline = new Pipeline(sink, { scoring: 'refined' });
  pipeline.begin('handshakes.pcap');
  for (const block of blocks) pipeline.read(block, interfaces);
  pipeline.finish();
  return facts;
}

/** Hellos that lie within the first bytes of a flow. */
class HelloCollector implements StreamHandler {
  readonly hellos: Uint8Array[] = [];

  onBytes(_slot: number, _side: 0 | 1, buf: Uint8Array, at: number, end: number): Want {
    const len = (buf[at + 6]! << 16) | (buf[at + 7]! << 8) | buf[at + 8]!;
    const isHello = end - at >= HELLO_AT + len && buf[at] === 22 && buf[at + 5] === 1;
    if (isHello && this.hellos.length < MAX_FACTS) this.hellos.push(buf.slice(at + HELLO_AT, at + HELLO_AT + len));
    return Want.Nothing;
  }

  onGap(_slot: number, _side: 0 | 1, _missing: number, _reason: GapReason): Want {
    return Want.Nothing;
  }

  onEnd(): void {
    // Nothing is kept of a flow.
  }
}

function collectHellos(blocks: readonly PacketBlock[], interfaces: readonly CaptureInterface[]): Uint8Array[] {
  const collector = new HelloCollector();
  const tracker = new TcpTracker(collector, { seed: 1 });
  eachFrame(blocks, interfaces, (frame, tsUs) => {
    tracker.advance(tsUs);
    tracker.packet(frame);
  });
  return collector.hellos;
}

/** certificate_list, 3 + n: certificate 3 + n (RFC 5246 7.4.2). */
function toCertificateList(ders: readonly Uint8Array[]): Uint8Array {
  const out = Buffer.alloc(3 + ders.reduce((sum, der) => sum + 3 + der.length, 0));
  out.writeUIntBE(out.length - 3, 0, 3);
  let at = 3;
  for (const der of ders) {
    out.writeUIntBE(der.length, at, 3);
    out.set(der, at + 3);
    at += 3 + der.length;
  }
  return out;
}
