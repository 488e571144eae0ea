/**
 * A user's own filter, `--bpf EXPR`: a pcap expression, compiled by the libpcap of this machine, ready to be attached.
 *
 *     expression ─> libpcap ─> classic program ─> check ─┬─> attached as it is, where there is no shunt
 *                                                        └─> eBPF, in front of the shunt's program (one socket, one filter)
 *
 * libpcap is looked for only here and only now: without `--bpf` nobody needs it. The program is the one that tcpdump would use on
 * the same interface: libpcap is asked through a handle of that interface, so that `vlan`, `inbound` and `outbound` work,
 * which ask for what lies beside the packet in the kernel. Names of hosts and services in an expression are looked up by
 * libpcap, once.
 *
 * The filter stands before a socket. With `--xdp` the shunt drops earlier, in the driver: a packet that it drops there never
 * comes to the filter, and one that the filter refuses is counted by the socket. What is delivered is the same.
 */

import { endianness } from 'node:os';
import { escapeUnsafe } from '../bytes/text.ts';
import { CaptureError } from './capture-error.ts';
import { checkClassicBytes, readClassicProgram } from './classic-bpf.ts';
import { translateClassic } from './classic-to-ebpf.ts';
import { MAX_FILTER_CHARACTERS, MAX_PACKET_BYTES } from './limits.ts';
import { loadAddon } from './native-addon.ts';

/** LINKTYPE_ETHERNET. */
const ETHERNET = 1;

/** native/pcap-filter/pcap-filter.h */
export interface PcapFilterAddon {
  compilePcapFilter(
    expression: string,
    interfaceName: string | null,
    linkType: number,
    snapLen: number,
  ): {
    readonly status: 'ok' | 'missing' | 'refused';
    readonly message: string;
    readonly isLive: boolean;
    readonly linkType: number;
    readonly program: ArrayBuffer;
  };
}

export interface BpfFilter {
  readonly expression: string;
  /** LINKTYPE_ of the packets that it reads. */
  readonly linkType: number;
  /** `struct sock_filter`s for SO_ATTACH_FILTER: bytes that may be handed to other threads. */
  readonly classic: Uint8Array;
  /** For the shunt (`ShuntPrefix`), or null where it is too long for that: then `note` says so. */
  readonly prefix: Uint8Array | null;
  readonly note: string | null;
}

/**
 * Compiles `expression` for packets of `interfaceName`, as a socket of this process sees them; `linkType` is what that socket reads.
 * Needs CAP_NET_RAW to make `vlan` work. Throws `CaptureError` with libpcap's words, or with the cure where there is no libpcap.
 */
export function openBpfFilter(
  expression: string,
  interfaceName: string,
  linkType: number = ETHERNET,
  addon: PcapFilterAddon = pcapFilterAddon(),
): BpfFilter {
  const compiled = compile(addon, expression, interfaceName, linkType);
  if (compiled.linkType !== linkType) {
    throw refuse(
      interfaceName,
      `libpcap reads ${escapeUnsafe(interfaceName)} as link type ${compiled.linkType}, and the sensor as ${linkType}; leave --bpf out there`,
    );
  }
  // A dead handle looks for the tag in the bytes, from which the kernel has taken it: nothing would match, in silence.
  if (!compiled.isLive && namesVlan(expression)) {
    throw refuse(
      interfaceName,
      `"vlan" needs libpcap to open ${escapeUnsafe(interfaceName)} itself, which it could not: that takes CAP_NET_RAW, and an interface that is up`,
    );
  }
  const classic = new Uint8Array(compiled.program);
  const refusal = checkClassicBytes(classic);
  if (refusal !== null) {
    throw refuse(
      interfaceName,
      `instruction ${refusal.at} of the program that libpcap made is refused: ${refusal.fault}`,
    );
  }
  const { instructions } = translateClassic(readClassicProgram(classic), endianness() === 'LE');
  const note =
    instructions === null
      ? `the filter has ${classic.length / 8} instructions, too many to go before the flow shunt in one program; the shunt is off, or make it shorter`
      : null;
  return { expression, linkType, classic, prefix: instructions, note };
}

/**
 * Whether `expression` can be compiled at all, for settings that are checked before an interface is opened. Throws
 * `CaptureError`; what depends on the interface is left to `openBpfFilter`.
 */
export function checkBpfExpression(expression: string, addon: PcapFilterAddon = pcapFilterAddon()): void {
  compile(addon, expression, null, ETHERNET);
}

function compile(
  addon: PcapFilterAddon,
  expression: string,
  interfaceName: string | null,
  linkType: number,
): ReturnType<PcapFilterAddon['compilePcapFilter']> {
  const path = interfaceName ?? '';
  if (expression.length > MAX_FILTER_CHARACTERS) {
    throw refuse(path, `it has more than ${MAX_FILTER_CHARACTERS} characters`);
  }
  if (expression.includes('\0')) throw refuse(path, 'it has a NUL character');
  const compiled = addon.compilePcapFilter(expression, interfaceName, linkType, MAX_PACKET_BYTES);
  if (compiled.status === 'missing') {
    throw new CaptureError(
      'no_libpcap',
      path,
      `--bpf needs libpcap, which is not on this machine (${escapeUnsafe(compiled.message)}); apt install libpcap0.8, or dnf install libpcap, or apk add libpcap`,
    );
  }
  if (compiled.status === 'refused') throw refuse(path, escapeUnsafe(compiled.message));
  return compiled;
}

function refuse(path: string, reason: string): CaptureError {
  return new CaptureError('bad_filter', path, `--bpf: ${reason}`);
}

/** Whether the expression asks for a tag. It may say so in a host's name as well: then it is refused once too often. */
function namesVlan(expression: string): boolean {
  return /\bvlan\b/.test(expression);
}

/** Throws `CaptureError` where there is no addon. */
export function pcapFilterAddon(): PcapFilterAddon {
  const addon = loadAddon();
  if (!isPcapFilterAddon(addon)) throw new Error('the addon exports compilePcapFilter');
  return addon;
}

function isPcapFilterAddon(addon: object): addon is PcapFilterAddon {
  return 'compilePcapFilter' in addon;
}
