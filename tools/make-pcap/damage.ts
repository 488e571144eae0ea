/**
 * What networks, mirror ports and attackers do to a connection. Each function takes a list of segments and returns a
 * damaged copy, so damages combine:
 *
 *     const hurt = duplicateAll(swapData(talk.segments, 'server', 1));
 *     buildPcap(talk.toPackets(hurt));
 *
 * Data segments are counted per side from 0: `('server', 2)` is the third segment with payload that the server sent. A
 * function that finds no such segment throws, because a test that damaged nothing would pass for the wrong reason.
 */

import { Tcp } from './packet-writer.ts';
import type { Segment, Side } from './tcp-conversation.ts';

/** How much later a copy arrives on the second port of a mirror. */
const MIRROR_GAP_NS = 3_000n;
/** A retransmission time-out: the least that Linux uses. */
const RETRANSMIT_GAP_NS = 200_000_000n;

/** Position in the list of a side's data segment. */
function dataSegmentAt(segments: readonly Segment[], from: Side, index: number): number {
  let seen = -1;
  const at = segments.findIndex((s) => s.from === from && s.payload.length > 0 && ++seen === index);
  if (at < 0) throw new RangeError(`the ${from} sent no data segment number ${index}`);
  return at;
}

/** Loses a data segment for good: the sender saw it arrive, the capture did not. */
export function loseData(segments: readonly Segment[], from: Side, index: number): Segment[] {
  const at = dataSegmentAt(segments, from, index);
  return segments.toSpliced(at, 1);
}

/** Exchanges a data segment and the next one of its side, times too: the later one overtakes. */
export function swapData(segments: readonly Segment[], from: Side, index: number): Segment[] {
  const a = dataSegmentAt(segments, from, index);
  const b = dataSegmentAt(segments, from, index + 1);
  const first = segments[a]!;
  const second = segments[b]!;
  return segments.with(a, { ...second, tsNs: first.tsNs }).with(b, { ...first, tsNs: second.tsNs });
}

/**
 * Lets `count` data segments of a side arrive from the last to the first, from number `index` on: the worst reordering there
 * is. What the other side says between them (it can only have answered what it had) comes after them.
 */
export function reverseData(segments: readonly Segment[], from: Side, index: number, count: number): Segment[] {
  const firstAt = dataSegmentAt(segments, from, index);
  const lastAt = dataSegmentAt(segments, from, index + count - 1);
  const run = segments.slice(firstAt, lastAt + 1);
  const isMoved = (s: Segment) => s.from === from && s.payload.length > 0;
  const order = [...run.filter(isMoved).toReversed(), ...run.filter((s) => !isMoved(s))];
  return segments.toSpliced(firstAt, run.length, ...order.map((s, i) => ({ ...s, tsNs: run[i]!.tsNs })));
}

/** Shows every packet twice, as a mirror of both directions of two ports does; `hops` routers lie between them. */
export function duplicateAll(segments: readonly Segment[], hops = 0): Segment[] {
  return segments.flatMap((s) => [s, { ...s, tsNs: s.tsNs + MIRROR_GAP_NS, hops: (s.hops ?? 0) + hops }]);
}

/** Sends a data segment again after a time-out; what came after it is that much later too. */
export function retransmitData(segments: readonly Segment[], from: Side, index: number): Segment[] {
  const at = dataSegmentAt(segments, from, index);
  const segment = segments[at]!;
  const again = { ...segment, tsNs: segment.tsNs + RETRANSMIT_GAP_NS, ipId: (segment.ipId + 0x1000) & 0xffff };
  const later = segments.slice(at + 1).map((s) => ({ ...s, tsNs: s.tsNs + RETRANSMIT_GAP_NS + MIRROR_GAP_NS }));
  return [...segments.slice(0, at + 1), again, ...later];
}

/**
 * After a data segment, sends its last `back` bytes again, together with the bytes that follow them in the next one. With
 * `change` the repeated bytes differ, which is how an evasion looks.
 */
export function overlapData(
  segments: readonly Segment[],
  from: Side,
  index: number,
  back: number,
  change?: (bytes: Uint8Array) => Uint8Array,
): Segment[] {
  const at = dataSegmentAt(segments, from, index);
  const nextAt = dataSegmentAt(segments, from, index + 1);
  const tail = segments[at]!.payload.slice(-back);
  const next = segments[nextAt]!;
  const repeated = change ? change(tail) : tail;
  const payload = new Uint8Array(repeated.length + next.payload.length);
  payload.set(repeated, 0);
  payload.set(next.payload, repeated.length);
  return segments.with(nextAt, { ...next, seq: (next.seq - repeated.length) >>> 0, payload });
}

/** Cuts every data segment of a side into pieces of `size` bytes. */
export function splitData(segments: readonly Segment[], from: Side, size: number): Segment[] {
  return segments.flatMap((s) => {
    if (s.from !== from || s.payload.length <= size) return [s];
    const pieces: Segment[] = [];
    for (let at = 0; at < s.payload.length; at += size) {
      const isLast = at + size >= s.payload.length;
      pieces.push({
        ...s,
        seq: (s.seq + at) >>> 0,
        payload: s.payload.slice(at, at + size),
        flags: isLast ? s.flags : s.flags & ~(Tcp.Psh | Tcp.Fin),
      });
    }
    return pieces;
  });
}

/** Starts the capture in the middle: without the three packets that open the connection. */
export function withoutOpening(segments: readonly Segment[]): Segment[] {
  const firstData = segments.findIndex((s) => s.payload.length > 0);
  if (firstData < 0) throw new RangeError('the connection carries no data');
  return segments.slice(firstData);
}

/** A mirror that shows one direction only. */
export function onlyFrom(segments: readonly Segment[], from: Side): Segment[] {
  return segments.filter((s) => s.from === from);
}

/** The checksums of a sender that leaves them to its network card: every packet of `from` carries `value`. */
export function offloadChecksums(segments: readonly Segment[], from: Side, value = 0x1234): Segment[] {
  return segments.map((s) => (s.from === from ? { ...s, checksum: value } : s));
}

/** Cuts packets (not segments) as a snap length does. */
export function snapPackets<T extends { bytes: Uint8Array; wireLen?: number }>(
  packets: readonly T[],
  snapLen: number,
): T[] {
  return packets.map((p) => ({ ...p, bytes: p.bytes.slice(0, snapLen), wireLen: p.wireLen ?? p.bytes.length }));
}

/** Packets of several connections as one capture, by time; equal times keep their order. */
export function mergeByTime<T extends { tsNs: bigint }>(...lists: readonly (readonly T[])[]): T[] {
  return lists.flat().toSorted((a, b) => (a.tsNs < b.tsNs ? -1 : a.tsNs > b.tsNs ? 1 : 0));
}
