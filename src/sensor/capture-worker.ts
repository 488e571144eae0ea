/** Program of a capture worker: a thread with a ring and a pipeline of its own. `LiveCapture` starts it. */
import { openLiveSource } from './open-live-source.ts';
import { runCaptureWorker } from './run-capture-worker.ts';

await runCaptureWorker(openLiveSource);
