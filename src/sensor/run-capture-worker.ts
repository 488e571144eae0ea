/** The life of a capture worker, see `worker-messages.ts`. Whoever opens its source is a parameter, so that tests bring theirs. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { LiveSource } from '../capture/live-source.ts';
import type { LiveSourcePlan, SharedParts } from './live-source-plan.ts';
import { toSentError } from './sent-error.ts';
import type { FromWorker, ToWorker, WorkerPlan } from './worker-messages.ts';
import { WorkerRun } from './worker-run.ts';

/** Opens the source of worker number `index`. Rejects with `CaptureError`. */
export type OpenLiveSource = (plan: LiveSourcePlan, shared: SharedParts, index: number) => Promise<LiveSource>;

export async function runCaptureWorker(open: OpenLiveSource): Promise<void> {
  if (isMainThread || parentPort === null)
    throw new Error('a capture worker runs in a thread that LiveCapture started');
  const port = parentPort;
  const plan: WorkerPlan = workerData;
  const send = (message: FromWorker, transfer: readonly ArrayBuffer[] = []): void => {
    port.postMessage(message, [...transfer]);
  };
  let source: LiveSource;
  try {
    source = await open(plan.source, plan.shared, plan.index);
  } catch (error) {
    send({ kind: 'refused', fault: toSentError(error) });
    port.close();
    return;
  }
  const run = new WorkerRun(plan, source, send);
  const started = new Promise<void>((resolve) => {
    port.on('message', (message: ToWorker) => {
      // A stop may come before the start: then there is nothing to be read.
      if (message.kind === 'start' || message.kind === 'stop') resolve();
      if (message.kind !== 'start') run.receive(message);
    });
  });
  send({ kind: 'opened', link: source.link, notes: source.notes });
  await started;
  await run.run();
  port.close();
}
