/**
 * What is dropped where eBPF is refused: a classic BPF program, which needs no capability beyond that of the socket.
 *
 * It has no memory, so it knows neither finished flows nor budgets, and it leaves empty ACKs alone: without a flow's age the first of
 * them can't be told from the rest, and the first give the handshake's round trips. What remains is UDP that can be neither
 * QUIC nor DTLS, by the rules of native/shunt/shunt.bpf.c. Tags that are in the packet's bytes, fragments, extension
 * headers and whatever is not understood pass. The kernel does not say how many packets such a program dropped.
 */
import type { FlowShunt, ShuntCount, ShuntCounters } from './flow-shunt.ts';

/** `struct sock_filter`: code 2, jump if true 1, jump if false 1, operand 4; in the order of the machine. */
const INSTRUCTION_LEN = 8;
const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Opcodes, linux/filter.h: what is loaded from the packet at a fixed place, and at a place relative to X. */
const Op = {
  LoadByte: 0x30,
  LoadHalf: 0x28,
  LoadByteX: 0x50,
  LoadHalfX: 0x48,
  LoadWordX: 0x40,
  LoadXImmediate: 0x01,
  /** X = 4 * (byte & 15): the length of an IPv4 header. */
  LoadXHeaderLen: 0xb1,
  And: 0x54,
  Jump: 0x05,
  IfEqual: 0x15,
  IfGreaterEqual: 0x35,
  IfSet: 0x45,
  Return: 0x06,
} as const;

type Line = readonly [label: string, op: number, operand: number, ifTrue?: string, ifFalse?: string];

/** An unnamed line falls into the next. Offsets are those of an Ethernet frame; with X the IP header's length, UDP is at X + 14. */
const PROGRAM: readonly Line[] = [
  ['', Op.LoadHalf, 12], //                                       Ethernet type
  ['', Op.IfEqual, 0x0800, 'v4'],
  ['', Op.IfEqual, 0x86dd, '', 'pass'],
  ['', Op.LoadByte, 20], //                                       IPv6: next header
  ['', Op.IfEqual, 17, '', 'pass'], //                            not UDP, or an extension header before it
  ['', Op.LoadXImmediate, 40], //                                 UDP is behind 40 bytes of header
  ['', Op.Jump, 0, 'udp'],
  ['v4', Op.LoadByte, 23], //                                     IPv4: protocol
  ['', Op.IfEqual, 17, '', 'pass'],
  ['', Op.LoadHalf, 20], //                                       flags and fragment offset
  ['', Op.IfSet, 0x3fff, 'pass'], //                              a fragment
  ['', Op.LoadXHeaderLen, 14],
  ['udp', Op.LoadHalfX, 14], //                                   source port
  ['', Op.IfGreaterEqual, 1024, '', 'length'], //                 a server that answers: no tunnel
  ['', Op.LoadHalfX, 16], //                                      destination port: tunnels of src/decode/udp-port.ts
  ['', Op.IfEqual, 2152, 'pass'],
  ['', Op.IfEqual, 3544, 'pass'],
  ['', Op.IfEqual, 4789, 'pass'],
  ['', Op.IfEqual, 6081, 'pass'],
  ['', Op.IfEqual, 37_008, 'pass'],
  ['length', Op.LoadHalfX, 18], //                                UDP length
  ['', Op.IfGreaterEqual, 8, '', 'pass'], //                      shorter than its own header: not understood
  ['', Op.IfGreaterEqual, 15, '', 'drop'], //                     seven bytes are the least of a long header
  ['', Op.LoadByteX, 22], //                                      first byte of the payload; a cut packet ends here, see below
  ['', Op.IfGreaterEqual, 0xc0, 'pass'], //                       QUIC: long header, fixed bit
  ['', Op.IfGreaterEqual, 0x80, 'version'], //                    long header without it: RTP, or RFC 9287
  ['', Op.IfGreaterEqual, 20, '', 'drop'], //                     DTLS: content type 20 to 26 ...
  ['', Op.IfGreaterEqual, 27, 'drop'],
  ['', Op.LoadByteX, 23],
  ['', Op.IfEqual, 0xfe, 'pass', 'drop'], //                      ... and a version of 0xfe..
  ['version', Op.LoadWordX, 23],
  ['', Op.IfEqual, 0, 'pass'],
  ['', Op.IfEqual, 1, 'pass'],
  ['', Op.IfEqual, 0x6b3343cf, 'pass'],
  ['', Op.And, 0xffffff00],
  ['', Op.IfEqual, 0xff000000, 'pass', 'drop'],
  ['pass', Op.Return, 0xffffffff],
  ['drop', Op.Return, 0],
];

/**
 * The program as the kernel takes it. A load beyond the packet's end drops the packet: that is classic BPF, and concerns packets that are
 * shorter than their headers say, of which nothing could be read.
 */
export const CLASSIC_PROGRAM: Uint8Array = assemble(PROGRAM);

function assemble(lines: readonly Line[]): Uint8Array {
  const bytes = new Uint8Array(lines.length * INSTRUCTION_LEN);
  const view = new DataView(bytes.buffer);
  for (const [index, [, op, operand, ifTrue = '', ifFalse = '']] of lines.entries()) {
    const at = index * INSTRUCTION_LEN;
    const isJump = op === Op.Jump;
    view.setUint16(at, op, IS_LITTLE_ENDIAN);
    view.setUint8(at + 2, isJump ? 0 : distance(lines, index, ifTrue));
    view.setUint8(at + 3, distance(lines, index, ifFalse));
    view.setUint32(at + 4, isJump ? distance(lines, index, ifTrue) : operand, IS_LITTLE_ENDIAN);
  }
  return bytes;
}

/** Instructions to skip from `index` to `label`. */
function distance(lines: readonly Line[], index: number, label: string): number {
  return label === '' ? 0 : lines.findIndex(([name]) => name === label) - index - 1;
}

const NOTHING: ShuntCount = { packets: 0, bytes: 0 };

/** Stands in for the shunt: nothing is finished in the kernel, and nothing is counted there. */
export class ClassicShunt implements FlowShunt {
  readonly kind = 'classic';
  readonly programFd = -1;
  readonly classicProgram: Uint8Array = CLASSIC_PROGRAM;
  readonly handle = null;
  readonly notes: readonly string[];

  constructor(reason: string) {
    this.notes = [`${reason}. A classic filter drops what it can: UDP that is neither QUIC nor DTLS, uncounted`];
  }

  finish(): void {
    // There is no table to write to.
  }

  flush(): void {
    // Nothing was gathered.
  }

  readCounters(): ShuntCounters {
    return {
      passed: NOTHING,
      dropped: { finished: NOTHING, budget: NOTHING, empty_ack: NOTHING, udp: NOTHING, filtered: NOTHING },
      finished: 0,
      refused: 0,
    };
  }

  close(): void {
    // Nothing is open.
  }
}
