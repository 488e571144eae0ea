import { describe, expect, it } from 'vitest';
import { PacketBlock } from '../../src/capture/packet-source.ts';
import { Frame, IpProtocol, TcpFlag } from '../../src/decode/frame.ts';
import { MAX_ASSEMBLY_BYTES } from '../../src/sensor/limits.ts';
import { Pipeline } from '../../src/sensor/pipeline.ts';
import { MAX_CERTIFICATE_BYTES, MAX_RECORD_BYTES } from '../../src/tls/limits.ts';

/** 192.0.2.1 to 198.51.100.2. */
const ADDRESSES = [192, 0, 2, 1, 198, 51, 100, 2];

function frameOf(port: number, seq: number, payload: Uint8Array): Frame {
  const frame = new Frame();
  frame.buf = Uint8Array.from([...ADDRESSES, ...payload]);
  frame.dstAt = 4;
  frame.protocol = IpProtocol.Tcp;
  frame.srcPort = 443;
  frame.dstPort = port;
  frame.seq = seq;
  frame.tcpFlags = TcpFlag.Ack;
  frame.payloadAt = ADDRESSES.length;
  frame.payloadEnd = frame.buf.length;
  frame.payloadLen = payload.length;
  return frame;
}

/** A record of `size` bytes; the first begins a Certificate message that claims to be as long as one may be. */
function recordOf(isFirst: boolean, size: number): Uint8Array {
  const record = new Uint8Array(5 + size);
  record.set([0x16, 3, 3, size >> 8, size & 0xff]);
  if (!isFirst) return record;
  const body = MAX_CERTIFICATE_BYTES;
  const list = body - 3;
  record.set([11, body >> 16, (body >> 8) & 0xff, body & 0xff, list >> 16, (list >> 8) & 0xff, list & 0xff], 5);
  return record;
}

describe('Pipeline: half-finished messages', () => {
  it('lets the handshakes that began first go when their messages add up to the cap', () => {
    const pipeline = new Pipeline({ onHandshake: () => undefined }, { scoring: 'refined' });
    const size = MAX_RECORD_BYTES - 2048;
    const records = Math.floor(MAX_CERTIFICATE_BYTES / size);
    const flows = 80;
    let most = 0;
    pipeline.read(new PacketBlock(), [{ name: '', linkType: 1 }]);
    pipeline.tracker.advance(1e15);
    for (let flow = 0; flow < flows; flow++) {
      let seq = 1;
      for (let i = 0; i < records; i++) {
        const record = recordOf(i === 0, size);
        pipeline.tracker.packet(frameOf(1000 + flow, seq, record));
        seq += record.length;
        most = Math.max(most, pipeline.assemblyBytes);
      }
    }
    expect(most).toBeGreaterThan(MAX_ASSEMBLY_BYTES / 2);
    expect(most).toBeLessThanOrEqual(MAX_ASSEMBLY_BYTES + 2 * MAX_CERTIFICATE_BYTES);
    expect(pipeline.tracker.counters.evicted).toBeGreaterThan(0);
    pipeline.finish();
    expect(pipeline.assemblyBytes).toBe(0);
  });
});
