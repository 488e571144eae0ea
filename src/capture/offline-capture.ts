/** A capture that is read from its beginning to its end: a window, and the walker of its format, as a `PacketSource`. */

import type { ByteWindow } from './byte-window.ts';
import type { CaptureCounters, CaptureFault, CaptureInterface, PacketBlock, PacketSource } from './packet-source.ts';
import type { RecordWalker } from './record-walker.ts';

export class OfflineCapture implements PacketSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly interfaces: readonly CaptureInterface[];
  readonly counters: CaptureCounters;
  fault: CaptureFault | null = null;
  readonly #window: ByteWindow;
  readonly #walker: RecordWalker;
  #isOver = false;

  /** Owns the window. `counters` are those that the walker counts in. */
  constructor(name: string, sizeBytes: number, window: ByteWindow, walker: RecordWalker, counters: CaptureCounters) {
    this.name = name;
    this.sizeBytes = sizeBytes;
    this.interfaces = walker.interfaces;
    this.counters = counters;
    this.#window = window;
    this.#walker = walker;
  }

  async next(block: PacketBlock): Promise<boolean> {
    block.count = 0;
    while (!this.#isOver) {
      this.#walker.walk(this.#window, block);
      if (block.count > 0) break;
      if (this.#walker.fault !== null) this.#end();
      else if (!(await this.#window.refill(this.#walker.need))) this.#finish(block);
    }
    this.counters.fileBytes = this.#window.rawBytes;
    return block.count > 0;
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#window.close();
  }

  #finish(block: PacketBlock): void {
    this.#walker.finish(this.#window, block);
    this.#end();
  }

  /** Damage of the compressed stream is the cause of the cut that the walker saw, so it is what is told. */
  #end(): void {
    this.#isOver = true;
    const { origin, end, failure } = this.#window;
    const { fault } = this.#walker;
    if (failure === null || fault?.code === 'corrupt') this.fault = fault;
    else this.fault = { code: 'decompression', offset: origin + end, message: failure };
  }
}
