import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkBpfExpression,
  openBpfFilter,
  type PcapFilterAddon,
  pcapFilterAddon,
} from '../../src/capture/bpf-filter.ts';
import { CaptureError } from '../../src/capture/capture-error.ts';
import { Bpf, type ClassicInstruction, readClassicProgram, toClassicBytes } from '../../src/capture/classic-bpf.ts';
import { translateClassic } from '../../src/capture/classic-to-ebpf.ts';
import { EXPRESSIONS, filterPackets } from './bpf-packets.ts';
import { runClassic } from './classic-interpreter.ts';
import { classicPrograms } from './classic-programs.ts';
import { labRefusal, ShuntLab } from './shunt-lab.ts';

const ETHERNET = 1;
const DROP: ClassicInstruction = { code: Bpf.RetK, jt: 0, jf: 0, k: 0 };

/** Answers as native/pcap-filter does. */
function addonThat(answer: Partial<ReturnType<PcapFilterAddon['compilePcapFilter']>>): PcapFilterAddon {
  const whole = { status: 'ok', message: '', isLive: true, linkType: ETHERNET, program: toProgram([DROP]) } as const;
  return { compilePcapFilter: () => ({ ...whole, ...answer }) };
}

function toProgram(instructions: ClassicInstruction[]): ArrayBuffer {
  return Uint8Array.from(toClassicBytes(instructions)).buffer;
}

function refusalOf(open: () => unknown): CaptureError {
  try {
    open();
  } catch (error) {
    if (error instanceof CaptureError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a pcap expression', () => {
  it('without libpcap is refused with the cure', () => {
    const addon = addonThat({ status: 'missing', message: 'libpcap.so.0.8: cannot open shared object file' });
    const { code, message } = refusalOf(() => openBpfFilter('tcp', 'eth1', ETHERNET, addon));
    expect(code).toBe('no_libpcap');
    expect(message).toContain('apt install libpcap0.8');
  });

  it('that libpcap refuses is refused with its words', () => {
    const addon = addonThat({ status: 'refused', message: "can't parse filter expression: syntax error" });
    const { code, path, message } = refusalOf(() => openBpfFilter('tcp prt', 'eth1', ETHERNET, addon));
    expect([code, path]).toEqual(['bad_filter', 'eth1']);
    expect(message).toBe("--bpf: can't parse filter expression: syntax error");
  });

  it('is refused where libpcap reads the interface as another link type', () => {
    const addon = addonThat({ linkType: 113 });
    expect(refusalOf(() => openBpfFilter('tcp', 'ppp0', ETHERNET, addon)).message).toContain('as link type 113');
  });

  it('with `vlan` is refused where the tag would be looked for in the bytes', () => {
    const addon = addonThat({ isLive: false });
    expect(refusalOf(() => openBpfFilter('vlan 5 and tcp', 'eth1', ETHERNET, addon)).message).toContain('CAP_NET_RAW');
    expect(openBpfFilter('tcp', 'eth1', ETHERNET, addon).expression).toBe('tcp');
  });

  it('is refused above its length, and with a NUL', () => {
    expect(refusalOf(() => checkBpfExpression(' '.repeat(16_385), addonThat({}))).message).toContain(
      '16384 characters',
    );
    expect(refusalOf(() => checkBpfExpression('tcp\0', addonThat({}))).message).toContain('NUL');
  });

  it('whose program is not sound is refused with the instruction', () => {
    const program = toProgram([{ code: Bpf.LdMem, jt: 0, jf: 0, k: 3 }, DROP]);
    const { message } = refusalOf(() => openBpfFilter('tcp', 'eth1', ETHERNET, addonThat({ program })));
    expect(message).toContain('instruction 0');
    expect(message).toContain('not set on every way');
  });

  it('too long for the shunt keeps its classic program, and says so', () => {
    const loads = Array.from({ length: 4094 }, () => ({ code: Bpf.LdAbsW, jt: 0, jf: 0, k: 0 }));
    const filter = openBpfFilter('tcp', 'eth1', ETHERNET, addonThat({ program: toProgram([...loads, DROP]) }));
    expect(filter.prefix).toBeNull();
    expect(filter.classic.length).toBe(4095 * 8);
    expect(filter.note).toContain('4095 instructions');
  });
});

const noAddon = addonRefusal();
const noTcpdump = spawnSync('tcpdump', ['--version']).error === undefined ? null : 'no tcpdump';
const noKernel = labRefusal();

describe.skipIf(noAddon !== null)(`pcap expressions through the libpcap of this machine${why(noAddon)}`, () => {
  it('become the program that `tcpdump -d arp` prints', () => {
    expect(readClassicProgram(compileOffline('arp'))).toEqual([
      { code: Bpf.LdAbsH, jt: 0, jf: 0, k: 12 },
      { code: 0x15, jt: 0, jf: 1, k: 0x0806 },
      { code: Bpf.RetK, jt: 0, jf: 0, k: 262_144 },
      { code: Bpf.RetK, jt: 0, jf: 0, k: 0 },
    ]);
  });

  it('are checked without an interface', () => {
    checkBpfExpression('tcp port 443');
    expect(refusalOf(() => checkBpfExpression('tcp prt 443')).message).toContain('syntax error');
    expect(refusalOf(() => checkBpfExpression('('.repeat(10_000))).message).toContain('--bpf');
  });

  it('are refused where libpcap makes a loop, which only it can run', () => {
    const { message } = refusalOf(() => openBpfFilter('ip6 protochain 6', 'no such interface'));
    expect(message).toContain('protochain');
  });

  it('are refused in seconds where libpcap would optimise for minutes', () => {
    const addresses = Array.from({ length: 900 }, (_, i) => `net 10.${i >> 8}.${i & 0xff}.0/24`);
    const start = performance.now();
    expect(refusalOf(() => checkBpfExpression(addresses.slice(0, 780).join(' or '))).message).toContain('too long');
    expect(performance.now() - start).toBeLessThan(30_000);
  }, 40_000);

  it.skipIf(noTcpdump !== null)(`want the packets that tcpdump takes${why(noTcpdump)}`, () => {
    for (const expression of EXPRESSIONS) {
      const program = readClassicProgram(compileOffline(expression));
      const wanted = filterPackets.flatMap((packet, i) => (runClassic(program, packet) === 0 ? [] : [i]));
      expect({ expression, wanted }).toEqual({ expression, wanted: tcpdump(expression) });
    }
  });

  it.skipIf(noTcpdump !== null || noKernel !== null)(
    `want them in the kernel too, in front of the shunt${why(noTcpdump ?? noKernel)}`,
    () => {
      for (const expression of EXPRESSIONS) {
        const lab = labFor(readClassicProgram(compileOffline(expression)));
        const wanted = filterPackets.flatMap((packet, i) => (isWanted(lab, packet) ? [i] : []));
        lab.close();
        expect({ expression, wanted }).toEqual({ expression, wanted: tcpdump(expression) });
      }
    },
  );

  it.skipIf(noKernel !== null)(`cost so many nanoseconds in the kernel${why(noKernel)}`, () => {
    const lab = labFor(readClassicProgram(compileOffline('tcp port 443 and not net 10.9.0.0/16')));
    expect(lab.measureNs(framed(filterPackets[0]!), 1000)).toBeGreaterThanOrEqual(0);
    lab.close();
  });
});

describe.skipIf(noAddon !== null || noKernel !== null)(
  `a classic program in the kernel, as eBPF before the shunt${why(noAddon ?? noKernel)}`,
  () => {
    it('does what the classic machine does, whatever the program and the packet', () => {
      const beside = { protocol: 0x88b5, packetType: 0 };
      fc.assert(
        fc.property(
          classicPrograms,
          fc.array(fc.uint8Array({ minLength: 1, maxLength: 80 }), { minLength: 4, maxLength: 4 }),
          (program, packets) => {
            const lab = labFor(program);
            const inKernel = packets.map((packet) => isWanted(lab, packet));
            lab.close();
            expect(inKernel).toEqual(packets.map((packet) => runClassic(program, packet, beside) !== 0));
          },
        ),
        { numRuns: 300 },
      );
    });

    it('passes the verifier at its longest', () => {
      const loads = Array.from({ length: 2000 }, (_, i) => ({ code: Bpf.LdAbsB, jt: 0, jf: 0, k: i % 60 }));
      const lab = labFor([...loads, { code: Bpf.RetA, jt: 0, jf: 0, k: 0 }]);
      expect(isWanted(lab, new Uint8Array(60).fill(1))).toBe(true);
      expect(isWanted(lab, new Uint8Array(59).fill(1))).toBe(false);
      lab.close();
    });

    it('passes the verifier with many ways', () => {
      const program = Array.from({ length: 700 }, (_, i): ClassicInstruction[] => [
        { code: Bpf.LdAbsH, jt: 0, jf: 0, k: i % 60 },
        { code: 0x15, jt: (i % 7) * 2, jf: (i % 3) * 2, k: 1000 + i },
      ]).flat();
      program.push(...Array.from({ length: 14 }, () => ({ code: Bpf.Tax, jt: 0, jf: 0, k: 0 })));
      program.push({ code: Bpf.RetA, jt: 0, jf: 0, k: 0 });
      const lab = labFor(program);
      expect(isWanted(lab, new Uint8Array(62).fill(1))).toBe(true);
      lab.close();
    });
  },
);

function labFor(program: ClassicInstruction[]): ShuntLab {
  const { instructions } = translateClassic(program, true);
  return new ShuntLab('socket', 1 << 20, 1 << 20, 64, instructions);
}

/** In the kernel's test the packet of a socket filter begins behind its Ethernet header: so it gets one more. */
function framed(packet: Uint8Array): Uint8Array {
  const frame = new Uint8Array(14 + packet.length);
  frame.set([0x88, 0xb5], 12);
  frame.set(packet, 14);
  return frame;
}

/** The shunt behind the filter knows nothing of such a frame, and passes it. */
function isWanted(lab: ShuntLab, packet: Uint8Array): boolean {
  const verdict = lab.judge(framed(packet));
  if (verdict !== 'passed' && verdict !== 'filtered') throw new Error(`the shunt says ${verdict}`);
  return verdict === 'passed';
}

/** As tcpdump does for a file: the tag is in the bytes. */
function compileOffline(expression: string): Uint8Array {
  const { status, message, program } = pcapFilterAddon().compilePcapFilter(expression, null, ETHERNET, 262_144);
  if (status !== 'ok') throw new Error(`${expression}: ${message}`);
  return new Uint8Array(program);
}

/** Indexes of the packets that tcpdump takes: their time stamps. */
function tcpdump(expression: string): number[] {
  const { stdout, status, stderr } = spawnSync('tcpdump', ['-r', '-', '-w', '-', expression], { input: toPcap() });
  if (status !== 0) throw new Error(`tcpdump: ${stderr.toString()}`);
  const indexes: number[] = [];
  for (let at = 24; at < stdout.length; at += 16 + stdout.readUInt32LE(at + 8)) indexes.push(stdout.readUInt32LE(at));
  return indexes;
}

function toPcap(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(ETHERNET, 20);
  const records = filterPackets.map((packet, i) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(i, 0);
    record.writeUInt32LE(packet.length, 8);
    record.writeUInt32LE(packet.length, 12);
    return Buffer.concat([record, packet]);
  });
  return Buffer.concat([header, ...records]);
}

function addonRefusal(): string | null {
  try {
    checkBpfExpression('tcp');
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function why(reason: string | null): string {
  return reason === null ? '' : ` (skipped: ${reason})`;
}
