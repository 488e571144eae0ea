import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowEnd } from '../../src/flow/stream-handler.ts';
import { ACK, FlowWire, type Packet, PSH_ACK, SYN } from '../support/flow-wire.ts';

/** Stands for a byte that was told to be missing. */
const LOST = -1;

interface Segment {
  readonly at: number;
  readonly end: number;
  readonly isPushed: boolean;
}

/** A stream with many zeros (they may be taken for padding), cut at any places, into pieces that may overlap. */
const anyStream = fc.array(fc.constantFrom<number>(0, 0, 1, 2, 3), { minLength: 1, maxLength: 120 }).map((bytes) => {
  // A last zero without PSH is in doubt until the end, which has its own test.
  bytes[bytes.length - 1] = 7;
  return Uint8Array.from(bytes);
});

function anySegments(stream: Uint8Array): fc.Arbitrary<Segment[]> {
  const cuts = fc.uniqueArray(fc.nat(stream.length), { maxLength: 30 });
  const overlaps = fc.array(fc.nat(4), { minLength: 32, maxLength: 32 });
  const pushes = fc.array(fc.boolean(), { minLength: 32, maxLength: 32 });
  return fc.tuple(cuts, overlaps, pushes).map(([at, overlap, isPushed]) => {
    const edges = [...new Set([0, ...at, stream.length])].toSorted((a, b) => a - b);
    return edges.slice(1).map((end, i) => ({
      at: Math.max(0, edges[i]! - overlap[i]!),
      end,
      isPushed: isPushed[i]!,
    }));
  });
}

const anyIsn = fc.oneof(
  fc.constantFrom(0, 0x7fffffff, 0x7fffffff - 50, 0xffffffff, 0xffffffff - 50),
  fc.integer({ min: 0, max: 0xffffffff }),
);

function packetOf(stream: Uint8Array, isn: number, segment: Segment): Packet {
  const payload = stream.subarray(segment.at, segment.end);
  return { side: 0, seq: isn + 1 + segment.at, payload, flags: segment.isPushed ? PSH_ACK : ACK };
}

/** Exchanges, by keys: every element moves, some are doubled. */
const anyOrder = fc.array(fc.tuple(fc.integer(), fc.boolean()), { minLength: 32, maxLength: 32 });

function shuffle(segments: readonly Segment[], order: readonly [number, boolean][]): Segment[] {
  const keyed = segments.flatMap((segment, i) => {
    const [key, isDouble] = order[i]!;
    const copy = { segment, key: Math.imul(key, 0x9e3779b1) };
    return isDouble ? [{ segment, key }, copy] : [{ segment, key }];
  });
  return keyed.toSorted((a, b) => a.key - b.key).map(({ segment }) => segment);
}

const anyTransfer = anyStream.chain((stream) =>
  fc.record({ stream: fc.constant(stream), segments: anySegments(stream), order: anyOrder, isn: anyIsn }),
);

describe('TcpTracker, whatever the network does', () => {
  it('delivers the stream of a permuted, overlapping and repeated segmentation', () => {
    fc.assert(
      fc.property(anyTransfer, ({ stream, segments, order, isn }) => {
        const wire = new FlowWire();
        wire.send({ side: 0, flags: SYN, seq: isn });
        for (const segment of shuffle(segments, order)) wire.send(packetOf(stream, isn, segment));
        expect(wire.heard(0)).toBe(Buffer.from(stream).toString('latin1'));
        expect(wire.tracker.heldBytes).toBe(0);
        expect(wire.tracker.counters.conflictBytes).toBe(0);
      }),
      {
        numRuns: 1000,
        // Zeros that were in doubt, and stayed so when the first of them turned out to be data.
        examples: [
          [
            {
              stream: Uint8Array.of(0, 0, 0, 0, 7),
              segments: [
                { at: 0, end: 1, isPushed: false },
                { at: 1, end: 2, isPushed: false },
                { at: 2, end: 3, isPushed: false },
                { at: 0, end: 4, isPushed: false },
                { at: 4, end: 5, isPushed: false },
              ],
              order: Array.from({ length: 32 }, (_, i): [number, boolean] => [i === 3 ? -1 : 0, false]),
              isn: 0,
            },
          ],
        ],
      },
    );
  });

  it('delivers the bytes that came and gaps for those that did not, in order and adding up', () => {
    fc.assert(
      fc.property(anyTransfer, fc.array(fc.boolean(), { minLength: 70, maxLength: 70 }), (transfer, lost) => {
        const { stream, segments, order, isn } = transfer;
        const wire = new FlowWire();
        wire.send({ side: 0, flags: SYN, seq: isn });
        const came = shuffle(segments, order).filter((_, i) => lost[i] !== true);
        for (const segment of came) wire.send(packetOf(stream, isn, { ...segment, isPushed: true }));
        const beyond = came.reduce((end, segment) => Math.max(end, segment.end), 0);
        wire.tracker.finish(FlowEnd.CaptureEnd);
        let at = 0;
        const told: number[] = [];
        for (const note of wire.recorder.notes) {
          if (note.kind === 'bytes') {
            told.push(...note.bytes);
            at += note.bytes.length;
          } else if (note.kind === 'gap') {
            for (let i = 0; i < note.missing; i++) told.push(LOST);
            at += note.missing;
          }
        }
        expect(at).toBe(beyond);
        const hasCome = (byte: number) => came.some((s) => s.at <= byte && byte < s.end);
        expect(told).toEqual([...stream.subarray(0, beyond)].map((byte, i) => (hasCome(i) ? byte : LOST)));
        expect(wire.ends).toEqual([FlowEnd.CaptureEnd]);
        expect(wire.tracker.heldBytes).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  it('survives any packets of few numbers, and gives everything back', () => {
    const anyPacket = fc.record({
      side: fc.constantFrom<0 | 1>(0, 1),
      seq: fc.oneof(fc.nat(40), fc.integer()),
      ack: fc.nat(60),
      flags: fc.nat(31),
      payload: fc.uint8Array({ maxLength: 12 }),
      captured: fc.nat(12),
      port: fc.nat(3),
      at: fc.nat(200),
    });
    fc.assert(
      fc.property(fc.array(anyPacket, { maxLength: 80 }), fc.nat(20), (packets, patience) => {
        const wire = new FlowWire({ maxFlows: 3 });
        let heard = 0;
        wire.recorder.enough = () => ++heard % (patience + 1) === patience;
        for (const packet of packets) {
          wire.send({ ...packet, captured: Math.min(packet.captured, packet.payload.length) });
          const { size, openings } = wire.tracker.table;
          expect(size - openings).toBeLessThanOrEqual(3);
          expect(openings).toBeLessThanOrEqual(3);
        }
        // Nothing outside a payload was delivered: around it stands 0x58.
        wire.tracker.finish(FlowEnd.CaptureEnd);
        expect(wire.tracker.heldBytes).toBe(0);
        expect(wire.tracker.table.size).toBe(0);
        expect(wire.recorder.notes.every((n) => n.kind !== 'bytes' || n.bytes.length > 0)).toBe(true);
        expect(wire.recorder.notes.every((n) => n.kind !== 'gap' || n.missing > 0)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
