/** Caps of the spool, each with its reason. */

/** A batch closes at this size before compression: what `hec.md` asks for in one request. */
export const BATCH_JSON_BYTES = 1_000_000;

/** … or this long after its first event: what a quiet sensor's event waits at most. */
export const BATCH_AGE_MS = 200;

/** Fastest level: about 6:1 on these events, and the processor has better things to do. */
export const GZIP_LEVEL = 1;

/**
 * Batches between the packet path and the disk: 16 of 1 MB are 16 MB of JSON and as much again while it is compressed. At
 * 50 MB/s that is a third of a second of a disk that stands still; what comes after it is dropped and counted as `overflow`.
 */
export const MAX_BATCHES_IN_FLIGHT = 16;

/** One commit takes at most so much, so that a settle does not wait behind an endless one; of a small spool, less. */
export const MAX_COMMIT_BYTES = 8 * 1024 * 1024;
export const MAX_COMMIT_SHARE = 1 / 16;

/** Durability `none`: time between commits. */
export const LAZY_COMMIT_MS = 1000;
/** … unless so many batches wait: half of what may be in flight, so that a busy sensor is not held up. */
export const LAZY_COMMIT_BATCHES = MAX_BATCHES_IN_FLIGHT / 2;

/** Unless set: what half an hour to some hours of outage need. */
export const DEFAULT_MAX_BYTES = 2 * 1024 * 1024 * 1024;
export const DEFAULT_MAX_AGE_MS = 7 * 24 * 3600 * 1000;
export const DEFAULT_MIN_FREE_BYTES = 256 * 1024 * 1024;

/** Under this a spool has no room for the pages that the store itself needs. */
export const MIN_SPOOL_BYTES = 8 * 1024 * 1024;

/**
 * Kept free in the file's bound: the tree, the list of free pages, pages freed but not yet reusable, holes too small for a batch, and what
 * the file is ahead of the store.
 */
export const STORE_RESERVE_BYTES = 2 * 1024 * 1024;
export const STORE_RESERVE_SHARE = 1 / 16;

/** What a commit writes besides its batches: the tree's pages on the way to each record, and the list of free pages. */
export const STORE_SLACK_BYTES = 128 * 1024;
/** Eight bytes in the list for each free page of 4096, and the list is written anew. */
export const STORE_SLACK_SHARE = 1 / 512;
/** Kept back from batches, so that a settle, which makes room, can still be written when they no longer can. */
export const BATCH_SLACK_BYTES = 512 * 1024;
/** The file grows by so much at a time; when the disk fills, this is what the store still has where no page fits again. */
export const STORE_TAIL_BYTES = 4 * 1024 * 1024;
/** … of a small spool, this part of its bound. */
export const STORE_TAIL_SHARE = 1 / 16;

/** The store gives every batch whole pages. */
export const STORE_PAGE_BYTES = 4096;

/** How often free space is asked for, and age looked at. */
export const HOUSEKEEPING_MS = 1000;

/** After a failed commit. */
export const RETRY_COMMIT_MS = 250;
export const MAX_RETRY_COMMIT_MS = 5000;

/** Tries of one group on a full disk, each with more given up, before the group itself is. */
export const MAX_FULL_TRIES = 3;

/** Consecutive drops make one record; a spool that drops in a thousand places is understood from the first ten thousand. */
export const MAX_DROP_RECORDS = 10_000;

/** The ledger is written anew when it is this large and most of it is history. */
export const LEDGER_REWRITE_BYTES = 4 * 1024 * 1024;
/** One entry: 8 MB of the smallest batches in one commit. More is damage. */
export const MAX_LEDGER_ENTRY_BYTES = 64 * 1024 * 1024;

/** Drops are reported at once and then so often, one event for each sink and reason. */
export const REPORT_INTERVAL_MS = 60_000;
/** Ranges of lost events reported one by one; what is beyond is in the last report as a sum. */
export const MAX_LOST_REPORTS = 100;

/** Damaged stores kept beside the spool; their events have been salvaged, so the oldest goes. */
export const MAX_SET_ASIDE = 3;

/** A lock from another container says by its time of change whether its owner lives. */
export const LOCK_HEARTBEAT_MS = 2000;
export const LOCK_STALE_MS = 10_000;
