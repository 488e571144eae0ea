/**
 * What the main thread and a capture worker say to each other, in this order:
 *
 *     worker                      main
 *       opened | refused  ────>
 *                         <────   start           after privileges are dropped
 *       batch, dropped, findings, note, link, counts   ────>
 *                         <────   spare, reload
 *                         <────   stop
 *       done              ────>                   nothing comes behind it
 *
 * A worker that fails says `failed` in place of `done`, with what it has counted; one that is killed (out of memory, say) says nothing, and
 * the `HandoverLedger` tells what it had in its hands.
 */
import type { LinkState } from '../capture/live-source.ts';
import type { Finding } from './finding.ts';
import type { HandedBatch } from './handover.ts';
import type { WorkerCounts } from './live-counts.ts';
import type { LiveOptions, LivePatch } from './live-options.ts';
import type { LiveSourcePlan, SharedParts } from './live-source-plan.ts';
import type { SentError } from './sent-error.ts';

/** `workerData`. */
export interface WorkerPlan extends Omit<LiveOptions, 'source' | 'workers' | 'workerUrl' | 'maxWaitingBytes'> {
  readonly source: LiveSourcePlan;
  readonly shared: SharedParts;
  /** Of the stream of events that this worker makes. */
  readonly bootId: string;
  readonly index: number;
  readonly maxWaitingBytes: number;
  /** Memory of the `HandoverLedger`. */
  readonly ledger: SharedArrayBuffer;
}

export type ToWorker =
  | { readonly kind: 'start' }
  | { readonly kind: 'reload'; readonly patch: LivePatch }
  /** The buffers of a batch that was taken. */
  | { readonly kind: 'spare'; readonly lines: ArrayBuffer; readonly ends: ArrayBuffer }
  | { readonly kind: 'stop' };

export type FromWorker =
  | { readonly kind: 'opened'; readonly link: LinkState; readonly notes: readonly string[] }
  | { readonly kind: 'refused'; readonly fault: SentError }
  | { readonly kind: 'batch'; readonly batch: HandedBatch }
  | { readonly kind: 'dropped'; readonly firstSeq: number; readonly count: number }
  | { readonly kind: 'findings'; readonly findings: readonly Finding[] }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'link'; readonly link: LinkState }
  | { readonly kind: 'counts'; readonly counts: WorkerCounts }
  | { readonly kind: 'done'; readonly counts: WorkerCounts }
  | { readonly kind: 'failed'; readonly counts: WorkerCounts; readonly fault: SentError };
