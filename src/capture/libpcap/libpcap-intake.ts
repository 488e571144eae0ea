/**
 * Packets of an interface through libpcap, for systems without the kernel's ring: macOS, the BSDs, Windows.
 *
 *     cap's callback, on the main thread ─> queue in shared memory ─> LibpcapSource, in a worker
 *
 * `cap` is bound to the loop of the main thread, so the intake is there and does nothing but copy; the pipeline reads in a thread of its
 * own. It is the slow way: a call into JavaScript for each packet, and no shunt. What `cap` does not tell:
 *
 *   - time stamps: the clock when the packet is told, later by what it waited;
 *   - what the kernel dropped before libpcap: only the queue's own drops are counted;
 *   - the length on the wire: packets are whole up to 65,535 bytes, and what is longer shows by its IP length;
 *   - the state of the link. On Linux an interface that goes down, or is removed, ends the process: `cap` 0.2.1 asserts that
 *     polling never fails. Whoever starts the sensor starts it again; what the spool has accepted is kept.
 *
 * While packets come faster than they are told, `cap` does not return to the loop: the queue fills, drops are counted, and the
 * main thread's other work waits.
 */

import { escapeUnsafe } from '../../bytes/text.ts';
import { CaptureError } from '../capture-error.ts';
import { toLinkType } from './cap-link-type.ts';
import { type CapHandle, type CapPackage, loadCap } from './cap-package.ts';
import { createQueueMemory, PacketQueue } from './packet-queue.ts';

/** What `cap` asks libpcap for: its snap length. */
const SNAP_BYTES = 65_535;
/** The clock of the day has whole milliseconds, so packets are timed by the process's own; the two are compared this often. */
const CLOCK_CHECK_MS = 1_000;
/** And the first is followed where they are further apart than its own steps. */
const CLOCK_SLACK_US = 2_000;

/** 32 MiB: half a second of 500 Mbit/s. */
const DEFAULT_BYTES = 33_554_432;

export const LIBPCAP_DEFAULTS = { kernelBufferBytes: DEFAULT_BYTES, queueBytes: DEFAULT_BYTES } as const;

export interface LibpcapOptions {
  /** As libpcap names it: `en0`, `em1`, `\Device\NPF_{GUID}`. */
  readonly interface: string;
  /** A pcap expression, or null. */
  readonly filter: string | null;
  /** Asked of the kernel, which may give less. */
  readonly kernelBufferBytes: number;
  readonly queueBytes: number;
}

/** For `openLibpcapSource` in another thread: plain data and shared memory. */
export interface LibpcapHandle {
  readonly interface: string;
  readonly linkType: number;
  readonly memory: SharedArrayBuffer;
}

export class LibpcapIntake {
  readonly handle: LibpcapHandle;
  readonly #queue: PacketQueue;
  readonly #cap: CapHandle;
  readonly #buffer: Buffer;
  #clockBaseUs = 0;
  #clockCheckedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: LibpcapOptions, { Cap }: CapPackage) {
    const memory = createQueueMemory(options.queueBytes);
    this.#queue = new PacketQueue(memory);
    this.#buffer = Buffer.alloc(SNAP_BYTES);
    this.#cap = new Cap();
    let linkName: string;
    try {
      linkName = this.#cap.open(options.interface, options.filter ?? '', options.kernelBufferBytes, this.#buffer);
    } catch (error) {
      throw refusal(options.interface, error);
    }
    const linkType = toLinkType(linkName);
    if (linkType === null) {
      this.#cap.close();
      const name = escapeUnsafe(options.interface);
      throw new CaptureError(
        'no_interface',
        options.interface,
        `${name}: libpcap reads it as ${escapeUnsafe(linkName)}`,
      );
    }
    // Windows would gather 16 KB before it says anything.
    this.#cap.setMinBytes?.(0);
    this.#cap.on('packet', (sizeBytes) => this.#add(sizeBytes));
    this.handle = { interface: options.interface, linkType, memory };
  }

  /** Nothing is told any more; what is in the queue can still be read. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue.stop();
    this.#cap.close();
  }

  #add(sizeBytes: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#clockCheckedAt > CLOCK_CHECK_MS) {
      this.#clockCheckedAt = nowMs;
      const baseUs = Date.now() * 1000 - nowMs * 1000;
      if (Math.abs(baseUs - this.#clockBaseUs) > CLOCK_SLACK_US) this.#clockBaseUs = baseUs;
    }
    this.#queue.add(this.#buffer, sizeBytes, sizeBytes, Math.floor(this.#clockBaseUs + nowMs * 1000));
  }
}

/** Opens an interface on the main thread. Rejects with `CaptureError` and the cure. */
export async function openLibpcap(options: LibpcapOptions): Promise<LibpcapIntake> {
  return new LibpcapIntake(options, await loadCap());
}

function refusal(path: string, error: unknown): CaptureError {
  const said = error instanceof Error ? error.message : String(error);
  const text = `${escapeUnsafe(path)}: ${escapeUnsafe(said)}`;
  if (/permission|not permitted/i.test(said)) {
    const cure = 'run it as root, or (macOS, BSD) as a user who may read /dev/bpf*';
    return new CaptureError('no_permission', path, `${text}; ${cure}`, error);
  }
  if (/filter|syntax|expression/i.test(said)) return new CaptureError('bad_filter', path, text, error);
  return new CaptureError('no_interface', path, text, error);
}
