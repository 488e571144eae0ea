/**
 * The shunt's tables as they lie in the kernel, and the addon's functions for them. The layouts are those of
 * native/shunt/shunt.bpf.c: words in the host's order.
 *
 *     key      a 4 words | b 4 words | ports | kind          40 bytes; IPv4 in the first word of each
 *     flow     side a | side b | packets | unused            40 bytes
 *       side   bytes | next | isn | known                    16 bytes
 *     finish   isn a | isn b | knows isn | is verified       16 bytes
 */
import { loadAddon } from './native-addon.ts';

export const KEY_WORDS = 10;
export const FINISH_WORDS = 4;
export const FLOW_WORDS = 10;

/** Words of a key. */
export const KeyWord = { A: 0, B: 4, Ports: 8, Kind: 9 } as const;
/** Words of a finish. */
export const FinishWord = { IsnA: 0, IsnB: 1, KnowsIsn: 2, IsVerified: 3 } as const;

/** Passed, and a counter for each reason. */
export const COUNTERS = 6;

/** `enum shunt_table`. */
export const Table = { Flows: 0, Finished: 1, Counters: 2, Settings: 3 } as const;
/** `enum shunt_program`. */
export const Program = { Socket: 0, Xdp: 1 } as const;

/** What native/shunt/shunt.h declares. A negative result is an errno. */
export interface ShuntAddon {
  shuntTable(table: number, entries: number): number;
  shuntLoad(program: number, fds: Int32Array, prefix: Uint8Array | null, log: Uint8Array | null): number;
  shuntUpdate(
    fd: number,
    keys: Int32Array,
    keyLen: number,
    values: Int32Array | Uint32Array,
    valueLen: number,
    count: number,
  ): number;
  shuntLookup(fd: number, key: Int32Array, value: Uint32Array): number;
  shuntCounters(fd: number, sums: BigUint64Array): number;
  shuntTestRun(fd: number, packet: Uint8Array, repeat: number, result: Uint32Array): number;
  shuntAttachXdp(fd: number, interfaceName: string, mode: number): number;
  shuntClose(fd: number): number;
}

/** Throws `CaptureError` where there is no addon. */
export function loadShuntAddon(): ShuntAddon {
  const addon = loadAddon();
  assertShunt(addon);
  return addon;
}

function assertShunt(addon: object): asserts addon is ShuntAddon {
  if (!('shuntTable' in addon)) throw new Error('the addon is older than the sources: npm run build:native');
}
