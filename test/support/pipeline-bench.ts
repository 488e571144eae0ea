/** A pipeline fed with packets from memory or a capture, and copies of what its sink got. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openCapture } from '../../src/capture/open-capture.ts';
import { PacketBlock } from '../../src/capture/packet-source.ts';
import type { ConnectionFacts } from '../../src/event/event-facts.ts';
import { Pipeline, type PipelineOptions } from '../../src/sensor/pipeline.ts';
import type { Handshake } from '../../src/tls/handshake.ts';
import type { Chain } from '../../src/x509/certificate.ts';
import type { WirePacket } from '../../tools/make-pcap/capture-writer.ts';
import { CORPUS } from './tiny-capture.ts';

export interface SeenHandshake {
  readonly connection: ConnectionFacts;
  readonly handshake: Handshake<Chain>;
  readonly seq: number;
  readonly captureFile: string;
}

export class PipelineBench {
  readonly seen: SeenHandshake[] = [];
  readonly pipeline: Pipeline;

  constructor(options: Partial<PipelineOptions> = {}) {
    const onHandshake: ConstructorParameters<typeof Pipeline>[0]['onHandshake'] = (facts) => {
      this.seen.push({ ...facts, connection: { ...facts.connection } });
    };
    this.pipeline = new Pipeline({ onHandshake }, { scoring: 'faithful', seed: 7, ...options });
  }

  /** Reads Ethernet packets. Their block is wiped after each: what is kept of them must be a copy. */
  read(packets: readonly WirePacket[]): this {
    for (const packet of packets) {
      const block = new PacketBlock();
      block.buf = packet.bytes.slice();
      block.count = 1;
      block.capLen[0] = packet.bytes.length;
      block.wireLen[0] = packet.wireLen ?? packet.bytes.length;
      block.tsUs[0] = Number(packet.tsNs / 1000n);
      this.pipeline.read(block, [{ name: 'mirror0', linkType: 1 }]);
      block.buf.fill(0xee);
    }
    return this;
  }

  finish(): readonly SeenHandshake[] {
    this.pipeline.finish();
    return this.seen;
  }
}

/** Path of a corpus capture by its name without the ending, or empty where it is missing. */
export function corpusPath(name: string): string {
  const found = ['.pcap', '.pcapng'].map((ending) => join(CORPUS, name + ending)).find((path) => existsSync(path));
  return found ?? '';
}

/** All handshakes of a capture, each packet cut to `snapLen` bytes first. */
export async function readCapture(path: string, snapLen = Number.POSITIVE_INFINITY): Promise<PipelineBench> {
  const bench = new PipelineBench();
  const source = await openCapture(path);
  const block = new PacketBlock();
  while (await source.next(block)) {
    for (let i = 0; i < block.count; i++) block.capLen[i] = Math.min(block.capLen[i]!, snapLen);
    bench.pipeline.read(block, source.interfaces);
  }
  await source.close();
  bench.finish();
  return bench;
}
