/** Where events go in the end. Each sink takes batches from the spool at its own pace; one that stands still stops no other. */
import type { SpoolConsumer } from './spool/spool-batch.ts';

export interface Sink {
  readonly name: string;
  /** Delivers until the signal is raised or the spool closes, then resolves. Rejects only where going on makes no sense. */
  start(consumer: SpoolConsumer, signal: AbortSignal): Promise<void>;
}
