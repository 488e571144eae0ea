/** The main thread's end of one capture worker. */
import { Worker } from 'node:worker_threads';
import type { LinkState } from '../capture/live-source.ts';
import type { HandedBatch } from './handover.ts';
import { HandoverLedger } from './handover-ledger.ts';
import { NO_WORKER_COUNTS, type WorkerCounts, type WorkerReport } from './live-counts.ts';
import type { LiveOutlet, LivePatch } from './live-options.ts';
import { fromSentError } from './sent-error.ts';
import { toError } from './to-error.ts';
import type { FromWorker, ToWorker, WorkerPlan } from './worker-messages.ts';

export class LiveWorker {
  readonly bootId: string;
  /** Resolves when its source is open; rejects where it can't be opened. */
  readonly opened: Promise<void>;
  readonly #thread: Worker;
  readonly #outlet: LiveOutlet;
  readonly #ledger = new HandoverLedger();
  readonly #ended: Promise<void>;
  #settleOpened: ((error: Error | null) => void) | null = null;
  #link: LinkState = 'up';
  #counts: WorkerCounts = NO_WORKER_COUNTS;
  #hasEnded = false;
  readonly #hasEvents: boolean;
  /** It may end, and will not be missed. */
  #mayEnd = false;
  #fault: Error | null = null;
  /** Number of the event that the next batch, or the next drop, begins with. */
  #nextSeq = 0;
  #taken = 0;
  #overflowed = 0;
  #died = 0;
  #reported: WorkerReport;

  constructor(url: URL, plan: Omit<WorkerPlan, 'ledger'>, outlet: LiveOutlet) {
    this.bootId = plan.bootId;
    this.#hasEvents = plan.hasEvents;
    this.#outlet = outlet;
    this.#reported = this.#report();
    this.opened = new Promise((resolve, reject) => {
      this.#settleOpened = (error) => {
        this.#settleOpened = null;
        if (error === null) resolve();
        else reject(error);
      };
    });
    const workerData: WorkerPlan = { ...plan, ledger: this.#ledger.memory };
    this.#thread = new Worker(url, { workerData, name: `capture ${plan.index}` });
    this.#thread.on('message', (message: FromWorker) => this.#receive(message));
    this.#thread.on('error', (error: Error) => {
      this.#fault = error;
    });
    this.#ended = new Promise((resolve) => {
      this.#thread.on('exit', (code) => {
        this.#onExit(code);
        resolve();
      });
    });
  }

  get link(): LinkState {
    return this.#link;
  }

  /** As the worker told them last. */
  counts(): WorkerReport {
    return this.#reported;
  }

  start(): void {
    this.#post({ kind: 'start' });
  }

  reload(patch: LivePatch): void {
    this.#post({ kind: 'reload', patch });
  }

  /** Resolves when the worker has ended and the outlet has all its events; it may be busy with them yet. */
  async stop(): Promise<void> {
    this.#mayEnd = true;
    this.#post({ kind: 'stop' });
    await this.#ended;
  }

  /** Ends the thread, wherever it is. */
  async abandon(): Promise<void> {
    this.#mayEnd = true;
    await this.#thread.terminate();
    await this.#ended;
  }

  #post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (!this.#hasEnded) this.#thread.postMessage(message, transfer);
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'opened':
        for (const note of message.notes) this.#outlet.onNote(note);
        this.#setLink(message.link);
        this.#settleOpened?.(null);
        return;
      case 'refused':
        this.#mayEnd = true;
        this.#settleOpened?.(fromSentError(message.fault));
        return;
      case 'batch':
        this.#hand(message.batch);
        return;
      case 'dropped':
        this.#overflowed += message.count;
        this.#drop(message.firstSeq, message.count, 'overflow');
        return;
      case 'findings':
        this.#outlet.onFindings(message.findings);
        return;
      case 'note':
        this.#outlet.onNote(message.text);
        return;
      case 'link':
        this.#setLink(message.link);
        return;
      case 'counts':
      case 'done':
      case 'failed':
        if (message.kind === 'failed') this.#fault = fromSentError(message.fault);
        this.#counts = message.counts;
        this.#reported = this.#report();
    }
  }

  #setLink(link: LinkState): void {
    this.#link = link;
    this.#outlet.onLink(link);
  }

  #hand(batch: HandedBatch): void {
    const { firstSeq, count, lines, ends } = batch;
    this.#nextSeq = firstSeq + count;
    this.#taken += count;
    const bytes = lines.length;
    const giveBack = (): void => {
      this.#ledger.take(bytes);
      this.#post({ kind: 'spare', lines: lines.buffer, ends: ends.buffer }, [lines.buffer, ends.buffer]);
    };
    const taking = this.#outlet.onBatch(batch);
    if (taking === null) {
      giveBack();
      return;
    }
    taking.then(giveBack, (error: unknown) => {
      // Whoever can't take it says so, and answers for the events.
      this.#outlet.onFault(toError(error));
    });
  }

  #drop(firstSeq: number, count: number, reason: 'overflow' | 'worker_died'): void {
    this.#nextSeq = firstSeq + count;
    this.#outlet.onDropped({ bootId: this.bootId, firstSeq, count, reason });
  }

  /** All messages of the thread have been heard before. */
  #onExit(code: number): void {
    this.#hasEnded = true;
    const inHand = this.#ledger.made - this.#nextSeq;
    if (inHand > 0) {
      this.#died = inHand;
      this.#drop(this.#nextSeq, inHand, 'worker_died');
    }
    if (this.#hasEvents) {
      const made = this.#ledger.made;
      this.#counts = { ...this.#counts, made, sieve: { ...this.#counts.sieve, kept: made } };
    }
    if (!this.#mayEnd) this.#fault ??= new Error(`a capture worker ended by itself, with code ${code}`);
    this.#reported = this.#report();
    if (this.#fault === null) return;
    if (this.#settleOpened === null) this.#outlet.onFault(this.#fault);
    else this.#settleOpened(this.#fault);
  }

  /** Freezes the numbers at this moment, so that they are of one. */
  #report(): WorkerReport {
    const dropped = { overflow: this.#overflowed, worker_died: this.#died };
    return {
      ...this.#counts,
      isWell: this.#fault === null,
      handover: {
        taken: this.#taken,
        dropped,
        inHand: this.#counts.made - this.#taken - this.#overflowed - this.#died,
        waitingBytes: this.#ledger.waitingBytes,
      },
    };
  }
}
