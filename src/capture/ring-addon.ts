/** What `native/ring/` exports, typed. `native/ring/ring.h` describes it. */
import { CaptureError } from './capture-error.ts';
import { loadAddon } from './native-addon.ts';

/** A ring of the addon's: opaque. */
export interface NativeRing {
  readonly __ring: unique symbol;
}

export interface RingRequest {
  readonly interface: string;
  readonly blockBytes: number;
  readonly blocks: number;
  readonly retireMs: number;
  /** -1: none. */
  readonly fanoutGroup: number;
  readonly promiscuous: boolean;
  readonly hardwareTime: boolean;
  /** Descriptor of an eBPF program, or -1. */
  readonly programFd: number;
  /** An array of `struct sock_filter`. */
  readonly classicProgram: Uint8Array | null;
}

interface OpenedRing {
  readonly ring: NativeRing;
  readonly buffer: ArrayBuffer;
  readonly interfaceIndex: number;
  /** ARPHRD_ number of the interface. */
  readonly hardwareType: number;
  readonly isUp: boolean;
  readonly ignoresOutgoing: boolean;
  /** Times are the card's: it was asked for, and the card stamps all packets. */
  readonly hardwareTime: boolean;
}

export interface RefusedRing {
  readonly step: string;
  readonly errno: number;
  readonly reason: string;
}

interface RingStatistics {
  readonly packets: number;
  readonly drops: number;
  readonly freezes: number;
}

export interface RingAddon {
  ringOpen(request: RingRequest): OpenedRing | RefusedRing;
  ringPoll(ring: NativeRing, milliseconds: number): number;
  ringStatistics(ring: NativeRing): RingStatistics;
  ringFilter(ring: NativeRing, programFd: number, classicProgram: Uint8Array | null): number;
  ringRebind(ring: NativeRing, interfaceName: string, promiscuous: boolean): number;
  ringIsUp(ring: NativeRing, interfaceName: string): number;
  ringClose(ring: NativeRing): void;
}

/** Throws `CaptureError` where there is no addon. */
export function ringAddon(): RingAddon {
  const addon = loadAddon();
  if (!isRingAddon(addon))
    throw new CaptureError('no_addon', '', 'the addon is of another version: npm run build:native');
  return addon;
}

function isRingAddon(addon: object): addon is RingAddon {
  return 'ringOpen' in addon;
}
