/** What a live capture is told, and whom it tells. */

import type { LinkState } from '../capture/live-source.ts';
import type { EventOptions } from '../event/build-event.ts';
import type { ProfileName } from '../event/profile.ts';
import type { ScoringMode } from '../score/score.ts';
import type { DroppedEvents, EventBatch } from './event-batch.ts';
import type { Finding } from './finding.ts';
import type { LiveSourcePlan } from './live-source-plan.ts';

/** What can change while it runs. Absent: stays as it is. */
export interface LivePatch {
  readonly scoring?: ScoringMode;
  /** In the language of `filter.ts`; null for none. */
  readonly filter?: string | null;
  readonly minRisk?: number;
}

export interface LiveOptions extends Required<LivePatch> {
  readonly source: LiveSourcePlan;
  /** Threads, each with a ring of its own and the whole pipeline. */
  readonly workers: number;
  readonly sensor: string;
  readonly profile: ProfileName;
  readonly events: EventOptions;
  /** In each worker. */
  readonly maxFlows: number;
  /** Whether events are made; false where only findings are wanted. */
  readonly hasEvents: boolean;
  readonly hasFindings: boolean;
  /** Bytes of events that a worker may have waiting before batches of it are dropped. */
  readonly maxWaitingBytes?: number;
  /** Program of the worker: for tests, which run from source. */
  readonly workerUrl?: URL;
}

/** Called on the main thread. */
export interface LiveOutlet {
  /**
   * A batch to be taken. Its bytes are the outlet's until what it gives has resolved, or it has returned null: then they go back to the
   * worker. So whoever is slow holds bytes, and too many of them end in drops that are counted, never in a ring that is held up.
   */
  onBatch(batch: EventBatch): Promise<void> | null;
  /** Events that no batch will bring. */
  onDropped(dropped: DroppedEvents): void;
  onFindings(findings: readonly Finding[]): void;
  /** What could not be had, or was noticed: each sentence once. */
  onNote(text: string): void;
  onLink(state: LinkState): void;
  /** A worker ended with a fault; the others go on. */
  onFault(error: Error): void;
}
