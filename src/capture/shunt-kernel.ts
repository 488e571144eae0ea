/**
 * The flow shunt in the kernel: its tables, its program, and the batch of flows that are finished with.
 *
 *     finish ─> batch (keys and values in the kernel's layout, no object a flow) ─ 256, or flush ─> one system call
 *
 * A thread owns the program and the counters it made, and closes them. The tables belong to the opener: those that joined use
 * their descriptors, and must have ended, or at least be done, before the opener closes. After that a late `flush` would write
 * to a descriptor that may be somebody else's.
 */
import type { FlowShunt, ShuntCounters, ShuntHandle, ShuntOptions, ShuntPrefix } from './flow-shunt.ts';
import {
  COUNTERS,
  FINISH_WORDS,
  FinishWord,
  KEY_WORDS,
  KeyWord,
  loadShuntAddon,
  Program,
  type ShuntAddon,
  Table,
} from './shunt-layout.ts';
import { isTaken, shuntRefusal, verifierText, xdpLoadRefusal, xdpRefusal } from './shunt-refusal.ts';

/** Flows handed over in one call. A worker finishes some thousand a second, and flushes every few milliseconds. */
const BATCH = 256;

/** Enough for the last instructions of a program that the verifier refuses; it is cut at the end, and then says ENOSPC. */
const LOG_BYTES = 1_048_576;

const WORD_BYTES = 4;
const NO_FD = -1;

/** What belongs to one shunt. -1 where there is none. */
interface Descriptors {
  readonly flows: number;
  readonly finished: number;
  readonly settings: number;
  readonly counters: number;
  readonly program: number;
  readonly link: number;
}

export class KernelShunt implements FlowShunt {
  readonly kind: 'socket' | 'xdp';
  readonly programFd: number;
  readonly classicProgram = null;
  readonly handle: ShuntHandle;
  readonly #notes: string[];
  readonly #addon: ShuntAddon;
  readonly #fds: Descriptors;
  readonly #isOpener: boolean;
  readonly #keys = new Int32Array(BATCH * KEY_WORDS);
  readonly #values = new Int32Array(BATCH * FINISH_WORDS);
  readonly #sums = new BigUint64Array(2 * COUNTERS);
  #count = 0;
  #finished = 0;
  #refused = 0;
  #isClosed = false;
  #isRefusalTold = false;

  private constructor(addon: ShuntAddon, fds: Descriptors, hasXdp: boolean, isOpener: boolean, notes: string[]) {
    this.#addon = addon;
    this.#fds = fds;
    this.#isOpener = isOpener;
    this.#notes = notes;
    this.kind = hasXdp ? 'xdp' : 'socket';
    this.programFd = hasXdp ? NO_FD : fds.program;
    this.handle = { flowsFd: fds.flows, finishedFd: fds.finished, settingsFd: fds.settings, hasXdp };
  }

  /** What stands against it in words, where eBPF can't be had. Throws `CaptureError` where there is no addon. */
  static open(options: ShuntOptions, interfaceName: string, prefix: ShuntPrefix | null): KernelShunt | string {
    const addon = loadShuntAddon();
    const owned: number[] = [];
    const tables = new Int32Array(4);
    for (const [table, name] of [
      [Table.Flows, 'flows'],
      [Table.Finished, 'finished flows'],
      [Table.Counters, 'counters'],
      [Table.Settings, 'settings'],
    ] as const) {
      const fd = addon.shuntTable(table, options.maxFlows);
      if (fd < 0) return give(addon, owned, shuntRefusal(`create the table of ${name}`, fd));
      owned.push(fd);
      tables[table] = fd;
    }
    const settings = Uint32Array.of(options.budgetBytes, options.youngPackets);
    const set = addon.shuntUpdate(
      tables[Table.Settings]!,
      Int32Array.of(0),
      WORD_BYTES,
      settings,
      settings.byteLength,
      1,
    );
    if (set < 0) return give(addon, owned, shuntRefusal('take the settings', set));

    const notes: string[] = [];
    if (options.xdp) {
      const attached = attachXdp(addon, tables, interfaceName, notes);
      if (typeof attached !== 'string') {
        return new KernelShunt(addon, { ...named(tables), ...attached }, true, true, notes);
      }
      notes.push(`${attached}; packets are dropped at the socket instead`);
    }
    const program = load(addon, Program.Socket, tables, prefix);
    if (typeof program === 'string') return give(addon, owned, program);
    return new KernelShunt(addon, { ...named(tables), program, link: NO_FD }, false, true, notes);
  }

  static join(handle: ShuntHandle, prefix: ShuntPrefix | null): KernelShunt | string {
    const addon = loadShuntAddon();
    const tables = Int32Array.of(handle.flowsFd, handle.finishedFd, NO_FD, handle.settingsFd);
    if (handle.hasXdp) {
      return new KernelShunt(addon, { ...named(tables), program: NO_FD, link: NO_FD }, true, false, []);
    }
    const counters = addon.shuntTable(Table.Counters, 1);
    if (counters < 0) return shuntRefusal('create the table of counters', counters);
    tables[Table.Counters] = counters;
    const program = load(addon, Program.Socket, tables, prefix);
    if (typeof program === 'string') return give(addon, [counters], program);
    return new KernelShunt(addon, { ...named(tables), program, link: NO_FD }, false, false, []);
  }

  get notes(): readonly string[] {
    return this.#notes;
  }

  finish(
    isV6: boolean,
    words: Int32Array,
    addrA: number,
    addrB: number,
    ports: number,
    isnA?: number,
    isnB?: number,
  ): void {
    const keys = this.#keys;
    const at = this.#count * KEY_WORDS;
    const length = isV6 ? 4 : 1;
    for (let i = 0; i < 4; i++) {
      keys[at + KeyWord.A + i] = i < length ? words[addrA + i]! : 0;
      keys[at + KeyWord.B + i] = i < length ? words[addrB + i]! : 0;
    }
    keys[at + KeyWord.Ports] = ports;
    keys[at + KeyWord.Kind] = isV6 ? 6 : 4;
    const values = this.#values;
    const valueAt = this.#count * FINISH_WORDS;
    const knowsIsn = isnA !== undefined && isnB !== undefined;
    values[valueAt + FinishWord.IsnA] = knowsIsn ? isnA : 0;
    values[valueAt + FinishWord.IsnB] = knowsIsn ? isnB : 0;
    values[valueAt + FinishWord.KnowsIsn] = knowsIsn ? 1 : 0;
    values[valueAt + FinishWord.IsVerified] = 0;
    this.#count += 1;
    if (this.#count === BATCH) this.flush();
  }

  flush(): void {
    const count = this.#count;
    this.#count = 0;
    if (count === 0 || this.#isClosed) return;
    const written = this.#addon.shuntUpdate(
      this.#fds.finished,
      this.#keys,
      KEY_WORDS * WORD_BYTES,
      this.#values,
      FINISH_WORDS * WORD_BYTES,
      count,
    );
    this.#finished += Math.max(written, 0);
    this.#refused += count - Math.max(written, 0);
    if (written < 0) this.#tellRefusal(shuntRefusal('take finished flows', written));
  }

  readCounters(): ShuntCounters {
    if (this.#fds.counters >= 0 && !this.#isClosed) {
      const result = this.#addon.shuntCounters(this.#fds.counters, this.#sums);
      if (result < 0) this.#tellRefusal(shuntRefusal('tell its counters', result));
    }
    const sums = this.#sums;
    const at = (index: number) => ({ packets: Number(sums[2 * index]!), bytes: Number(sums[2 * index + 1]!) });
    return {
      passed: at(0),
      dropped: { finished: at(1), budget: at(2), empty_ack: at(3), udp: at(4), filtered: at(5) },
      finished: this.#finished,
      refused: this.#refused,
    };
  }

  /** The last counters can still be read. */
  close(): void {
    if (this.#isClosed) return;
    this.flush();
    this.readCounters();
    this.#isClosed = true;
    const { link, program, counters, flows, finished, settings } = this.#fds;
    const owned = this.#isOpener ? [link, program, counters, flows, finished, settings] : [program, counters];
    give(this.#addon, owned, '');
  }

  /** Before Linux 5.19 a process without CAP_BPF may not touch a table, even one that it has open. */
  #tellRefusal(text: string): void {
    if (this.#isRefusalTold) return;
    this.#isRefusalTold = true;
    this.#notes.push(`${text}; before Linux 5.19 keep CAP_BPF for it. The byte budget of flows goes on without`);
  }
}

function named(tables: Int32Array): Pick<Descriptors, 'flows' | 'finished' | 'counters' | 'settings'> {
  return {
    flows: tables[Table.Flows]!,
    finished: tables[Table.Finished]!,
    counters: tables[Table.Counters]!,
    settings: tables[Table.Settings]!,
  };
}

/** Closes what there is of `fds`, and hands `reason` on. */
function give(addon: ShuntAddon, fds: readonly number[], reason: string): string {
  for (const fd of fds) if (fd >= 0) addon.shuntClose(fd);
  return reason;
}

/** The program's descriptor, or what stands against it. A refused one is tried again for what the verifier says. */
function load(
  addon: ShuntAddon,
  program: number,
  tables: Int32Array,
  prefix: ShuntPrefix | null,
  refuse = (result: number) => shuntRefusal('load the program', result),
): number | string {
  const instructions = prefix === null ? null : prefix.instructions;
  const fd = addon.shuntLoad(program, tables, instructions, null);
  if (fd >= 0) return fd;
  const log = new Uint8Array(LOG_BYTES);
  const again = addon.shuntLoad(program, tables, instructions, log);
  if (again >= 0) return again;
  const said = verifierText(log);
  return refuse(fd) + (said === '' ? '' : ` (${said})`);
}

/** Native first: the driver drops before the kernel makes a packet of it. Generic works with every driver. */
function attachXdp(
  addon: ShuntAddon,
  tables: Int32Array,
  interfaceName: string,
  notes: string[],
): Pick<Descriptors, 'program' | 'link'> | string {
  const program = load(addon, Program.Xdp, tables, null, (result) => xdpLoadRefusal(interfaceName, result));
  if (typeof program === 'string') return program;
  const native = addon.shuntAttachXdp(program, interfaceName, 0);
  if (native >= 0) return { program, link: native };
  const generic = isTaken(native) ? native : addon.shuntAttachXdp(program, interfaceName, 1);
  if (generic < 0) return give(addon, [program], xdpRefusal(interfaceName, generic));
  notes.push(`${xdpRefusal(interfaceName, native)}; the kernel's generic XDP is used, which is slower`);
  return { program, link: generic };
}
