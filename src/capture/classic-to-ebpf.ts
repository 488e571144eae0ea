/**
 * A classic BPF program as eBPF instructions, to be put in front of the shunt's program.
 *
 *     in      R1 = context (struct __sk_buff)
 *     R6      context      R7  X      R8  A
 *     R0-R5   scratch, clobbered by calls of helpers
 *     R10-8   the word that a load has read
 *     R10-12 and down, 4 bytes each     M[0] .. M[15]
 *     out     R6 = context, R0 = 0 for a packet that is refused; control falls off the end
 *
 * A socket holds one filter, so the user's and the shunt's must be one program. Packets are read with `bpf_skb_load_bytes`, and
 * not with the LD_ABS that eBPF still has: that one ends the program when the packet is too short, and the packet would be
 * missing in the counters. LD_ABS is a call as well, inside the kernel; one load takes 25 ns where it was measured.
 *
 *     code  1    dst 4 bits | src 4 bits    off  2, signed    imm  4
 *
 * RFC 9669. Semantics as in the kernel's own translation (`bpf_convert_filter`): a load outside of the packet and a division by
 * zero refuse it, arithmetic is modulo 2^32, a shift by X takes its lowest five bits. Two things differ. What a
 * program returns says only whether the packet is wanted: the shunt passes whole packets. And an offset made of X that
 * comes out above 2^31 is outside, where the kernel would take some of them as relative to a header.
 *
 * The program must have passed `checkClassicProgram`. Pure: the byte order of the machine is an argument.
 */

import {
  ANCILLARY_BASE,
  Ancillary,
  Bpf,
  BpfAlu,
  BpfClass,
  type ClassicInstruction,
  type ClassicProgram,
  isAncillary,
  isComparison,
  isReturn,
  SOURCE_X,
} from './classic-bpf.ts';

/** Bytes of an eBPF instruction. */
const EBPF_BYTES = 8;
/** A jump's distance is a signed 16-bit number. What is put behind the prefix has jumps of its own. */
const MAX_JUMP = 0x7fff;

const RESULT = 0;
const CONTEXT = 6;
const X = 7;
const A = 8;
const FRAME = 10;
/** Second operand where an immediate would be sign-extended. */
const SCRATCH = 2;

const SCRATCH_AT = -8;
const MEMORY_AT = -12;

/** Fields of struct __sk_buff, <linux/bpf.h>. */
const SkBuff = {
  Length: 0,
  PacketType: 4,
  Mark: 8,
  Queue: 12,
  Protocol: 16,
  VlanPresent: 20,
  VlanTag: 24,
  VlanProtocol: 28,
  InterfaceIndex: 40,
  Hash: 68,
} as const;

/** Helpers, <linux/bpf.h>. */
const Helper = { Random: 7, Cpu: 8, LoadBytes: 26, LoadBytesRelative: 68 } as const;
/** BPF_HDR_START_ */
const HeaderStart = { Mac: 0, Network: 1 } as const;
/** Offsets of LD ABS relative to a header: SKF_NET_OFF, SKF_LL_OFF. */
const NETWORK_BASE = -0x100000 >>> 0;
const LINK_BASE = -0x200000 >>> 0;

/** Codes of eBPF. Those of ALU and jumps are a class, an operation and a source, as in classic BPF. */
const Ebpf = {
  Alu32: 0x04,
  Alu64: 0x07,
  MovK32: 0xb4,
  MovR32: 0xbc,
  MovR64: 0xbf,
  AddK64: 0x07,
  ToBigEndian: 0xdc,
  LoadW: 0x61,
  LoadH: 0x69,
  LoadB: 0x71,
  StoreW: 0x63,
  Ja: 0x05,
  JeqK: 0x15,
  JneK: 0x55,
  Call: 0x85,
} as const;

export type Translation =
  /** Instructions in the byte order asked for. */
  | { readonly instructions: Uint8Array; readonly refusal: null }
  /** It is longer than a jump can be: then it can be attached only by itself. */
  | { readonly instructions: null; readonly refusal: 'too_long' };

/** Where a jump goes: a classic instruction, or one of the two ends. */
const TO_REFUSED = -1;
const TO_END = -2;

export function translateClassic(program: ClassicProgram, isLittleEndian: boolean): Translation {
  const out = new Instructions(isLittleEndian);
  const isReached = findReached(program);
  const startAt = new Int32Array(program.length);

  out.add(Ebpf.MovR64, CONTEXT, 1);
  out.add(Ebpf.MovK32, A, 0);
  out.add(Ebpf.MovK32, X, 0);
  for (let at = 0; at < program.length; at += 1) {
    startAt[at] = out.count;
    // The verifier refuses code that is not reached; the classic one does not.
    if (isReached[at] === 1) translateInstruction(out, program[at]!, at);
  }
  const refusedAt = out.count;
  if (out.canRefuse) out.add(Ebpf.MovK32, RESULT, 0);

  const isLinked = out.link((target) => {
    if (target === TO_END) return out.count;
    return target === TO_REFUSED ? refusedAt : startAt[target]!;
  });
  return isLinked ? { instructions: out.bytes(), refusal: null } : { instructions: null, refusal: 'too_long' };
}

/** Instructions as they are made, and jumps whose distance is not known yet. */
class Instructions {
  /** Whether some jump goes to the end that refuses. The kernel takes no code that nothing leads to. */
  canRefuse = false;
  /** Four numbers each: code, registers, offset, immediate. */
  readonly #parts: number[] = [];
  /** Two numbers each: the jump, and its target. */
  readonly #jumps: number[] = [];
  readonly #isLittleEndian: boolean;

  constructor(isLittleEndian: boolean) {
    this.#isLittleEndian = isLittleEndian;
  }

  get count(): number {
    return this.#parts.length / 4;
  }

  /** `operand` is a source register or an immediate, as the code says. */
  add(code: number, dst: number, operand: number, off = 0): void {
    const takesRegister = usesRegister(code);
    const src = takesRegister ? operand : 0;
    const registers = this.#isLittleEndian ? (src << 4) | dst : (dst << 4) | src;
    this.#parts.push(code, registers, off, takesRegister ? 0 : operand);
  }

  jump(code: number, dst: number, operand: number, target: number): void {
    if (target === TO_REFUSED) this.canRefuse = true;
    this.#jumps.push(this.count, target);
    this.add(code, dst, operand);
  }

  /** Fills in the distances. False where one is too far. */
  link(placeOf: (target: number) => number): boolean {
    for (let i = 0; i < this.#jumps.length; i += 2) {
      const from = this.#jumps[i]!;
      const distance = placeOf(this.#jumps[i + 1]!) - from - 1;
      if (distance > MAX_JUMP) return false;
      this.#parts[from * 4 + 2] = distance;
    }
    return true;
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.count * EBPF_BYTES);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < this.count; i += 1) {
      view.setUint8(i * EBPF_BYTES, this.#parts[i * 4]!);
      view.setUint8(i * EBPF_BYTES + 1, this.#parts[i * 4 + 1]!);
      view.setInt16(i * EBPF_BYTES + 2, this.#parts[i * 4 + 2]!, this.#isLittleEndian);
      view.setInt32(i * EBPF_BYTES + 4, this.#parts[i * 4 + 3]!, this.#isLittleEndian);
    }
    return bytes;
  }
}

/** Loads and stores by register, and arithmetic and jumps whose source bit is set; the byte swap has the bit for itself. */
function usesRegister(code: number): boolean {
  switch (code & 0x07) {
    case BpfClass.Ld:
      return false;
    case BpfClass.Ldx:
    case BpfClass.Stx:
      return true;
    default:
      return code !== Ebpf.ToBigEndian && (code & SOURCE_X) !== 0;
  }
}

/** By instruction: 1 where some way leads there. */
function findReached(program: ClassicProgram): Uint8Array {
  const isReached = new Uint8Array(program.length);
  isReached[0] = 1;
  for (let at = 0; at < program.length; at += 1) {
    const { code, jt, jf, k } = program[at]!;
    if (isReached[at] === 0 || isReturn(code)) continue;
    if (code === Bpf.Ja) isReached[at + 1 + k] = 1;
    else if (isComparison(code)) {
      isReached[at + 1 + jt] = 1;
      isReached[at + 1 + jf] = 1;
    } else isReached[at + 1] = 1;
  }
  return isReached;
}

function translateInstruction(out: Instructions, instruction: ClassicInstruction, at: number): void {
  const { code, k } = instruction;
  switch (code) {
    case Bpf.LdImm:
      out.add(Ebpf.MovK32, A, k | 0);
      break;
    case Bpf.LdxImm:
      out.add(Ebpf.MovK32, X, k | 0);
      break;
    case Bpf.LdLen:
      out.add(Ebpf.LoadW, A, CONTEXT, SkBuff.Length);
      break;
    case Bpf.LdxLen:
      out.add(Ebpf.LoadW, X, CONTEXT, SkBuff.Length);
      break;
    case Bpf.LdMem:
      out.add(Ebpf.LoadW, A, FRAME, MEMORY_AT - 4 * k);
      break;
    case Bpf.LdxMem:
      out.add(Ebpf.LoadW, X, FRAME, MEMORY_AT - 4 * k);
      break;
    case Bpf.St:
      out.add(Ebpf.StoreW, FRAME, A, MEMORY_AT - 4 * k);
      break;
    case Bpf.Stx:
      out.add(Ebpf.StoreW, FRAME, X, MEMORY_AT - 4 * k);
      break;
    case Bpf.Tax:
      out.add(Ebpf.MovR32, X, A);
      break;
    case Bpf.Txa:
      out.add(Ebpf.MovR32, A, X);
      break;
    case Bpf.LdAbsW:
      translateAbsolute(out, k, 4);
      break;
    case Bpf.LdAbsH:
      translateAbsolute(out, k, 2);
      break;
    case Bpf.LdAbsB:
      translateAbsolute(out, k, 1);
      break;
    case Bpf.LdIndW:
      translateIndirect(out, k, 4);
      break;
    case Bpf.LdIndH:
      translateIndirect(out, k, 2);
      break;
    case Bpf.LdIndB:
      translateIndirect(out, k, 1);
      break;
    case Bpf.LdxMsh:
      translateHeaderLength(out, k);
      break;
    case Bpf.RetK:
      out.add(Ebpf.MovK32, RESULT, k === 0 ? 0 : 1);
      out.jump(Ebpf.Ja, 0, 0, TO_END);
      break;
    case Bpf.RetA:
      out.add(Ebpf.MovR32, RESULT, A);
      out.jump(Ebpf.Ja, 0, 0, TO_END);
      break;
    case Bpf.Ja:
      out.jump(Ebpf.Ja, 0, 0, at + 1 + k);
      break;
    case Bpf.Neg:
      out.add(Bpf.Neg, A, 0);
      break;
    default:
      if ((code & 0x07) === BpfClass.Jmp) translateComparison(out, instruction, at);
      else translateAlu(out, code, k);
  }
}

/** A = big-endian number of `size` bytes at `k`. */
function translateAbsolute(out: Instructions, k: number, size: number): void {
  if (isAncillary(k)) {
    translateAncillary(out, k - ANCILLARY_BASE);
    return;
  }
  if (k >= LINK_BASE) {
    const isNetwork = k >= NETWORK_BASE;
    out.add(Ebpf.MovK32, 2, isNetwork ? k - NETWORK_BASE : k - LINK_BASE);
    loadWord(out, size, isNetwork ? HeaderStart.Network : HeaderStart.Mac);
  } else {
    out.add(Ebpf.MovK32, 2, k | 0);
    loadWord(out, size, null);
  }
  takeWord(out, A, size);
}

/** A = big-endian number of `size` bytes at `X + k`. */
function translateIndirect(out: Instructions, k: number, size: number): void {
  out.add(Ebpf.MovR32, 2, X);
  out.add(Ebpf.Alu32 | BpfAlu.Add, 2, k | 0);
  loadWord(out, size, null);
  takeWord(out, A, size);
}

/** X = four times the lower half of the byte at `k`: the length of an IPv4 header. */
function translateHeaderLength(out: Instructions, k: number): void {
  out.add(Ebpf.MovK32, 2, k | 0);
  loadWord(out, 1, null);
  takeWord(out, X, 1);
  out.add(Ebpf.Alu32 | BpfAlu.And, X, 0x0f);
  out.add(Ebpf.Alu32 | BpfAlu.Lsh, X, 2);
}

/** Calls for `size` bytes at the offset in R2. A packet that is too short is refused. */
function loadWord(out: Instructions, size: number, start: number | null): void {
  out.add(Ebpf.MovR64, 1, CONTEXT);
  out.add(Ebpf.MovR64, 3, FRAME);
  out.add(Ebpf.AddK64, 3, SCRATCH_AT);
  out.add(Ebpf.MovK32, 4, size);
  if (start !== null) out.add(Ebpf.MovK32, 5, start);
  out.add(Ebpf.Call, 0, start === null ? Helper.LoadBytes : Helper.LoadBytesRelative);
  out.jump(Ebpf.JneK, RESULT, 0, TO_REFUSED);
}

function takeWord(out: Instructions, register: number, size: number): void {
  out.add(size === 1 ? Ebpf.LoadB : size === 2 ? Ebpf.LoadH : Ebpf.LoadW, register, FRAME, SCRATCH_AT);
  if (size > 1) out.add(Ebpf.ToBigEndian, register, size * 8);
}

/** Ancillary loads that are a field of the context. */
const CONTEXT_FIELDS: ReadonlyMap<number, number> = new Map([
  [Ancillary.Protocol, SkBuff.Protocol],
  [Ancillary.PacketType, SkBuff.PacketType],
  [Ancillary.InterfaceIndex, SkBuff.InterfaceIndex],
  [Ancillary.Mark, SkBuff.Mark],
  [Ancillary.Queue, SkBuff.Queue],
  [Ancillary.Hash, SkBuff.Hash],
  [Ancillary.VlanTag, SkBuff.VlanTag],
  [Ancillary.VlanTagPresent, SkBuff.VlanPresent],
  [Ancillary.VlanProtocol, SkBuff.VlanProtocol],
]);

function translateAncillary(out: Instructions, what: number): void {
  const field = CONTEXT_FIELDS.get(what);
  if (field !== undefined) {
    out.add(Ebpf.LoadW, A, CONTEXT, field);
    // The context has these two as they are on the wire.
    if (field === SkBuff.Protocol || field === SkBuff.VlanProtocol) out.add(Ebpf.ToBigEndian, A, 16);
    return;
  }
  switch (what) {
    case Ancillary.XorX:
      out.add(Ebpf.Alu32 | BpfAlu.Xor | SOURCE_X, A, X);
      break;
    case Ancillary.Cpu:
    case Ancillary.Random:
      out.add(Ebpf.Call, 0, what === Ancillary.Cpu ? Helper.Cpu : Helper.Random);
      out.add(Ebpf.MovR32, A, RESULT);
      break;
    default:
      throw new Error('a checked program asks only for ancillaries that are known');
  }
}

function translateAlu(out: Instructions, code: number, k: number): void {
  const operation = code & 0xf0;
  if ((code & SOURCE_X) === 0) {
    out.add(Ebpf.Alu32 | operation, A, k | 0);
    return;
  }
  let operand = X;
  if (operation === BpfAlu.Div || operation === BpfAlu.Mod) out.jump(Ebpf.JeqK, X, 0, TO_REFUSED);
  if (operation === BpfAlu.Lsh || operation === BpfAlu.Rsh) {
    operand = SCRATCH;
    out.add(Ebpf.MovR32, SCRATCH, X);
    out.add(Ebpf.Alu32 | BpfAlu.And, SCRATCH, 31);
  }
  out.add(Ebpf.Alu32 | operation | SOURCE_X, A, operand);
}

/**
 * Jumps compare 64 bits, so that kernels before 5.1 take them: A and X never have more than 32, and an immediate that
 * would be sign-extended goes through a register.
 */
function translateComparison(out: Instructions, { code, jt, jf, k }: ClassicInstruction, at: number): void {
  let operand = k | 0;
  let source = code & SOURCE_X;
  if (source !== 0) operand = X;
  else if (operand < 0) {
    out.add(Ebpf.MovK32, SCRATCH, operand);
    operand = SCRATCH;
    source = SOURCE_X;
  }
  if (jt !== jf) out.jump(BpfClass.Jmp | (code & 0xf0) | source, A, operand, at + 1 + jt);
  // The next instruction needs no jump.
  if (jf !== 0) out.jump(Ebpf.Ja, 0, 0, at + 1 + jf);
}
