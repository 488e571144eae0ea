/** Takes the place of a sink that has nobody left to give events to: they must not fill the spool for the others. */
import type { SpoolConsumer } from './spool/spool-batch.ts';

const READ_BYTES = 1024 * 1024;

/** Drops whatever is there, and whatever comes, for `reason`. Resolves when the signal is raised or the spool closes. */
export async function giveUpSink(consumer: SpoolConsumer, reason: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const batches = consumer.read(consumer.settledId, READ_BYTES);
    const settled = batches.map(({ id, count }) =>
      consumer.settle(id, { acknowledged: 0, dropped: { [reason]: count } }),
    );
    await Promise.all(settled);
    if (batches.length > 0) continue;
    await consumer.wait(consumer.settledId, signal);
    // Nothing to read after a wait that was not aborted: the spool closed.
    if (consumer.read(consumer.settledId, 1).length === 0) return;
  }
}
