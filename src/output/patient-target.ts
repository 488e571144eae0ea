/**
 * A file, or standard output, that is tried again without end, as the disk of a full one may be cleared. What is to be written waits
 * meanwhile where it is: in the spool, or in a queue.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OutputError } from './output-error.ts';

const RETRY_MS = 1000;

/** `RotatingFile` or `StandardOutput`. */
export interface EventTarget {
  /** A write that may take for ever ends when the signal is raised. */
  write(bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export class PatientTarget {
  readonly #target: EventTarget;
  readonly #onFault: ((fault: string) => void) | null;
  #fault = '';

  /** `onFault` is called when the fault is another one, with an empty text when all is well again. */
  constructor(target: EventTarget, onFault?: (fault: string) => void) {
    this.#target = target;
    this.#onFault = onFault ?? null;
  }

  /** Why the last try failed; empty while all is well. */
  get fault(): string {
    return this.#fault;
  }

  setFault(fault: string): void {
    if (fault === this.#fault) return;
    this.#fault = fault;
    this.#onFault?.(fault);
  }

  /**
   * False where the signal was raised before it was written; a write to a file that is under way then comes to its end. Rejects with
   * `OutputError` `closed_by_reader` only: nobody will ever read more.
   */
  async write(bytes: Uint8Array, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      try {
        await this.#target.write(bytes, signal);
        this.setFault('');
        return true;
      } catch (error) {
        if (!(error instanceof OutputError) || error.code === 'closed_by_reader') throw error;
        if (signal.aborted) return false;
        this.setFault(error.message);
        await pause(signal);
      }
    }
    return false;
  }

  close(): Promise<void> {
    return this.#target.close();
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await sleep(RETRY_MS, undefined, { signal });
  } catch {
    // Told to stop: the caller looks at the signal.
  }
}
