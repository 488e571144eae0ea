import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ANCILLARY_BASE,
  Ancillary,
  Bpf,
  BpfAlu,
  BpfJump,
  ClassicFault,
  type ClassicInstruction,
  checkClassicBytes,
  checkClassicProgram,
  MAX_CLASSIC_INSTRUCTIONS,
  readClassicProgram,
  SOURCE_X,
  toClassicBytes,
} from '../../src/capture/classic-bpf.ts';

function op(code: number, k = 0, jt = 0, jf = 0): ClassicInstruction {
  return { code, jt, jf, k };
}

const DROP = op(Bpf.RetK, 0);
const ACCEPT = op(Bpf.RetK, 0x40000);
const jeq = (k: number, jt: number, jf: number): ClassicInstruction => op(0x05 | BpfJump.Jeq, k, jt, jf);
const alu = (operation: number, k: number): ClassicInstruction => op(0x04 | operation, k);

describe('a classic BPF program', () => {
  it('is read and written whole: `arp`, as libpcap makes it', () => {
    const program = [op(Bpf.LdAbsH, 12), jeq(0x0806, 0, 1), ACCEPT, DROP];
    const bytes = toClassicBytes(program);
    expect(bytes.length).toBe(32);
    expect(readClassicProgram(bytes)).toEqual(program);
    expect(checkClassicBytes(bytes)).toBeNull();
  });

  it('may use every code of the kernel', () => {
    const program = [
      op(Bpf.LdImm, 1),
      op(Bpf.St, 15),
      op(Bpf.LdxImm, 2),
      op(Bpf.Stx, 0),
      op(Bpf.LdMem, 15),
      op(Bpf.LdxMem, 0),
      op(Bpf.LdLen),
      op(Bpf.LdxLen),
      ...[Bpf.LdAbsW, Bpf.LdAbsH, Bpf.LdAbsB, Bpf.LdIndW, Bpf.LdIndH, Bpf.LdIndB, Bpf.LdxMsh].map((code) =>
        op(code, 14),
      ),
      ...Object.values(BpfAlu).flatMap((operation) => [alu(operation, 1), op(0x04 | operation | SOURCE_X)]),
      op(Bpf.Neg),
      op(Bpf.Tax),
      op(Bpf.Txa),
      ...Object.values(Ancillary).map((what) => op(Bpf.LdAbsW, ANCILLARY_BASE + what)),
      ...Object.values(BpfJump).flatMap((operation) => [op(0x05 | operation, 1), op(0x05 | operation | SOURCE_X)]),
      op(Bpf.Ja, 0),
      op(Bpf.RetA),
      DROP,
    ];
    expect(checkClassicProgram(program)).toBeNull();
  });

  it('may have as many instructions as the kernel takes, and no more', () => {
    const longest = [...Array.from({ length: MAX_CLASSIC_INSTRUCTIONS - 1 }, () => op(Bpf.Tax)), DROP];
    expect(checkClassicProgram(longest)).toBeNull();
    expect(checkClassicProgram([DROP, ...longest])).toEqual({ fault: ClassicFault.TooLong, at: 4096 });
  });

  it.each<[string, ClassicInstruction[], ClassicFault, number]>([
    ['nothing', [], ClassicFault.Empty, 0],
    ['an unknown load', [op(0xa0), DROP], ClassicFault.UnknownCode, 0],
    ['a load of 64 bits', [op(0x38), DROP], ClassicFault.UnknownCode, 0],
    ['an unknown operation', [op(0xb4), DROP], ClassicFault.UnknownCode, 0],
    ['an unknown comparison', [op(0x55), DROP], ClassicFault.UnknownCode, 0],
    ['a return of X', [op(0x0e), DROP], ClassicFault.UnknownCode, 0],
    ['a code above eight bits', [op(0x105 | BpfJump.Jeq), DROP], ClassicFault.UnknownCode, 0],
    ['a division by zero', [alu(BpfAlu.Div, 0), DROP], ClassicFault.DivisionByZero, 0],
    ['a remainder by zero', [alu(BpfAlu.Mod, 0), DROP], ClassicFault.DivisionByZero, 0],
    ['a shift by 32', [alu(BpfAlu.Rsh, 32), DROP], ClassicFault.ShiftTooFar, 0],
    ['a store beyond memory', [op(Bpf.St, 16), DROP], ClassicFault.NoSuchSlot, 0],
    ['a load beyond memory', [op(Bpf.LdxMem, 0xffff_ffff), DROP], ClassicFault.NoSuchSlot, 0],
    ['a jump behind the end', [op(Bpf.Ja, 1), DROP], ClassicFault.JumpOutside, 0],
    ['a jump backwards', [op(Bpf.Ja, 0xffff_ffff), DROP], ClassicFault.JumpBack, 0],
    ['a way out where a comparison holds', [jeq(0, 1, 0), DROP], ClassicFault.JumpOutside, 0],
    ['a way out where it does not', [jeq(0, 0, 1), DROP], ClassicFault.JumpOutside, 0],
    ['an unknown ancillary', [op(Bpf.LdAbsB, ANCILLARY_BASE + 1), DROP], ClassicFault.UnknownAncillary, 0],
    ['no return', [DROP, op(Bpf.Tax)], ClassicFault.NoReturn, 1],
    ['a comparison at the end', [jeq(0, 0, 0)], ClassicFault.JumpOutside, 0],
    ['a slot that was never set', [op(Bpf.LdMem, 3), DROP], ClassicFault.SlotNotSet, 0],
    [
      'a slot that is set on one of two ways',
      [jeq(1, 0, 1), op(Bpf.St, 3), op(Bpf.LdMem, 3), DROP],
      ClassicFault.SlotNotSet,
      2,
    ],
  ])('is refused with %s', (_, program, fault, at) => {
    expect(checkClassicProgram(program)).toEqual({ fault, at });
  });

  it('may load a slot that is set on both ways', () => {
    const program = [jeq(1, 0, 2), op(Bpf.St, 3), op(Bpf.Ja, 1), op(Bpf.Stx, 3), op(Bpf.LdMem, 3), DROP];
    expect(checkClassicProgram(program)).toBeNull();
  });

  it('is refused at every cut, for the jump that leaves it or for its end', () => {
    const bytes = toClassicBytes([op(Bpf.LdAbsH, 12), jeq(0x0806, 0, 1), ACCEPT, DROP]);
    for (let length = 0; length < bytes.length; length += 1) {
      expect({ length, refusal: checkClassicBytes(bytes.subarray(0, length)) }).not.toEqual({ length, refusal: null });
    }
    expect(checkClassicBytes(bytes.subarray(0, 31))).toEqual({ fault: ClassicFault.Ragged, at: 3 });
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 256 }), (bytes) => {
        checkClassicBytes(bytes);
        const whole = bytes.subarray(0, bytes.length - (bytes.length % 8));
        expect(toClassicBytes(readClassicProgram(bytes))).toEqual(whole);
      }),
    );
  });
});
