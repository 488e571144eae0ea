/** Classic BPF as its documents say, instruction by instruction: what translations and the kernel are compared with. */

import {
  ANCILLARY_BASE,
  Ancillary,
  Bpf,
  BpfAlu,
  BpfJump,
  type ClassicProgram,
  MEMORY_SLOTS,
  SOURCE_X,
} from '../../src/capture/classic-bpf.ts';

/** What the kernel knows beside the packet's bytes. */
export interface Beside {
  readonly protocol?: number;
  readonly packetType?: number;
  readonly interfaceIndex?: number;
  readonly vlanTag?: number;
  readonly vlanProtocol?: number;
}

/** What the program returns: 0 where the packet is refused. */
export function runClassic(program: ClassicProgram, packet: Uint8Array, beside: Beside = {}): number {
  let a = 0;
  let x = 0;
  const memory = new Uint32Array(MEMORY_SLOTS);
  for (let at = 0; ; at += 1) {
    const { code, jt, jf, k } = program[at]!;
    switch (code) {
      case Bpf.LdImm:
        a = k;
        break;
      case Bpf.LdxImm:
        x = k;
        break;
      case Bpf.LdLen:
        a = packet.length;
        break;
      case Bpf.LdxLen:
        x = packet.length;
        break;
      case Bpf.LdMem:
        a = memory[k]!;
        break;
      case Bpf.LdxMem:
        x = memory[k]!;
        break;
      case Bpf.St:
        memory[k] = a;
        break;
      case Bpf.Stx:
        memory[k] = x;
        break;
      case Bpf.Tax:
        x = a;
        break;
      case Bpf.Txa:
        a = x;
        break;
      case Bpf.Neg:
        a = -a >>> 0;
        break;
      case Bpf.RetK:
        return k;
      case Bpf.RetA:
        return a;
      case Bpf.Ja:
        at += k;
        break;
      case Bpf.LdAbsB:
      case Bpf.LdAbsH:
      case Bpf.LdAbsW: {
        const value = k >= ANCILLARY_BASE ? answer(k - ANCILLARY_BASE, a, x, beside) : load(packet, k, sizeOf(code));
        if (value === null) return 0;
        a = value;
        break;
      }
      case Bpf.LdIndB:
      case Bpf.LdIndH:
      case Bpf.LdIndW: {
        const value = load(packet, (x + k) >>> 0, sizeOf(code));
        if (value === null) return 0;
        a = value;
        break;
      }
      case Bpf.LdxMsh: {
        const value = load(packet, k, 1);
        if (value === null) return 0;
        x = (value & 0x0f) * 4;
        break;
      }
      default: {
        const operand = (code & SOURCE_X) !== 0 ? x : k;
        if ((code & 0x07) === 0x05) {
          at += compare(code & 0xf0, a, operand) ? jt : jf;
          break;
        }
        const value = compute(code & 0xf0, a, operand);
        if (value === null) return 0;
        a = value;
      }
    }
  }
}

/** W, H, B are 0x00, 0x08, 0x10. */
function sizeOf(code: number): number {
  return 4 >> ((code & 0x18) >> 3);
}

function load(packet: Uint8Array, at: number, size: number): number | null {
  if (at + size > packet.length) return null;
  let value = 0;
  for (let i = 0; i < size; i += 1) value = value * 256 + packet[at + i]!;
  return value;
}

function answer(what: number, a: number, x: number, beside: Beside): number | null {
  switch (what) {
    case Ancillary.XorX:
      return (a ^ x) >>> 0;
    case Ancillary.Protocol:
      return beside.protocol ?? 0;
    case Ancillary.PacketType:
      return beside.packetType ?? 0;
    case Ancillary.InterfaceIndex:
      return beside.interfaceIndex ?? 0;
    case Ancillary.VlanTag:
      return beside.vlanTag ?? 0;
    case Ancillary.VlanTagPresent:
      return beside.vlanTag === undefined ? 0 : 1;
    case Ancillary.VlanProtocol:
      return beside.vlanProtocol ?? 0;
    default:
      throw new Error(`the model does not know ancillary ${what}`);
  }
}

function compare(operation: number, a: number, b: number): boolean {
  switch (operation) {
    case BpfJump.Jeq:
      return a === b;
    case BpfJump.Jgt:
      return a > b;
    case BpfJump.Jge:
      return a >= b;
    default:
      return (a & b) !== 0;
  }
}

function compute(operation: number, a: number, b: number): number | null {
  switch (operation) {
    case BpfAlu.Add:
      return (a + b) >>> 0;
    case BpfAlu.Sub:
      return (a - b) >>> 0;
    case BpfAlu.Mul:
      return Math.imul(a, b) >>> 0;
    case BpfAlu.Div:
      return b === 0 ? null : Math.floor(a / b);
    case BpfAlu.Mod:
      return b === 0 ? null : a % b;
    case BpfAlu.Or:
      return (a | b) >>> 0;
    case BpfAlu.And:
      return (a & b) >>> 0;
    case BpfAlu.Xor:
      return (a ^ b) >>> 0;
    case BpfAlu.Lsh:
      return (a << (b & 31)) >>> 0;
    default:
      return a >>> (b & 31);
  }
}
