/**
 * Replays captures through a pipeline, one after another. A capture that fails is reported and the others still run.
 *
 * Memory does not grow with the size of a capture. Between blocks the event loop gets its turn about ten times a second, so that
 * signals and the terminal are served. A pipe that has nothing to say does not hold up an interruption.
 */
import type { FoundCapture } from '../capture/find-captures.ts';
import { openCapture } from '../capture/open-capture.ts';
import { type CaptureCounters, type CaptureFault, PacketBlock, type PacketSource } from '../capture/packet-source.ts';
import type { Pipeline } from './pipeline.ts';
import { toError } from './to-error.ts';

/** What became of one capture. */
export interface CaptureResult {
  readonly path: string;
  /** Null where it could not be opened. */
  readonly counters: Readonly<CaptureCounters> | null;
  /** It ended early, but what came before was read. */
  readonly fault: CaptureFault | null;
  /** It could not be opened or read on. */
  readonly error: Error | null;
}

export interface ReplayObserver {
  /** Called about ten times a second and at both ends of a capture; `source` is null where it could not be opened. */
  onProgress(path: string, source: PacketSource | null): void;
  onCapture(result: CaptureResult): void;
  /**
   * Called when the events of a block, or of the end of a capture, have been made. The replay goes on when what it gives has resolved, or
   * at once: so whoever takes events can hold up the reading.
   */
  afterBlock?(): Promise<void> | null;
}

const YIELD_MS = 100;

/**
 * Replays `captures`; stops after the block at hand when `signal` is raised, and at once where it waits for bytes. Throws what
 * the sink throws.
 */
export async function replayCaptures(
  captures: readonly FoundCapture[],
  pipeline: Pipeline,
  observer: ReplayObserver,
  signal: AbortSignal,
): Promise<void> {
  const block = new PacketBlock();
  const patience = new Patience(signal);
  for (const { path } of captures) {
    if (signal.aborted) return;
    const result = await replayOne(path, block, pipeline, observer, patience);
    if (result !== null) observer.onCapture(result);
  }
}

/** Waits for promises, but only until the signal is raised. */
class Patience {
  readonly signal: AbortSignal;
  #giveUp: (() => void) | null = null;

  constructor(signal: AbortSignal) {
    this.signal = signal;
    signal.addEventListener('abort', () => this.#giveUp?.(), { once: true });
  }

  /** Null where the signal came first. */
  waitFor<T>(promise: Promise<T>): Promise<T | null> {
    return new Promise((resolve, reject) => {
      this.#giveUp = () => resolve(null);
      promise.then(resolve, reject);
      if (this.signal.aborted) this.#giveUp();
    });
  }
}

/** Null where the signal was raised before the capture was open. */
async function replayOne(
  path: string,
  block: PacketBlock,
  pipeline: Pipeline,
  observer: ReplayObserver,
  patience: Patience,
): Promise<CaptureResult | null> {
  let source: PacketSource;
  try {
    const opened = await patience.waitFor(openCapture(path));
    if (opened === null) return null;
    source = opened;
  } catch (error) {
    return { path, counters: null, fault: null, error: toError(error) };
  }
  pipeline.begin(path);
  let readError: Error | null = null;
  try {
    observer.onProgress(path, source);
    let yieldAt = performance.now() + YIELD_MS;
    for (;;) {
      readError = await nextBlock(source, block, patience);
      if (readError !== null || block.count === 0) break;
      pipeline.read(block, source.interfaces);
      const isHeldUp = observer.afterBlock?.() ?? null;
      if (isHeldUp !== null) await patience.waitFor(isHeldUp);
      if (performance.now() < yieldAt) continue;
      observer.onProgress(path, source);
      await new Promise(setImmediate);
      yieldAt = performance.now() + YIELD_MS;
    }
    pipeline.finish();
    const isHeldUp = observer.afterBlock?.() ?? null;
    if (isHeldUp !== null) await patience.waitFor(isHeldUp);
    observer.onProgress(path, source);
  } finally {
    await patience.waitFor(source.close());
  }
  return { path, counters: { ...source.counters }, fault: source.fault, error: readError };
}

/**
 * Fills the block, empty at the end of the capture and when interrupted. A disk that fails is an answer, since the other captures
 * go on.
 */
async function nextBlock(source: PacketSource, block: PacketBlock, patience: Patience): Promise<Error | null> {
  try {
    const hasMore = patience.signal.aborted ? false : await patience.waitFor(source.next(block));
    if (hasMore !== true) block.count = 0;
    return null;
  } catch (error) {
    return toError(error);
  }
}
