/** TCP reassembly over whole captures: every flow ends once, nothing is held afterwards, and the counters add up. */
import { Decoder } from '../../src/decode/decode-packet.ts';
import { Drop } from '../../src/decode/drop.ts';
import { Frame, IpProtocol } from '../../src/decode/frame.ts';
import { MAX_HELD_BYTES_TOTAL } from '../../src/flow/limits.ts';
import { FlowEnd, type StreamHandler, Want } from '../../src/flow/stream-handler.ts';
import { TcpTracker } from '../../src/flow/tcp-tracker.ts';
import { readCapture } from './captured-packets.ts';
import { type FuzzTarget, promise } from './fuzz-target.ts';
import { captureMutator } from './mutate-capture.ts';

/** Follows streams and loses interest after some bytes. */
class Follower implements StreamHandler {
  delivered = 0;
  ends = 0;
  readonly #limit: number;
  readonly #seen = new Map<number, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  onBytes(slot: number, _side: 0 | 1, buf: Uint8Array, at: number, end: number): Want {
    promise(at >= 0 && at < end && end <= buf.length, 'bytes outside their buffer');
    this.delivered += end - at;
    return this.#count(slot, end - at);
  }

  onGap(slot: number, _side: 0 | 1, missing: number): Want {
    promise(missing > 0 && Number.isSafeInteger(missing), 'a gap without a size');
    return this.#count(slot, 1);
  }

  onEnd(slot: number): void {
    this.ends += 1;
    this.#seen.delete(slot);
  }

  #count(slot: number, n: number): Want {
    const seen = (this.#seen.get(slot) ?? 0) + n;
    this.#seen.set(slot, seen);
    if (seen <= this.#limit) return Want.More;
    this.#seen.delete(slot);
    return Want.Nothing;
  }
}

const capture: FuzzTarget = {
  name: 'flow.capture',
  weight: 150,
  maxBytes: 65_536,
  seeds: ({ files }) => files.filter((file) => file.length < 16_384),
  mutator: ({ captures }) => captureMutator(captures),
  run(bytes) {
    // Some tables are too small for the capture, and some followers lose interest early; the input's length chooses.
    const follower = new Follower(bytes.length % 3 === 0 ? 2000 : Number.MAX_SAFE_INTEGER);
    const tracker = new TcpTracker(follower, { seed: 0, maxFlows: bytes.length % 4 === 0 ? 2 : 64 });
    const decoder = new Decoder();
    const frame = new Frame();
    let packets = 0;
    let payload = 0;
    for (const { linkType, bytes: data, wireLen, tsUs } of readCapture(bytes, 4096)) {
      const drop = decoder.decode(linkType, data, 0, data.length, wireLen, (tsUs / 1e6) | 0, frame);
      if (drop !== Drop.Decoded || frame.protocol !== IpProtocol.Tcp) continue;
      packets += 1;
      payload += frame.payloadEnd - frame.payloadAt;
      tracker.advance(tsUs);
      tracker.packet(frame);
      promise(tracker.heldBytes >= 0 && tracker.heldBytes <= MAX_HELD_BYTES_TOTAL, 'held bytes beyond their cap');
    }
    const { counters } = tracker;
    const { closed, reset, reused, idle, evicted, openingsForgotten } = counters;
    const ended = closed + reset + reused + idle + evicted + openingsForgotten;
    promise(counters.packets === packets, 'packets and counters differ');
    promise(tracker.table.size === counters.flows - ended, 'flows and their ends differ');
    promise(reset <= counters.flows && closed <= counters.flows, 'more ends than flows');
    tracker.finish(FlowEnd.CaptureEnd);
    promise(tracker.table.size === 0, 'a flow is left');
    promise(tracker.heldBytes === 0, 'bytes are held after the end');
    promise(follower.delivered <= payload, 'more bytes were delivered than came');
    promise(follower.ends <= counters.flows, 'a flow ended twice');
  },
};

export const FLOW_TARGETS: readonly FuzzTarget[] = [capture];
