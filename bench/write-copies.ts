/**
 * A recording many times over: copy `k` lies in network `k` and begins `k` steps later, so that many copies are under way at
 * any time and their packets stand between each other's.
 */
import type { PacketList } from './packet-list.ts';
import type { PcapFile } from './pcap-file.ts';
import { MAX_NETWORKS, moveToNetwork } from './readdress.ts';

/** Writes `copies` of `list`, in order of time. */
export function writeCopies(list: PacketList, copies: number, stepUs: number, file: PcapFile): void {
  if (copies > MAX_NETWORKS) throw new RangeError(`${copies} copies need more than ${MAX_NETWORKS} networks`);
  const total = list.at.length;
  const next = new Int32Array(copies);
  const dueUs = Float64Array.from(next, (_, copy) => (total === 0 ? Infinity : list.tsUs[0]! + copy * stepUs));
  for (let left = total * copies; left > 0; left--) {
    const copy = indexOfLeast(dueUs);
    const i = next[copy]!;
    const at = list.at[i]!;
    const copyAt = file.put(dueUs[copy]!, list.buf, at, at + list.len[i]!);
    if (copy > 0) moveToNetwork(file.buf, copyAt, copy);
    next[copy] = i + 1;
    dueUs[copy] = i + 1 < total ? list.tsUs[i + 1]! + copy * stepUs : Infinity;
  }
}

/** A few dozen copies are looked through faster than a heap is kept. */
function indexOfLeast(values: Float64Array): number {
  let least = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! < values[least]!) least = i;
  return least;
}
