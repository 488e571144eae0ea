import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Bpf,
  BpfAlu,
  BpfJump,
  type ClassicInstruction,
  checkClassicProgram,
  SOURCE_X,
} from '../../src/capture/classic-bpf.ts';
import { translateClassic } from '../../src/capture/classic-to-ebpf.ts';
import { type Beside, runClassic } from './classic-interpreter.ts';
import { classicPrograms } from './classic-programs.ts';
import { bytes as commentedHex } from './commented-hex.ts';
import { type Context, runEbpf } from './ebpf-interpreter.ts';

const BESIDE: Required<Beside> = {
  protocol: 0x0800,
  packetType: 3,
  interfaceIndex: 7,
  vlanTag: 0x2064,
  vlanProtocol: 0x8100,
};

/** The same as a context: protocols lie in network byte order. */
function contextOf(packet: Uint8Array): Context {
  const fields = new Map([
    [0, packet.length],
    [4, BESIDE.packetType],
    [16, 0x0008],
    [20, 1],
    [24, BESIDE.vlanTag],
    [28, 0x0081],
    [40, BESIDE.interfaceIndex],
  ]);
  return { fields, packet, networkAt: 14 };
}

function translate(program: ClassicInstruction[]): Uint8Array {
  expect(checkClassicProgram(program)).toBeNull();
  const { instructions } = translateClassic(program, true);
  expect(instructions).not.toBeNull();
  return instructions!;
}

function op(code: number, k = 0, jt = 0, jf = 0): ClassicInstruction {
  return { code, jt, jf, k };
}

const ARP = [op(Bpf.LdAbsH, 12), op(0x05 | BpfJump.Jeq, 0x0806, 0, 1), op(Bpf.RetK, 0x40000), op(Bpf.RetK, 0)];

describe('a classic program as eBPF', () => {
  it('is, for `arp`, these instructions', () => {
    const expected = commentedHex(`
      bf 16 0000 00000000   r6 = r1
      b4 08 0000 00000000   w8 = 0
      b4 07 0000 00000000   w7 = 0
      b4 02 0000 0c000000   w2 = 12
      bf 61 0000 00000000   r1 = r6
      bf a3 0000 00000000   r3 = r10
      07 03 0000 f8ffffff   r3 += -8
      b4 04 0000 02000000   w4 = 2
      85 00 0000 1a000000   call bpf_skb_load_bytes
      55 00 0800 00000000   if r0 != 0 goto +8
      69 a8 f8ff 00000000   r8 = *(u16 *)(r10 - 8)
      dc 08 0000 10000000   r8 = be16 r8
      15 08 0100 06080000   if r8 == 0x806 goto +1
      05 00 0200 00000000   goto +2
      b4 00 0000 01000000   w0 = 1
      05 00 0300 00000000   goto +3
      b4 00 0000 00000000   w0 = 0
      05 00 0100 00000000   goto +1
      b4 00 0000 00000000   w0 = 0`);
    expect(Buffer.from(translate(ARP)).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
  });

  it('has its numbers and its registers the other way round for a big-endian machine', () => {
    const little = translate(ARP);
    const big = translateClassic(ARP, false).instructions!;
    expect(big.subarray(8 * 10, 8 * 11)).toEqual(Uint8Array.of(0x69, 0x8a, 0xff, 0xf8, 0, 0, 0, 0));
    expect(big.length).toBe(little.length);
  });

  it('leaves out what is not reached, which the verifier of the kernel would refuse', () => {
    const program = [op(Bpf.Ja, 1), op(Bpf.LdAbsW, 0), op(Bpf.RetK, 1)];
    expect(translate(program).length).toBe(8 * 6);
  });

  it('is refused when its jumps become too long', () => {
    const loads = Array.from({ length: 4094 }, () => op(Bpf.LdAbsW, 0));
    expect(checkClassicProgram([...loads, op(Bpf.RetK, 1)])).toBeNull();
    expect(translateClassic([...loads, op(Bpf.RetK, 1)], true)).toEqual({ instructions: null, refusal: 'too_long' });
    expect(translateClassic([...loads.slice(1200), op(Bpf.RetK, 1)], true).refusal).toBeNull();
  });

  it('reads relative to the network header where the kernel would', () => {
    const program = [
      op(Bpf.LdAbsB, -0x100000 >>> 0),
      op(0x05 | BpfJump.Jeq, 0x45, 0, 1),
      op(Bpf.RetK, 1),
      op(Bpf.RetK, 0),
    ];
    const packet = new Uint8Array(34);
    expect(runEbpf(translate(program), contextOf(packet))).toBe(0);
    packet[14] = 0x45;
    expect(runEbpf(translate(program), contextOf(packet))).toBe(1);
  });

  it('computes and compares numbers without a sign, by constant and by X', () => {
    const numbers = [0, 1, 31, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff];
    const codes = [
      ...Object.values(BpfJump).map((jump) => 0x05 | jump),
      ...Object.values(BpfAlu).map((alu) => 0x04 | alu),
    ];
    for (const code of codes) {
      for (const a of numbers) {
        for (const b of numbers) {
          for (const source of [0, SOURCE_X]) {
            const isJump = (code & 0x07) === 0x05;
            const head = [op(Bpf.LdImm, a), op(Bpf.LdxImm, b), op(code | source, source === 0 ? b : 0, isJump ? 1 : 0)];
            const program = [...head, op(Bpf.RetA), op(Bpf.RetK, isJump ? 1 : 0)];
            if (checkClassicProgram(program) !== null) continue;
            const returned = runEbpf(translate(program), contextOf(new Uint8Array(20)));
            expect([code, source, a, b, returned]).toEqual([
              code,
              source,
              a,
              b,
              runClassic(program, new Uint8Array(20)),
            ]);
          }
        }
      }
    }
  });

  it('returns what the classic program returns, whatever the program and the packet', () => {
    fc.assert(
      fc.property(classicPrograms, fc.uint8Array({ minLength: 30, maxLength: 90 }), (program, packet) => {
        expect(runEbpf(translate(program), contextOf(packet))).toBe(runClassic(program, packet, BESIDE));
      }),
      { numRuns: 3000 },
    );
  });
});
