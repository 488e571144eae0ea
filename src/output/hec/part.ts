/**
 * What is under way: a batch of the spool, and the parts of it. A batch goes out as one part; an event that the server refuses, or
 * a body that is too large, makes more of it.
 *
 *     batch    count = open + acknowledged + sum of dropped        settled when open is 0
 *     part     events [from, to) of it, all of them open
 *
 * Parts of a batch never overlap, and together they are its open events. The bytes are held only while they are wanted soon: the
 * spool has them.
 */
import type { SpoolBatch } from '../spool/spool-batch.ts';

export interface BatchInHand {
  readonly id: number;
  readonly count: number;
  /** Events of which nothing final is known. */
  open: number;
  acknowledged: number;
  readonly dropped: Record<string, number>;
  /** Parts that wait for their turn or are in a request; at 0 the bytes go. */
  active: number;
  bytes: SpoolBatch | null;
}

export interface Part {
  readonly batch: BatchInHand;
  readonly from: number;
  readonly to: number;
  /** Failures since the last that said something of the events. */
  tries: number;
  /** Of the last of them. */
  failedMs: number;
  notBeforeMs: number;
  /** It may have been taken already, so sending it may double it. */
  isMaybeTaken: boolean;
  /** Why it waits while others go on. */
  parkedFor: string | null;
  readonly isForFallbackIndex: boolean;
}

export function takeInHand(batch: SpoolBatch): Part {
  const inHand: BatchInHand = {
    id: batch.id,
    count: batch.count,
    open: batch.count,
    acknowledged: 0,
    dropped: {},
    active: 0,
    bytes: batch,
  };
  return newPart(inHand, 0, batch.count, false);
}

/** A piece of `part`; what may have been taken of the one may have been of the other. */
export function pieceOf(part: Part, from: number, to: number): Part {
  return { ...newPart(part.batch, from, to, part.isForFallbackIndex), isMaybeTaken: part.isMaybeTaken };
}

export function forFallbackIndex(part: Part): Part {
  return newPart(part.batch, part.from, part.to, true);
}

export function countOf(part: Part): number {
  return part.to - part.from;
}

/** Uncompressed, as far as the bytes are at hand. */
export function jsonBytesOf(part: Part): number {
  const ends = part.batch.bytes?.eventEnds;
  if (ends === undefined) return 0;
  return ends[part.to - 1]! - (part.from === 0 ? 0 : ends[part.from - 1]!);
}

function newPart(batch: BatchInHand, from: number, to: number, isForFallbackIndex: boolean): Part {
  return {
    batch,
    from,
    to,
    tries: 0,
    failedMs: 0,
    notBeforeMs: 0,
    isMaybeTaken: false,
    parkedFor: null,
    isForFallbackIndex,
  };
}
