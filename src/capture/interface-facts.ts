/**
 * What the kernel says of a network interface, as plain facts: the link, the card, its offloads, its counters. Nothing is judged here and
 * nothing is changed; none of it needs a privilege. It is read from the kernel itself and not from /sys, which may show another
 * network namespace than the one this process is in.
 */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { loadAddon } from './native-addon.ts';

/** What the card counted since it was made; null where the driver does not say. */
interface CardCounters {
  readonly packets: number | null;
  readonly errors: number | null;
  /** The card had no room: its ring was full (`missed`), or its own memory (`fifo`). */
  readonly missed: number | null;
  readonly fifo: number | null;
  /** Frames longer or shorter than it takes. */
  readonly length: number | null;
}

export interface InterfaceFacts {
  readonly name: string;
  readonly isUp: boolean;
  /** Null where the driver does not say. */
  readonly hasCarrier: boolean | null;
  readonly isLoopback: boolean;
  /** ARPHRD_ETHER. */
  readonly isEthernet: boolean;
  /** How many want it promiscuous, packet sockets included. */
  readonly promiscuity: number;
  /** Without the link header. */
  readonly mtu: number;
  /** Twelve lower-case digits. */
  readonly mac: string;
  /** IP addresses; of an interface that is down none is told. */
  readonly addresses: readonly string[];
  readonly driver: string | null;
  readonly speedMbps: number | null;
  /** Descriptors of the card's receive ring; null where it has none. */
  readonly ring: { readonly rx: number; readonly rxMax: number } | null;
  /** The kernel's names of features that are on (`rx-gro`); null where it does not say. */
  readonly features: ReadonlySet<string> | null;
  /** Those that can't be changed. */
  readonly fixed: ReadonlySet<string>;
  /** A program of somebody sees the packets before us. */
  readonly hasXdp: boolean;
  /** It is a port of a bridge or a bond. */
  readonly isPort: boolean;
  readonly card: CardCounters;
}

/** As native/interface/interface.h declares it. */
interface RawInterface {
  readonly flags: number;
  readonly mtu: number;
  readonly hardwareType: number;
  readonly address: string;
  readonly carrier: number;
  readonly promiscuity: number;
  readonly xdp: number;
  readonly master: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxMissed: number;
  readonly rxFifo: number;
  readonly rxLength: number;
  readonly driver: string | null;
  readonly speed: number;
  readonly ringRx: number;
  readonly ringRxMax: number;
  readonly features: readonly string[] | null;
  readonly fixed: readonly string[];
}

interface InterfaceAddon {
  interfaceNames(): string[];
  interfaceRead(name: string): RawInterface | null;
}

/** <linux/if.h> */
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
/** <linux/if_arp.h> */
const ARPHRD_ETHER = 1;

/** In the order of the kernel. Throws `CaptureError` where there is no addon. */
export function listInterfaces(): readonly string[] {
  return interfaceAddon().interfaceNames();
}

/** Null where there is no such interface. Throws `CaptureError` where there is no addon. */
export function readInterface(name: string): InterfaceFacts | null {
  const raw = interfaceAddon().interfaceRead(name);
  if (raw === null) return null;
  return {
    name,
    isUp: (raw.flags & IFF_UP) !== 0,
    hasCarrier: raw.carrier < 0 ? null : raw.carrier === 1,
    isLoopback: (raw.flags & IFF_LOOPBACK) !== 0,
    isEthernet: raw.hardwareType === ARPHRD_ETHER,
    promiscuity: raw.promiscuity,
    mtu: raw.mtu,
    mac: raw.address,
    addresses: (networkInterfaces()[name] ?? []).map(({ address }) => address),
    driver: raw.driver,
    speedMbps: orNull(raw.speed),
    ring: raw.ringRxMax < 0 ? null : { rx: raw.ringRx, rxMax: raw.ringRxMax },
    features: raw.features === null ? null : new Set(raw.features),
    fixed: new Set(raw.fixed),
    hasXdp: raw.xdp !== 0,
    isPort: raw.master !== 0,
    card: {
      packets: orNull(raw.rxPackets),
      errors: orNull(raw.rxErrors),
      missed: orNull(raw.rxMissed),
      fifo: orNull(raw.rxFifo),
      length: orNull(raw.rxLength),
    },
  };
}

/** The same without the addon; empty where the kernel's list is not there. */
export function listInterfacesOfProc(): readonly string[] {
  let text: string;
  try {
    text = readFileSync('/proc/net/dev', 'utf8');
  } catch {
    return [];
  }
  // `  eth0: 1 2 …`; an alias has colons in its name.
  return [...text.matchAll(/^\s*(\S+):\s/gm)].map(([, name]) => name!);
}

function orNull(value: number): number | null {
  return value < 0 ? null : value;
}

function interfaceAddon(): InterfaceAddon {
  const addon = loadAddon();
  assertInterface(addon);
  return addon;
}

function assertInterface(addon: object): asserts addon is InterfaceAddon {
  if (!('interfaceRead' in addon)) throw new Error('the addon is older than the sources: npm run build:native');
}
