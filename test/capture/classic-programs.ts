/** Random classic programs that pass the check: jumps go forward, slots are set before they are loaded. */

import * as fc from 'fast-check';
import {
  ANCILLARY_BASE,
  Ancillary,
  Bpf,
  BpfAlu,
  BpfJump,
  type ClassicInstruction,
  isComparison,
  isReturn,
  MEMORY_SLOTS,
  SOURCE_X,
} from '../../src/capture/classic-bpf.ts';

const LOADS = [Bpf.LdAbsW, Bpf.LdAbsH, Bpf.LdAbsB, Bpf.LdIndW, Bpf.LdIndH, Bpf.LdIndB, Bpf.LdxMsh];
const SLOTS = [Bpf.LdMem, Bpf.LdxMem, Bpf.St, Bpf.Stx];
const OTHERS = [Bpf.LdImm, Bpf.LdxImm, Bpf.LdLen, Bpf.LdxLen, Bpf.Tax, Bpf.Txa, Bpf.Neg, Bpf.Ja];
const ALU = Object.values(BpfAlu).flatMap((operation) => [0x04 | operation, 0x04 | operation | SOURCE_X]);
const JUMPS = Object.values(BpfJump).flatMap((operation) => [0x05 | operation, 0x05 | operation | SOURCE_X]);

/** Those that say the same in every run. */
const STEADY_ANCILLARIES = [
  Ancillary.Protocol,
  Ancillary.PacketType,
  Ancillary.VlanTag,
  Ancillary.VlanTagPresent,
  Ancillary.VlanProtocol,
  Ancillary.XorX,
];

const anyNumber = fc.oneof(
  fc.integer({ min: 0, max: 80 }),
  fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x0800),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);

const anyInstruction: fc.Arbitrary<ClassicInstruction> = fc.record({
  code: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...LOADS) },
    { weight: 6, arbitrary: fc.constantFrom(...SLOTS) },
    { weight: 1, arbitrary: fc.constantFrom(Bpf.RetK, Bpf.RetA) },
    { weight: 8, arbitrary: fc.constantFrom(...OTHERS) },
    { weight: 8, arbitrary: fc.constantFrom(...ALU) },
    { weight: 4, arbitrary: fc.constantFrom(...JUMPS) },
  ),
  jt: fc.integer({ min: 0, max: 8 }),
  jf: fc.integer({ min: 0, max: 8 }),
  k: anyNumber,
});

/** Returns a mixture of A, X and all slots, so that a difference in any of them shows. */
const EPILOGUE: readonly ClassicInstruction[] = [
  { code: 0x04 | BpfAlu.Xor | SOURCE_X, jt: 0, jf: 0, k: 0 },
  ...Array.from({ length: MEMORY_SLOTS }, (_, k) => [
    { code: Bpf.LdxMem, jt: 0, jf: 0, k },
    { code: 0x04 | BpfAlu.Mul, jt: 0, jf: 0, k: 31 },
    { code: 0x04 | BpfAlu.Add | SOURCE_X, jt: 0, jf: 0, k: 0 },
  ]).flat(),
  { code: Bpf.RetA, jt: 0, jf: 0, k: 0 },
];

/** What is built from these may be trimmed to what is allowed where it stands. */
export const classicPrograms: fc.Arbitrary<ClassicInstruction[]> = fc
  .array(anyInstruction, { minLength: 1, maxLength: 60 })
  .map((parts) => {
    const zeroed = Array.from({ length: MEMORY_SLOTS }, (_, k) => ({ code: Bpf.St, jt: 0, jf: 0, k }));
    const body = parts.map((part, i) => trim(part, parts.length - i));
    return [...zeroed, ...body, ...EPILOGUE];
  });

/** `after` instructions follow. */
function trim(part: ClassicInstruction, after: number): ClassicInstruction {
  const { code, jt, jf, k } = part;
  if (isComparison(code)) return { code, jt: jt % after, jf: jf % after, k };
  if (code === Bpf.Ja) return { code, jt: 0, jf: 0, k: k % Math.min(after, 8) };
  // Nothing but 0 and 1, which a translation keeps as they are.
  if (isReturn(code)) return { code, jt: 0, jf: 0, k: k & 1 };
  if (SLOTS.some((slot) => slot === code)) return { code, jt: 0, jf: 0, k: k % MEMORY_SLOTS };
  if ((code & 0x07) === 0x04 && (code & SOURCE_X) === 0 && code !== Bpf.Neg) {
    const operation = code & 0xf0;
    if (operation === BpfAlu.Lsh || operation === BpfAlu.Rsh) return { code, jt: 0, jf: 0, k: k % 32 };
    return { code, jt: 0, jf: 0, k: k === 0 ? 1 : k };
  }
  if (LOADS.some((load) => load === code)) {
    const isAbsolute = code === Bpf.LdAbsW || code === Bpf.LdAbsH || code === Bpf.LdAbsB;
    if (isAbsolute && k >= 0x8000_0000) {
      const what = STEADY_ANCILLARIES[k % STEADY_ANCILLARIES.length]!;
      return { code, jt: 0, jf: 0, k: ANCILLARY_BASE + what };
    }
  }
  return { code, jt: 0, jf: 0, k };
}
