/**
 * Classic BPF: the filter programs of pcap expressions and of Linux sockets, and what is allowed in one.
 *
 *     code  2    class (3 bits) | size (2) | mode (3), or class (3) | source (1) | operation (4)
 *     jt    1    instructions stepped over where a comparison holds
 *     jf    1    and where it does not
 *     k     4    constant, offset, slot, or the distance of JA
 *
 * All in the byte order of the machine: `struct sock_filter` of <linux/filter.h>. The machine has A, X and sixteen slots of
 * 32 bits; jumps go forward only, so that every program ends. Steven McCanne and Van Jacobson, "The BSD Packet Filter"
 * (1993); Linux: Documentation/networking/filter.rst.
 *
 * The rules are the kernel's (`bpf_check_classic`), so that what passes here may be attached as it is, and what is translated
 * (`classic-to-ebpf.ts`) needs no look a second time. Nothing here throws.
 */

import { endianness } from 'node:os';

/** BPF_MAXINSNS: the kernel takes no longer program. */
export const MAX_CLASSIC_INSTRUCTIONS = 4096;
/** BPF_MEMWORDS. */
export const MEMORY_SLOTS = 16;
/** Bytes of an instruction. */
const CLASSIC_BYTES = 8;

/** BPF_CLASS: the lowest three bits of a code. */
export const BpfClass = {
  Ld: 0x00,
  Ldx: 0x01,
  St: 0x02,
  Stx: 0x03,
  Alu: 0x04,
  Jmp: 0x05,
  Ret: 0x06,
  Misc: 0x07,
} as const;

/** Every code there is, except those of ALU and jumps, which are made of an operation and a source. */
export const Bpf = {
  LdImm: 0x00,
  LdMem: 0x60,
  LdLen: 0x80,
  LdAbsW: 0x20,
  LdAbsH: 0x28,
  LdAbsB: 0x30,
  LdIndW: 0x40,
  LdIndH: 0x48,
  LdIndB: 0x50,
  LdxImm: 0x01,
  LdxMem: 0x61,
  LdxLen: 0x81,
  LdxMsh: 0xb1,
  St: 0x02,
  Stx: 0x03,
  RetK: 0x06,
  RetA: 0x16,
  Tax: 0x07,
  Txa: 0x87,
  Neg: 0x84,
  Ja: 0x05,
} as const;

/** Operations of ALU: the upper four bits. */
export const BpfAlu = {
  Add: 0x00,
  Sub: 0x10,
  Mul: 0x20,
  Div: 0x30,
  Or: 0x40,
  And: 0x50,
  Lsh: 0x60,
  Rsh: 0x70,
  Mod: 0x90,
  Xor: 0xa0,
} as const;

/** Operations of conditional jumps: the upper four bits. */
export const BpfJump = { Jeq: 0x10, Jgt: 0x20, Jge: 0x30, Jset: 0x40 } as const;

/** Set where the second operand is X, and not `k`. */
export const SOURCE_X = 0x08;

/**
 * Offsets that the kernel answers from beside the packet, SKF_AD_ of <linux/filter.h>. libpcap uses them for `vlan`, `inbound`
 * and `ifindex` on a live socket.
 */
export const ANCILLARY_BASE: number = -0x1000 >>> 0;
export const Ancillary = {
  Protocol: 0,
  PacketType: 4,
  InterfaceIndex: 8,
  Mark: 20,
  Queue: 24,
  Hash: 32,
  Cpu: 36,
  XorX: 40,
  VlanTag: 44,
  VlanTagPresent: 48,
  Random: 56,
  VlanProtocol: 60,
} as const;

const KNOWN_ANCILLARIES: ReadonlySet<number> = new Set(Object.values(Ancillary));
const ALU_OPERATIONS: ReadonlySet<number> = new Set(Object.values(BpfAlu));
const JUMP_OPERATIONS: ReadonlySet<number> = new Set(Object.values(BpfJump));
const PLAIN_CODES: ReadonlySet<number> = new Set(Object.values(Bpf));

export interface ClassicInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  /** Unsigned. */
  readonly k: number;
}

export type ClassicProgram = readonly ClassicInstruction[];

/** Why a program is refused. */
export const ClassicFault = {
  Empty: 'it has no instructions',
  Ragged: 'its size is no multiple of eight bytes',
  TooLong: `it has more than ${MAX_CLASSIC_INSTRUCTIONS} instructions`,
  UnknownCode: 'there is no such instruction',
  DivisionByZero: 'it divides by the constant zero',
  ShiftTooFar: 'it shifts by 32 or more',
  NoSuchSlot: 'there are sixteen slots of memory',
  SlotNotSet: 'it loads a slot that is not set on every way there',
  JumpOutside: 'it jumps out of the program',
  JumpBack: 'it jumps backwards, as "protochain" does; the kernel takes no loops',
  UnknownAncillary: 'the offset is neither in the packet nor one that is answered from beside it',
  NoReturn: 'it does not end with a return',
} as const;
export type ClassicFault = (typeof ClassicFault)[keyof typeof ClassicFault];

export interface ClassicRefusal {
  readonly fault: ClassicFault;
  /** Index of the instruction. */
  readonly at: number;
}

const IS_LITTLE = endianness() === 'LE';

/** The instructions in `bytes`, in the byte order of this machine. A rest of less than one instruction is not read. */
export function readClassicProgram(bytes: Uint8Array): ClassicInstruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const program: ClassicInstruction[] = [];
  for (let at = 0; at + CLASSIC_BYTES <= bytes.length; at += CLASSIC_BYTES) {
    program.push({
      code: view.getUint16(at, IS_LITTLE),
      jt: view.getUint8(at + 2),
      jf: view.getUint8(at + 3),
      k: view.getUint32(at + 4, IS_LITTLE),
    });
  }
  return program;
}

/** The program as `struct sock_filter`s, in the byte order of this machine. */
export function toClassicBytes(program: ClassicProgram): Uint8Array {
  const bytes = new Uint8Array(program.length * CLASSIC_BYTES);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { code, jt, jf, k } of program) {
    view.setUint16(at, code, IS_LITTLE);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k, IS_LITTLE);
    at += CLASSIC_BYTES;
  }
  return bytes;
}

/** The first reason to refuse `program`, or null. */
export function checkClassicProgram(program: ClassicProgram): ClassicRefusal | null {
  if (program.length === 0) return { fault: ClassicFault.Empty, at: 0 };
  if (program.length > MAX_CLASSIC_INSTRUCTIONS) {
    return { fault: ClassicFault.TooLong, at: MAX_CLASSIC_INSTRUCTIONS };
  }
  for (let at = 0; at < program.length; at += 1) {
    const fault = checkInstruction(program[at]!, program.length - at - 1);
    if (fault !== null) return { fault, at };
  }
  const last = program.length - 1;
  if (!isReturn(program[last]!.code)) return { fault: ClassicFault.NoReturn, at: last };
  return checkSlots(program);
}

/** As `checkClassicProgram`, for a program that is still bytes. */
export function checkClassicBytes(bytes: Uint8Array): ClassicRefusal | null {
  if (bytes.length % CLASSIC_BYTES !== 0) {
    return { fault: ClassicFault.Ragged, at: Math.floor(bytes.length / CLASSIC_BYTES) };
  }
  return checkClassicProgram(readClassicProgram(bytes));
}

export function isReturn(code: number): boolean {
  return code === Bpf.RetK || code === Bpf.RetA;
}

/** Whether this is a comparison with two ways on. */
export function isComparison(code: number): boolean {
  return (code & 0x07) === BpfClass.Jmp && code !== Bpf.Ja;
}

/** Whether an offset of LD ABS asks for something from beside the packet. */
export function isAncillary(k: number): boolean {
  return k >= ANCILLARY_BASE;
}

/** `after` is how many instructions follow this one. */
function checkInstruction({ code, jt, jf, k }: ClassicInstruction, after: number): ClassicFault | null {
  switch (code & 0x07) {
    case BpfClass.Alu:
      return code === Bpf.Neg ? null : checkAlu(code, k);
    case BpfClass.Jmp:
      if (code === Bpf.Ja && k >= 0x8000_0000) return ClassicFault.JumpBack;
      if (code === Bpf.Ja) return k < after ? null : ClassicFault.JumpOutside;
      if (!JUMP_OPERATIONS.has(code & 0xf0) || code > 0xff) return ClassicFault.UnknownCode;
      return jt < after && jf < after ? null : ClassicFault.JumpOutside;
    default:
      if (!PLAIN_CODES.has(code)) return ClassicFault.UnknownCode;
  }
  switch (code) {
    case Bpf.LdMem:
    case Bpf.LdxMem:
    case Bpf.St:
    case Bpf.Stx:
      return k < MEMORY_SLOTS ? null : ClassicFault.NoSuchSlot;
    case Bpf.LdAbsW:
    case Bpf.LdAbsH:
    case Bpf.LdAbsB:
      return isAncillary(k) && !KNOWN_ANCILLARIES.has(k - ANCILLARY_BASE) ? ClassicFault.UnknownAncillary : null;
    default:
      return null;
  }
}

function checkAlu(code: number, k: number): ClassicFault | null {
  const operation = code & 0xf0;
  if (!ALU_OPERATIONS.has(operation) || code > 0xff) return ClassicFault.UnknownCode;
  if ((code & SOURCE_X) !== 0) return null;
  if ((operation === BpfAlu.Div || operation === BpfAlu.Mod) && k === 0) return ClassicFault.DivisionByZero;
  if ((operation === BpfAlu.Lsh || operation === BpfAlu.Rsh) && k >= 32) return ClassicFault.ShiftTooFar;
  return null;
}

/** A slot must be set on every way to where it is loaded. One pass does, since jumps only go forward. */
function checkSlots(program: ClassicProgram): ClassicRefusal | null {
  /** By instruction: slots set on all the ways seen so far. Unreached ones have all bits, the neutral value of "and". */
  const setAt = new Uint16Array(program.length).fill(0xffff);
  setAt[0] = 0;
  for (let at = 0; at < program.length; at += 1) {
    const { code, jt, jf, k } = program[at]!;
    let set = setAt[at]!;
    if (code === Bpf.St || code === Bpf.Stx) set |= 1 << k;
    else if ((code === Bpf.LdMem || code === Bpf.LdxMem) && (set & (1 << k)) === 0) {
      return { fault: ClassicFault.SlotNotSet, at };
    }
    if (isReturn(code)) continue;
    if (code === Bpf.Ja) setAt[at + 1 + k]! &= set;
    else if (isComparison(code)) {
      setAt[at + 1 + jt]! &= set;
      setAt[at + 1 + jf]! &= set;
    } else setAt[at + 1]! &= set;
  }
  return null;
}
