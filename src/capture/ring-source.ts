/**
 * Packets of an interface through a ring that the kernel fills and this process reads, without a copy (AF_PACKET, TPACKET_V3).
 *
 * The ring waits in `next`, inside the thread that reads it: a capture worker has nothing else to do. An interface that goes down and comes
 * back is waited for. One that is removed is looked for by its name once a second, where its socket can be bound anew; a socket in
 * a fanout group can't.
 */
import { constants } from 'node:os';
import { escapeUnsafe } from '../bytes/text.ts';
import { CaptureError } from './capture-error.ts';
import { errnoName } from './errno-name.ts';
import type { FlowShunt } from './flow-shunt.ts';
import type { KernelCounters, LinkState, LiveSource, ShuntedCount } from './live-source.ts';
import type { CaptureCounters, CaptureInterface, PacketBlock } from './packet-source.ts';
import { type NativeRing, type RefusedRing, type RingAddon, ringAddon } from './ring-addon.ts';
import { RingWalker } from './ring-block.ts';

/** `next` waits so long at most: whoever reads looks at the clock this often. */
const POLL_MS = 100;
/** The interface is asked about so often. */
const LINK_CHECK_MS = 1_000;
/** What came in before the intake stopped is in closed blocks after twice the time-out of a block, and this. */
const DRAIN_SLACK_MS = 200;

const DEFAULT_BLOCK_BYTES = 1 << 20;
const DEFAULT_BLOCKS = 64;
const DEFAULT_RETIRE_MS = 50;

export const RING_DEFAULTS = {
  blockBytes: DEFAULT_BLOCK_BYTES,
  blocks: DEFAULT_BLOCKS,
  retireMs: DEFAULT_RETIRE_MS,
  promiscuous: true,
} as const;

export interface RingOptions {
  readonly interface: string;
  /** A power of two from 64 KiB; the whole ring is `blockBytes * blocks`, at most 1 GiB. */
  readonly blockBytes: number;
  readonly blocks: number;
  /** A block that is not full is given to the reader after so many milliseconds. */
  readonly retireMs: number;
  readonly promiscuous: boolean;
  /** The rings of a group share the interface's flows; null: this ring gets all. */
  readonly fanoutGroup: number | null;
  /** Times by the card's own clock where it has one that is switched on (`hwstamp_ctl`); it may not be the system's. */
  readonly hardwareTime?: boolean;
  /** Opened for this ring, which closes it. */
  readonly shunt: FlowShunt | null;
  /** The user's own filter as an array of `sock_filter`, for a ring without an eBPF program. */
  readonly classicFilter: Uint8Array | null;
}

/** Throws `CaptureError` with the cure; the shunt is closed then. */
export function openRing(options: RingOptions): LiveSource {
  try {
    return new RingSource(options, ringAddon());
  } catch (error) {
    options.shunt?.close();
    throw error;
  }
}

class RingSource implements LiveSource {
  readonly name: string;
  readonly sizeBytes = 0;
  readonly interfaces: readonly CaptureInterface[];
  readonly fault = null;
  readonly shunt: FlowShunt | null;
  link: LinkState;
  readonly #addon: RingAddon;
  readonly #ring: NativeRing;
  readonly #walker: RingWalker;
  readonly #options: RingOptions;
  readonly #ownNotes: string[] = [];
  /** PACKET_STATISTICS, which begins anew each time it is asked for. */
  #packets = 0;
  #drops = 0;
  #freezes = 0;
  #linkCheckAtMs: number;
  /** When the intake was stopped, by `performance.now()`; Infinity while it goes on. */
  #stoppedMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(options: RingOptions, addon: RingAddon) {
    const { shunt } = options;
    this.name = options.interface;
    this.shunt = shunt;
    this.#options = options;
    this.#addon = addon;
    const opened = addon.ringOpen({
      interface: options.interface,
      blockBytes: options.blockBytes,
      blocks: options.blocks,
      retireMs: options.retireMs,
      fanoutGroup: options.fanoutGroup ?? -1,
      promiscuous: options.promiscuous,
      hardwareTime: options.hardwareTime ?? false,
      programFd: shunt?.programFd ?? -1,
      classicProgram: this.#classicProgram(),
    });
    if ('step' in opened) throw toOpenError(opened, options);
    const linkType = LINK_TYPES.get(opened.hardwareType);
    if (linkType === undefined) {
      addon.ringClose(opened.ring);
      throw new CaptureError(
        'no_interface',
        this.name,
        `${escapeUnsafe(this.name)}: interfaces of hardware type ${opened.hardwareType} can't be read; Ethernet, loopback and tunnels without a link header can`,
      );
    }
    this.#ring = opened.ring;
    if (options.hardwareTime === true && !opened.hardwareTime) {
      this.#ownNotes.push(
        `${this.name}: times are the kernel's: the card does not stamp all packets; where it can: hwstamp_ctl -i ${this.name} -r 1`,
      );
    }
    this.interfaces = [{ name: this.name, linkType }];
    this.link = opened.isUp ? 'up' : 'down';
    this.#walker = new RingWalker(opened.buffer, {
      blockBytes: options.blockBytes,
      blocks: options.blocks,
      hasOutgoing: !opened.ignoresOutgoing,
      isEthernet: linkType === LINKTYPE_ETHERNET,
    });
    this.#linkCheckAtMs = performance.now() + LINK_CHECK_MS;
  }

  get notes(): readonly string[] {
    return [...this.#ownNotes, ...(this.shunt?.notes ?? [])];
  }

  get counters(): CaptureCounters {
    const { walked, walkedBytes, truncated } = this.#walker;
    return { packets: walked, bytes: walkedBytes, truncated, fileBytes: 0, skippedBlocks: 0 };
  }

  async next(block: PacketBlock): Promise<boolean> {
    if (this.#isClosed) return false;
    const count = this.#walker.read(block);
    if (this.#stoppedMs !== Number.POSITIVE_INFINITY) return count > 0 || this.#drain(block);
    this.#watchLink();
    if (count > 0) return true;
    if (this.link === 'gone' && this.#options.fanoutGroup !== null) throw toGoneError(this.name);
    const result = this.#addon.ringPoll(this.#ring, POLL_MS);
    // The socket's error. It may be up again by now: then this is the only sign that it was not, so it is told before it is looked at.
    if (result < 0) this.#linkCheckAtMs = 0;
    if (result === -constants.errno.ENETDOWN) this.link = 'down';
    this.#walker.read(block);
    return true;
  }

  readKernel(): KernelCounters {
    this.#readStatistics();
    const { walked, walkedBytes, outgoing } = this.#walker;
    const shunted: Record<string, ShuntedCount> = {};
    if (outgoing > 0) shunted['outgoing'] = { packets: outgoing, bytes: 0 };
    const base = { ringDropped: this.#drops, walked, freezes: this.#freezes, shunted };
    const waiting = Math.max(0, this.#packets - this.#drops - walked - outgoing);
    if (this.shunt?.kind !== 'socket') {
      return { ...base, received: this.#packets, receivedBytes: walkedBytes, waiting };
    }
    const { passed, dropped } = this.shunt.readCounters();
    let { packets, bytes } = passed;
    for (const [reason, count] of Object.entries(dropped)) {
      packets += count.packets;
      bytes += count.bytes;
      if (count.packets > 0) shunted[reason] = { ...count };
    }
    return { ...base, received: packets, receivedBytes: bytes, waiting };
  }

  stopIntake(): void {
    if (this.#isClosed || this.#stoppedMs !== Number.POSITIVE_INFINITY) return;
    const result = this.#addon.ringFilter(this.#ring, -1, null);
    if (result < 0) this.#ownNotes.push(`${this.name}: the intake could not be stopped: ${errnoName(-result)}`);
    this.#stoppedMs = performance.now();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#addon.ringClose(this.#ring);
    this.shunt?.close();
  }

  /** After the intake stopped: false once the ring has nothing that was not given out. */
  #drain(block: PacketBlock): boolean {
    const untilMs = this.#stoppedMs + 2 * this.#options.retireMs + DRAIN_SLACK_MS;
    for (;;) {
      this.#readStatistics();
      const isDrained = this.#packets - this.#drops - this.#walker.walked - this.#walker.outgoing <= 0;
      // A packet that was past the filter when it changed may come a moment later: the time-out of a block is waited out.
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || (isDrained && leftMs <= DRAIN_SLACK_MS)) return this.#walker.read(block) > 0;
      this.#addon.ringPoll(this.#ring, Math.min(leftMs, this.#options.retireMs));
      if (this.#walker.read(block) > 0) return true;
    }
  }

  #readStatistics(): void {
    if (this.#isClosed) return;
    const { packets, drops, freezes } = this.#addon.ringStatistics(this.#ring);
    this.#packets += packets;
    this.#drops += drops;
    this.#freezes += freezes;
  }

  /** Once a second, and at once when the socket had an error. */
  #watchLink(): void {
    const nowMs = performance.now();
    if (nowMs < this.#linkCheckAtMs) return;
    this.#linkCheckAtMs = nowMs + LINK_CHECK_MS;
    const state = this.#addon.ringIsUp(this.#ring, this.name);
    if (state >= 0) {
      this.link = state === 1 ? 'up' : 'down';
      return;
    }
    this.link = 'gone';
    if (this.#options.fanoutGroup !== null) return;
    // As long as there is no interface of that name, this says so. Whether it is up is seen a moment later.
    if (this.#addon.ringRebind(this.#ring, this.name, this.#options.promiscuous) <= 0) return;
    this.link = 'down';
    this.#linkCheckAtMs = 0;
  }

  #classicProgram(): Uint8Array | null {
    const { shunt, classicFilter } = this.#options;
    if (shunt === null || shunt.kind === 'xdp') return classicFilter;
    if (shunt.programFd >= 0) return null;
    if (classicFilter !== null && shunt.classicProgram !== null) {
      this.#ownNotes.push(
        `${this.name}: without eBPF there is room for one filter: it is yours, so empty segments are not dropped`,
      );
    }
    return classicFilter ?? shunt.classicProgram;
  }
}

const LINKTYPE_ETHERNET = 1;
const LINKTYPE_RAW = 101;

/** ARPHRD_ (<linux/if_arp.h>) to LINKTYPE_. */
const LINK_TYPES: ReadonlyMap<number, number> = new Map([
  [1, LINKTYPE_ETHERNET],
  // Loopback has an Ethernet header of zeroes.
  [772, LINKTYPE_ETHERNET],
  // PPP's header is taken off for packet sockets.
  [512, LINKTYPE_RAW],
  [768, LINKTYPE_RAW],
  [769, LINKTYPE_RAW],
  [776, LINKTYPE_RAW],
  // ARPHRD_NONE: tun, WireGuard.
  [65_534, LINKTYPE_RAW],
]);

function toOpenError({ step, errno, reason }: RefusedRing, options: RingOptions): CaptureError {
  const name = options.interface;
  const shown = escapeUnsafe(name);
  const { EPERM, EACCES, EINVAL, ENOMEM } = constants.errno;
  if (step === 'interface') {
    return new CaptureError('no_interface', name, `${shown}: there is no such interface; see: ip link`);
  }
  if (step === 'size' || (step === 'ring' && (errno === EINVAL || errno === ENOMEM))) {
    const size = `${options.blocks} blocks of ${options.blockBytes} bytes`;
    const cure =
      errno === ENOMEM
        ? 'there is not so much memory free in one piece; ask for less'
        : 'blocks are powers of two from 64 KiB, and 1 GiB in all at most';
    return new CaptureError('bad_ring', name, `${shown}: no ring of ${size}: ${cure}`);
  }
  if (errno === EPERM || errno === EACCES) {
    return new CaptureError(
      'no_permission',
      name,
      `${shown}: reading an interface needs CAP_NET_RAW (step ${step}): start as root, or by systemd with AmbientCapabilities=CAP_NET_RAW`,
    );
  }
  if (step === 'fanout' && errno === EINVAL) {
    // Older kernels let a socket join a group only where the interface is up.
    return new CaptureError(
      'read_failed',
      name,
      `${shown}: the rings can't share the interface: it is down (ip link set ${shown} up), or another program has a group of number ${options.fanoutGroup}`,
    );
  }
  return new CaptureError('read_failed', name, `${shown}: can't be opened: ${step}: ${reason}`);
}

function toGoneError(name: string): CaptureError {
  return new CaptureError(
    'interface_gone',
    name,
    `${escapeUnsafe(name)}: the interface was removed, and rings that share one can't be bound anew; start the capture again when it is back`,
  );
}
