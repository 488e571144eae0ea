/**
 * The unit of delivery, and how a sink takes it: the contract between the spool and whoever sends.
 *
 * A batch is made once and sent as it is: consecutive events of one run of the sensor, as lines of JSON (each a HEC envelope
 * that ends with a newline), compressed with gzip.
 *
 *     json    {"time":…}\n {"time":…}\n {"time":…}\n      jsonBytes in all
 *                        ^             ^             ^    eventEnds[0], [1], [2]: offsets behind each newline
 *     seq     firstSeq      firstSeq+1    lastSeq         count = lastSeq - firstSeq + 1
 *
 * Whoever has to send a part of it decompresses it and cuts it with `eventEnds`; all others pass `gzip` on.
 */
export interface SpoolBatch {
  /** Rises from batch to batch, over restarts too; never 0. Not every number is used. */
  readonly id: number;
  /** The run of the sensor that made the events. */
  readonly bootId: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly count: number;
  /** Size before compression. */
  readonly jsonBytes: number;
  readonly gzip: Uint8Array;
  readonly eventEnds: Uint32Array;
  readonly createdMs: number;
}

/** What became of a batch's events: `acknowledged` and all of `dropped` make up its `count`. */
export interface SettleOutcome {
  readonly acknowledged: number;
  /** By reason, in the form of a metric's label: `quarantined`, `too_large`. */
  readonly dropped?: Readonly<Record<string, number>>;
}

/** In events. At every moment `emitted = acknowledged + queued + sum of dropped`, over restarts too. */
export interface SpoolCounters {
  readonly emitted: number;
  readonly acknowledged: number;
  readonly queued: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** One sink's view of the spool. What a sink has read and not settled is in its hands, and is never dropped behind its back. */
export interface SpoolConsumer {
  readonly name: string;
  /**
   * Unsettled batches with an id above `afterId`, oldest first, up to `maxBytes` of gzip, and at least one if there is one.
   * Does not consume: the same call gives the same batches until they are settled.
   */
  read(afterId: number, maxBytes: number): SpoolBatch[];
  /**
   * Says what became of a batch; in any order. When it resolves, it is kept as safely as the spool's durability promises.
   * Settling what is settled already changes nothing. Rejects with `SpoolError` if the sum is not the batch's count, or the spool is closed.
   * While the disk is full it waits.
   */
  settle(id: number, outcome: SettleOutcome): Promise<void>;
  /** All batches up to this id are settled: where reading begins after a restart. */
  readonly settledId: number;
  /** The id of the newest batch that is there; `settledId` where there is none. */
  readonly newestId: number;
  /** Resolves when `read(afterId, …)` may give something, or the signal is raised, or the spool closes. */
  wait(afterId: number, signal: AbortSignal): Promise<void>;
  readonly counters: SpoolCounters;
}
