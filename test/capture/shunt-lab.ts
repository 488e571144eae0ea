/** The shunt's programs in the real kernel, fed by BPF_PROG_TEST_RUN. Nothing is attached, and nothing stays behind. */

import { SHUNT_REASONS, type ShuntReason } from '../../src/capture/flow-shunt.ts';
import {
  COUNTERS,
  FINISH_WORDS,
  FLOW_WORDS,
  KEY_WORDS,
  loadShuntAddon,
  Program,
  type ShuntAddon,
  Table,
} from '../../src/capture/shunt-layout.ts';
import type { FlowKey } from './shunt-packets.ts';

export type Verdict = 'passed' | ShuntReason;
export const VERDICTS: readonly Verdict[] = ['passed', ...SHUNT_REASONS];

/** What the kernel's test takes at least: an Ethernet header. The socket's also wants something behind it, see `takes`. */
export const MIN_TEST_BYTES = { socket: 15, xdp: 14 } as const;
export type Kind = keyof typeof MIN_TEST_BYTES;

export interface Sums {
  readonly packets: readonly number[];
  readonly bytes: readonly number[];
}

/**
 * Whether the kernel's test takes such a packet: newer kernels refuse one for a socket filter that ends within its first IP header.
 * test/capture/shunt-live.test.ts has those.
 */
export function takes(kind: Kind, packet: Uint8Array): boolean {
  if (packet.length < MIN_TEST_BYTES[kind]) return false;
  if (kind === 'xdp') return true;
  const type = (packet[12]! << 8) | packet[13]!;
  return packet.length >= 14 + (type === 0x0800 ? 20 : type === 0x86dd ? 40 : 1);
}

/** Why the kernel's programs can't be run here, or null. */
export function labRefusal(): string | null {
  if (process.platform !== 'linux') return 'it is for Linux only';
  try {
    const addon = loadShuntAddon();
    const fd = addon.shuntTable(Table.Flows, 16);
    if (fd < 0) return `no CAP_BPF (error ${-fd})`;
    addon.shuntClose(fd);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export class ShuntLab {
  readonly addon: ShuntAddon = loadShuntAddon();
  readonly kind: Kind;
  readonly #tables = new Int32Array(4);
  readonly #program: number;
  readonly #result = new Uint32Array(2);
  readonly #sums = new BigUint64Array(2 * COUNTERS);

  constructor(
    kind: Kind,
    budgetBytes: number,
    youngPackets: number,
    maxFlows = 4096,
    prefix: Uint8Array | null = null,
  ) {
    this.kind = kind;
    for (let table = 0; table < 4; table++) this.#tables[table] = check(this.addon.shuntTable(table, maxFlows));
    const settings = Uint32Array.of(budgetBytes, youngPackets);
    check(this.addon.shuntUpdate(this.#tables[Table.Settings]!, Int32Array.of(0), 4, settings, 8, 1));
    const program = kind === 'xdp' ? Program.Xdp : Program.Socket;
    // Without a log at first: one that overflows is an error by itself.
    const log = new Uint8Array(1_048_576);
    let fd = this.addon.shuntLoad(program, this.#tables, prefix, null);
    if (fd < 0) fd = this.addon.shuntLoad(program, this.#tables, prefix, log);
    if (fd < 0)
      throw new Error(`error ${-fd}: ${new TextDecoder().decode(log.subarray(0, log.indexOf(0))).slice(-2000)}`);
    this.#program = fd;
  }

  /** Whether the packet passes. */
  passes(packet: Uint8Array): boolean {
    check(this.addon.shuntTestRun(this.#program, packet, 1, this.#result));
    const returned = this.#result[0]!;
    if (this.kind === 'xdp') {
      if (returned !== 1 && returned !== 2) throw new Error(`XDP program returned ${returned}`);
      return returned === 2;
    }
    if (returned !== 0 && returned !== 0xffffffff) throw new Error(`socket program returned ${returned}`);
    return returned !== 0;
  }

  /** What became of the packet, by the counters. */
  judge(packet: Uint8Array): Verdict {
    const before = this.sums();
    const passes = this.passes(packet);
    const after = this.sums();
    const changed = VERDICTS.filter((_, i) => after.packets[i] !== before.packets[i]);
    if (changed.length !== 1) throw new Error(`one packet was counted as ${changed.join(' and ')}`);
    const verdict = changed[0]!;
    if (passes !== (verdict === 'passed')) throw new Error(`counted as ${verdict}, but it did otherwise`);
    return verdict;
  }

  /** Nanoseconds that a packet takes, over many runs. */
  measureNs(packet: Uint8Array, repeat: number): number {
    check(this.addon.shuntTestRun(this.#program, packet, repeat, this.#result));
    return this.#result[1]!;
  }

  /** Bytes are those of the frame. The kernel's test of a socket filter leaves the Ethernet header out of the length. */
  sums(): Sums {
    check(this.addon.shuntCounters(this.#tables[Table.Counters]!, this.#sums));
    const indexes = Array.from({ length: COUNTERS }, (_, i) => i);
    const hidden = this.kind === 'socket' ? 14 : 0;
    const packets = indexes.map((i) => Number(this.#sums[2 * i]!));
    return { packets, bytes: indexes.map((i) => Number(this.#sums[2 * i + 1]!) + hidden * packets[i]!) };
  }

  finish(flow: FlowKey, isns: readonly [a: number, b: number] | null = null): void {
    const value = Int32Array.from(isns === null ? [0, 0, 0, 0] : [...isns, 1, 0]);
    check(
      this.addon.shuntUpdate(this.#tables[Table.Finished]!, keyOf(flow), 4 * KEY_WORDS, value, 4 * FINISH_WORDS, 1),
    );
  }

  /** The flow's entry, or null. */
  entry(flow: FlowKey): Uint32Array | null {
    const value = new Uint32Array(FLOW_WORDS);
    return this.addon.shuntLookup(this.#tables[Table.Flows]!, keyOf(flow), value) === 0 ? value : null;
  }

  close(): void {
    for (const fd of [this.#program, ...this.#tables]) check(this.addon.shuntClose(fd));
  }
}

function keyOf(flow: FlowKey): Int32Array {
  return Int32Array.from([...flow.words, flow.ports, flow.isV6 ? 6 : 4]);
}

function check(result: number): number {
  if (result < 0) throw new Error(`the kernel says error ${-result}`);
  return result;
}
