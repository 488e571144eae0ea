/**
 * Events on their way from who makes them to the delivery: whole lines, one behind the other, as a batch of the spool holds them.
 *
 *     lines   {"time":…}\n {"time":…}\n {"time":…}\n
 *     ends               ^            ^            ^     offset behind each newline
 *
 * The events of a batch are numbered without a gap, from `firstSeq` on. Each worker is a stream with a `bootId` and numbers of its own, so
 * a gap between the batches of a stream is a loss, and is told as `DroppedEvents`.
 */

export interface EventBatch {
  readonly bootId: string;
  readonly firstSeq: number;
  readonly count: number;
  /** Borrowed: see `LiveOutlet.onBatch`. */
  readonly lines: Uint8Array;
  readonly ends: Uint32Array;
}

/** Why events did not get as far as the delivery. */
export type HandoverDrop =
  /** The main thread did not take them as fast as they came. */
  | 'overflow'
  /** They were in the hands of a worker that was ended, by a fault or by who could not wait. */
  | 'worker_died';

/** Events of a stream, without a gap between them, that were given up before the delivery had them. */
export interface DroppedEvents {
  readonly bootId: string;
  readonly firstSeq: number;
  readonly count: number;
  readonly reason: HandoverDrop;
}
