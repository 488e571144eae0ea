/**
 * As much of eBPF (RFC 9669) as translations of classic programs use. It is stricter than a processor: a register or a byte of the
 * stack that was not set is an error, and so is a jump backwards. The programs are little-endian.
 */

/** What lies behind R1: fields of struct __sk_buff by their offset, and the packet. */
export interface Context {
  readonly fields: ReadonlyMap<number, number>;
  readonly packet: Uint8Array;
  /** Where the network header begins. */
  readonly networkAt: number;
}

/** Stands for the address of the context, and of the frame. */
const CONTEXT = 0x1000_0000_0000n;
const FRAME = 0x2000_0000_0000n;
const STACK_BYTES = 512;
const MASK32 = 0xffff_ffffn;
const MASK64 = 0xffff_ffff_ffff_ffffn;

/** R0 when control falls off the end. R6 must be the context then. */
export function runEbpf(instructions: Uint8Array, context: Context): number {
  const view = new DataView(instructions.buffer, instructions.byteOffset, instructions.length);
  const count = instructions.length / 8;
  const registers: (bigint | null)[] = Array.from({ length: 10 }, () => null);
  registers[1] = CONTEXT;
  registers.push(FRAME);
  const stack = new Uint8Array(STACK_BYTES);
  const isSet = new Uint8Array(STACK_BYTES);
  let at = 0;

  function get(register: number): bigint {
    const value = registers[register] ?? null;
    if (value === null) throw new Error(`instruction ${at} reads R${register}, which is not set`);
    return value;
  }
  function stackAt(address: bigint, size: number): number {
    const offset = Number(address - FRAME) + STACK_BYTES;
    if (offset < 0 || offset + size > STACK_BYTES || offset % size !== 0) {
      throw new Error(`instruction ${at} leaves its stack`);
    }
    return offset;
  }
  function call(helper: number): void {
    if (helper !== 26 && helper !== 68) throw new Error(`instruction ${at} calls helper ${helper}`);
    if (get(1) !== CONTEXT) throw new Error(`instruction ${at} passes no context`);
    const size = Number(get(4));
    const to = stackAt(get(3), 1);
    const start = helper === 68 && get(5) === 1n ? context.networkAt : 0;
    const from = start + Number(get(2) & MASK32);
    const isInside = from + size <= context.packet.length;
    for (let i = 0; i < size; i += 1) {
      stack[to + i] = isInside ? context.packet[from + i]! : 0;
      isSet[to + i] = 1;
    }
    for (let register = 1; register <= 5; register += 1) registers[register] = null;
    registers[0] = isInside ? 0n : -14n & MASK64;
  }

  while (at < count) {
    const code = view.getUint8(at * 8);
    const dst = view.getUint8(at * 8 + 1) & 0x0f;
    const src = view.getUint8(at * 8 + 1) >> 4;
    const off = view.getInt16(at * 8 + 2, true);
    const imm = view.getInt32(at * 8 + 4, true);
    const hasSource = (code & 0x08) !== 0;
    switch (code & 0x07) {
      case 0x01: {
        const size = code === 0x71 ? 1 : code === 0x69 ? 2 : 4;
        const base = get(src);
        if (base === CONTEXT) {
          const field = context.fields.get(off);
          if (field === undefined || size !== 4) throw new Error(`instruction ${at} reads the context at ${off}`);
          registers[dst] = BigInt(field);
        } else {
          const offset = stackAt(base + BigInt(off), size);
          let value = 0n;
          for (let i = size - 1; i >= 0; i -= 1) {
            if (isSet[offset + i] === 0) throw new Error(`instruction ${at} reads stack that is not set`);
            value = value * 256n + BigInt(stack[offset + i]!);
          }
          registers[dst] = value;
        }
        break;
      }
      case 0x03: {
        const offset = stackAt(get(dst) + BigInt(off), 4);
        new DataView(stack.buffer).setUint32(offset, Number(get(src) & MASK32), true);
        isSet.fill(1, offset, offset + 4);
        break;
      }
      case 0x04:
        if (code === 0xdc) registers[dst] = swap(get(dst), imm);
        else if (code === 0x84) registers[dst] = -get(dst) & MASK32;
        else {
          const operand = (hasSource ? get(src) : BigInt(imm)) & MASK32;
          registers[dst] = compute(code & 0xf0, code >= 0xb0 ? 0n : get(dst) & MASK32, operand) & MASK32;
        }
        break;
      case 0x07: {
        const operand = hasSource ? get(src) : BigInt(imm);
        registers[dst] = (code & 0xf0) === 0xb0 ? operand : compute(code & 0xf0, get(dst), operand) & MASK64;
        break;
      }
      case 0x05: {
        if (code === 0x85) call(imm);
        else if (code === 0x05 || compare(code & 0xf0, get(dst), hasSource ? get(src) : BigInt(imm) & MASK64)) {
          if (off < 0 || at + 1 + off > count) throw new Error(`instruction ${at} jumps out of the program`);
          at += off;
        }
        break;
      }
      default:
        throw new Error(`instruction ${at} has the code ${code}`);
    }
    at += 1;
  }
  if (get(6) !== CONTEXT) throw new Error('R6 is not the context at the end');
  return Number(get(0));
}

function swap(value: bigint, bits: number): bigint {
  let swapped = 0n;
  for (let i = 0; i < bits; i += 8) swapped = (swapped << 8n) | ((value >> BigInt(i)) & 0xffn);
  return swapped;
}

function compute(operation: number, a: bigint, b: bigint): bigint {
  switch (operation) {
    case 0x00:
      return a + b;
    case 0x10:
      return a - b;
    case 0x20:
      return a * b;
    case 0x30:
      return a / b;
    case 0x40:
      return a | b;
    case 0x50:
      return a & b;
    case 0x60:
      if (b > 31n) throw new Error('a shift is too far');
      return a << b;
    case 0x70:
      if (b > 31n) throw new Error('a shift is too far');
      return a >> b;
    case 0x90:
      return a % b;
    case 0xa0:
      return a ^ b;
    default:
      return b;
  }
}

function compare(operation: number, a: bigint, b: bigint): boolean {
  switch (operation) {
    case 0x10:
      return a === b;
    case 0x20:
      return a > b;
    case 0x30:
      return a >= b;
    case 0x40:
      return (a & b) !== 0n;
    case 0x50:
      return a !== b;
    default:
      throw new Error(`there is a comparison ${operation}`);
  }
}
