/**
 * A live capture as the main thread sees it: workers are started, their events and counts come in, and at the end everything adds up.
 *
 *     open ─> every worker has its ring      privileges may be dropped here
 *     start ─> packets are read              events to the outlet; counts once a second
 *     stop ─> no new packets; what is in the rings becomes events, and the counts are exact
 *
 * A worker that ends with a fault is told, and the others go on: the kernel then spreads the flows over those that are left.
 */
import { randomUUID } from 'node:crypto';
import type { LinkState } from '../capture/live-source.ts';
import { parseFilter } from './filter.ts';
import { MAX_WAITING_BYTES } from './limits.ts';
import { addKernel, type LiveCounts, sumReports, worseLink } from './live-counts.ts';
import type { LiveOptions, LiveOutlet, LivePatch } from './live-options.ts';
import { LiveWorker } from './live-worker.ts';
import { SharedSource } from './shared-source.ts';

/** The file beside this one, where the program is compiled, bundled or not. */
const WORKER_URL = new URL('./capture-worker.js', import.meta.url);

export class LiveCapture {
  readonly #workers: readonly LiveWorker[];
  readonly #outlet: LiveOutlet;
  readonly #shared: SharedSource;
  #link: LinkState = 'up';

  private constructor(workers: readonly LiveWorker[], outlet: LiveOutlet, shared: SharedSource) {
    this.#workers = workers;
    this.#outlet = outlet;
    this.#shared = shared;
  }

  /**
   * Opens all rings, but reads nothing yet. Rejects with `CaptureError` where one can't be opened, and with `FilterError`.
   */
  static async open(options: LiveOptions, outlet: LiveOutlet): Promise<LiveCapture> {
    if (options.filter !== null) parseFilter(options.filter);
    const { source, workers: count, workerUrl, maxWaitingBytes, ...rest } = options;
    const told = new Set<string>();
    const onNote = (text: string): void => {
      if (told.has(text)) return;
      told.add(text);
      outlet.onNote(text);
    };
    const shared = await SharedSource.open(source, count);
    const workers: LiveWorker[] = [];
    const capture = new LiveCapture(workers, outlet, shared);
    for (const note of shared.notes) onNote(note);
    const forWorkers: LiveOutlet = {
      onBatch: (batch) => outlet.onBatch(batch),
      onDropped: (dropped) => outlet.onDropped(dropped),
      onFindings: (findings) => outlet.onFindings(findings),
      onNote,
      onLink: () => capture.#tellLink(),
      onFault: (error) => outlet.onFault(error),
    };
    for (let index = 0; index < count; index++) {
      const plan = {
        ...rest,
        source,
        shared: shared.parts,
        index,
        bootId: randomUUID(),
        maxWaitingBytes: maxWaitingBytes ?? MAX_WAITING_BYTES,
      };
      workers.push(new LiveWorker(workerUrl ?? WORKER_URL, plan, forWorkers));
    }
    const results = await Promise.allSettled(workers.map((worker) => worker.opened));
    const refusal = results.find((result) => result.status === 'rejected');
    if (refusal === undefined) return capture;
    await Promise.all(workers.map((worker) => worker.abandon()));
    shared.close();
    throw refusal.reason;
  }

  /** Begins to read. */
  start(): void {
    for (const worker of this.#workers) worker.start();
  }

  /** `boot_id` of each worker's stream of events. */
  get bootIds(): readonly string[] {
    return this.#workers.map(({ bootId }) => bootId);
  }

  /** Summed up; of each worker as it was within the last second. */
  counts(): LiveCounts {
    const counts = sumReports(this.#workers.map((worker) => worker.counts()));
    return { ...counts, kernel: addKernel(counts.kernel, this.#shared.readKernel()) };
  }

  /** Changes what can change, in all workers. Throws `FilterError`, and then nothing has changed. */
  reload(patch: LivePatch): void {
    if (patch.filter !== undefined && patch.filter !== null) parseFilter(patch.filter);
    for (const worker of this.#workers) worker.reload(patch);
  }

  /**
   * Lets no new packets in, reads what is in the rings, ends all flows and hands over the last events. Resolves when the outlet
   * has all of them, with counts that add up exactly; what it still borrows is its own from then on.
   */
  async stop(): Promise<LiveCounts> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    this.#shared.close();
    return this.counts();
  }

  /** Ends at once. What is in the rings is lost; the events that workers had in their hands are told as dropped. */
  async abandon(): Promise<LiveCounts> {
    await Promise.all(this.#workers.map((worker) => worker.abandon()));
    this.#shared.close();
    return this.counts();
  }

  #tellLink(): void {
    const link = this.#workers.map((worker) => worker.link).reduce(worseLink, 'up');
    if (link === this.#link) return;
    this.#link = link;
    this.#outlet.onLink(link);
  }
}
