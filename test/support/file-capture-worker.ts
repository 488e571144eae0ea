/** A capture worker whose interface is a file: what comes from it comes once, and then the interface is silent. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CaptureError } from '../../src/capture/capture-error.ts';
import type { KernelCounters, LinkState, LiveSource } from '../../src/capture/live-source.ts';
import { openCapture } from '../../src/capture/open-capture.ts';
import type { PacketBlock, PacketSource } from '../../src/capture/packet-source.ts';
import { runCaptureWorker } from '../../src/sensor/run-capture-worker.ts';
import type { FileInterface } from './file-interface.ts';

const SILENCE_MS = 10;

class FileLiveSource implements LiveSource {
  link: LinkState = 'up';
  readonly shunt = null;
  readonly notes = ['the interface is a file'];
  readonly #plan: FileInterface;
  readonly #index: number;
  #file: PacketSource;
  #round = 0;
  #blocks = 0;
  #walked = 0;
  #bytes = 0;
  #isOver = false;
  #isStopped = false;

  constructor(plan: FileInterface, index: number, file: PacketSource) {
    this.#plan = plan;
    this.#index = index;
    this.#file = file;
  }

  get name(): string {
    return this.#file.name;
  }

  get interfaces(): PacketSource['interfaces'] {
    return this.#file.interfaces;
  }

  get sizeBytes(): number {
    return 0;
  }

  get counters(): PacketSource['counters'] {
    return { packets: this.#walked, bytes: this.#bytes, truncated: 0, fileBytes: 0, skippedBlocks: 0 };
  }

  get fault(): null {
    return null;
  }

  async next(block: PacketBlock): Promise<boolean> {
    const { failAt, exitAt, linkDownAt } = this.#plan;
    this.#blocks += 1;
    if (this.#index === 0) {
      if (this.#blocks === failAt) throw new Error('the impossible happened');
      if (this.#blocks === exitAt) process.exit(7);
      if (this.#blocks === linkDownAt) this.link = 'down';
    }
    if (!this.#isOver && (await this.#file.next(block))) {
      this.#choose(block);
      return true;
    }
    this.#round += 1;
    this.#isOver = this.#isStopped || this.#round >= (this.#plan.rounds ?? 1);
    block.count = 0;
    if (!this.#isOver) {
      await this.#file.close();
      this.#file = await openCapture(this.#plan.path);
      return true;
    }
    if (this.#isStopped) return false;
    await sleep(SILENCE_MS);
    return true;
  }

  /** Keeps the packets of this worker's flows, as the kernel's fanout does. */
  #choose(block: PacketBlock): void {
    let kept = 0;
    for (let i = 0; i < block.count; i++) {
      const at = block.at[i]!;
      if (this.#plan.workers > 1 && hashOf(block.buf, at) % this.#plan.workers !== this.#index) continue;
      block.at[kept] = at;
      block.capLen[kept] = block.capLen[i]!;
      block.wireLen[kept] = block.wireLen[i]!;
      block.tsUs[kept] = block.tsUs[i]!;
      block.iface[kept] = block.iface[i]!;
      this.#bytes += block.capLen[i]!;
      kept += 1;
    }
    block.count = kept;
    this.#walked += kept;
  }

  readKernel(): KernelCounters {
    const [received, walked] = [this.#walked, this.#walked];
    const shunted = { udp: { packets: 0, bytes: 0 } };
    return { received, receivedBytes: this.#bytes, ringDropped: 0, walked, waiting: 0, freezes: 0, shunted };
  }

  stopIntake(): void {
    this.#isStopped = true;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** The same for both directions of a flow: the addresses and ports of IPv4 in Ethernet, added. */
function hashOf(buf: Uint8Array, at: number): number {
  let sum = 0;
  for (let i = 26; i < 38; i += 2) sum += (buf[at + i]! << 8) + buf[at + i + 1]!;
  return sum;
}

await runCaptureWorker(async (plan, _shared, index) => {
  const file: FileInterface = JSON.parse(plan.interface);
  if (file.refuse === true && index === 1) throw new CaptureError('not_found', 'eth9', 'eth9: no such interface');
  return new FileLiveSource(file, index, await openCapture(file.path));
});
