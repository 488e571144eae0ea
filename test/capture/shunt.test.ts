import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type FlowShunt,
  joinShunt,
  openShunt,
  SHUNT_DEFAULTS,
  SHUNT_REASONS,
  type ShuntOptions,
} from '../../src/capture/flow-shunt.ts';
import { CLASSIC_PROGRAM, ClassicShunt } from '../../src/capture/shunt-classic.ts';
import { loadShuntAddon, Table } from '../../src/capture/shunt-layout.ts';
import { shuntRefusal, verifierText, xdpLoadRefusal, xdpRefusal } from '../../src/capture/shunt-refusal.ts';
import { labRefusal, MIN_TEST_BYTES, ShuntLab } from './shunt-lab.ts';
import { ShuntModel } from './shunt-model.ts';
import { concat, Flag, flowOf, tcp, udp } from './shunt-packets.ts';

const refusal = labRefusal();
const OPTIONS: ShuntOptions = { ...SHUNT_DEFAULTS, maxFlows: 4096 };
const V4 = { source: '10.0.0.1', target: '192.0.2.7', sourcePort: 40_000, targetPort: 443 };
const V6 = { source: '2001:db8::1', target: '2001:db8::2', sourcePort: 40_000, targetPort: 443 };
const payload = new Uint8Array(100);

describe.skipIf(refusal !== null)(`the flow shunt, ${refusal ?? 'opened in the kernel'}`, () => {
  const open: FlowShunt[] = [];
  afterEach(() => {
    for (const shunt of open.splice(0).toReversed()) shunt.close();
  });
  function keep(shunt: FlowShunt): FlowShunt {
    open.push(shunt);
    return shunt;
  }
  function passes(shunt: FlowShunt, packet: Uint8Array): boolean {
    const result = new Uint32Array(2);
    expect(loadShuntAddon().shuntTestRun(shunt.programFd, packet, 1, result)).toBe(0);
    return result[0] !== 0;
  }
  const data = (port: number, pair = V4): Uint8Array => tcp({ ...pair, sourcePort: port, flags: Flag.Ack, payload });
  function finish(shunt: FlowShunt, port: number, pair = V4): void {
    const { isV6, words, ports } = flowOf({ ...pair, sourcePort: port });
    // As in the flow table: the addresses lie somewhere in a larger array, and an IPv4 flow's other words are of its last tenant.
    const table = new Int32Array(64).fill(-1);
    table.set(isV6 ? words.subarray(0, 4) : words.subarray(0, 1), 38);
    table.set(isV6 ? words.subarray(4, 8) : words.subarray(4, 5), 42);
    shunt.finish(isV6, table, 38, 42, ports, 1, 2);
  }

  it('drops flows that are finished with once they are flushed', () => {
    const shunt = keep(openShunt(OPTIONS, 'lo'));
    expect(shunt).toMatchObject({ kind: 'socket', classicProgram: null, notes: [] });
    for (const pair of [V4, V6]) {
      expect(passes(shunt, data(1, pair))).toBe(true);
      finish(shunt, 1, pair);
      expect(passes(shunt, data(1, pair))).toBe(true);
      shunt.flush();
      expect(passes(shunt, data(1, pair))).toBe(false);
      expect(passes(shunt, data(2, pair))).toBe(true);
    }
    const { passed, dropped, finished, refused } = shunt.readCounters();
    expect(passed.packets).toBe(6);
    expect(dropped.finished.packets).toBe(2);
    expect(Object.keys(dropped)).toEqual([...SHUNT_REASONS]);
    expect({ finished, refused }).toEqual({ finished: 2, refused: 0 });
  });

  it('flushes by itself when a batch is full', () => {
    const shunt = keep(openShunt(OPTIONS, 'lo'));
    for (let port = 1; port <= 300; port++) finish(shunt, port);
    expect(passes(shunt, data(256))).toBe(false);
    expect(passes(shunt, data(257))).toBe(true);
    shunt.flush();
    expect(passes(shunt, data(300))).toBe(false);
    expect(shunt.readCounters().finished).toBe(300);
  });

  it('is joined with counters of its own and the same flows', () => {
    const opener = keep(openShunt(OPTIONS, 'lo'));
    const joined = keep(joinShunt(opener.handle!));
    finish(joined, 7);
    joined.flush();
    expect(passes(opener, data(7))).toBe(false);
    expect(passes(joined, data(7))).toBe(false);
    expect(passes(joined, data(8))).toBe(true);
    expect(opener.readCounters()).toMatchObject({ passed: { packets: 0 }, dropped: { finished: { packets: 1 } } });
    expect(joined.readCounters()).toMatchObject({ passed: { packets: 1 }, dropped: { finished: { packets: 1 } } });
    joined.close();
    expect(passes(opener, data(7))).toBe(false);
  });

  it('hands its descriptors to another thread as numbers', async () => {
    const opener = keep(openShunt(OPTIONS, 'lo'));
    const { isV6, ports, words } = flowOf({ ...V4, sourcePort: 9 });
    // Through the addon itself: a thread in this test's process runs no TypeScript.
    const source = `
      const { workerData: { path, fd, key, value } } = require('node:worker_threads');
      const addon = require('node-gyp-build')(path);
      if (addon.shuntUpdate(fd, key, 40, value, 16, 1) !== 1) throw new Error('refused');`;
    const key = Int32Array.from([...words, ports, isV6 ? 6 : 4]);
    const workerData = {
      path: `${process.cwd()}/native`,
      fd: opener.handle!.finishedFd,
      key,
      value: new Int32Array(4),
    };
    const status = await new Promise((resolve, reject) => {
      new Worker(source, { eval: true, workerData }).on('exit', resolve).on('error', reject);
    });
    expect(status).toBe(0);
    expect(passes(opener, data(9))).toBe(false);
  });

  it('keeps its last counters when it is closed, and is quiet afterwards', () => {
    const shunt = openShunt(OPTIONS, 'lo');
    passes(shunt, data(1));
    finish(shunt, 1);
    shunt.close();
    for (let port = 1; port <= 600; port++) finish(shunt, port);
    shunt.flush();
    shunt.close();
    expect(shunt.readCounters()).toMatchObject({ passed: { packets: 1 }, finished: 1, refused: 0 });
    expect(shunt.notes).toEqual([]);
  });

  it('leaves no descriptor behind', () => {
    const programs = (): string[] =>
      readdirSync('/proc/self/fd')
        .flatMap((fd) => {
          try {
            return readlinkSync(`/proc/self/fd/${fd}`);
          } catch {
            return []; // the descriptor of the listing itself
          }
        })
        .filter((target) => target.includes('bpf'));
    const before = programs();
    for (let i = 0; i < 50; i++) {
      const opener = openShunt(OPTIONS, 'lo');
      const joined = joinShunt(opener.handle!);
      joined.close();
      opener.close();
    }
    openShunt({ ...OPTIONS, xdp: true }, 'nothere0').close();
    openShunt(OPTIONS, 'lo', { instructions: new Uint8Array(8) }).close();
    expect(programs()).toEqual(before);
  });

  it('says that an interface is not there, and drops at the socket', () => {
    const shunt = keep(openShunt({ ...OPTIONS, xdp: true }, 'nothere0'));
    expect(shunt.kind).toBe('socket');
    expect(shunt.notes).toEqual(['nothere0: no such interface; packets are dropped at the socket instead']);
  });

  it('counts what the kernel refuses, says it once, and goes on with the budget', () => {
    const addon = loadShuntAddon();
    const shunt = keep(openShunt({ ...OPTIONS, budgetBytes: 150 }, 'lo'));
    const finishedFd = addon.shuntTable(Table.Finished, 16);
    const joined = keep(joinShunt({ ...shunt.handle!, finishedFd }));
    addon.shuntClose(finishedFd);
    for (const port of [1, 2]) {
      finish(joined, port);
      joined.flush();
    }
    expect(joined.readCounters()).toMatchObject({ finished: 0, refused: 2 });
    expect(joined.notes).toEqual([
      'the kernel refuses to take finished flows: EBADF; before Linux 5.19 keep CAP_BPF for it. The byte budget of flows goes on without',
    ]);
    const segment = (seq: number): Uint8Array =>
      concat(tcp({ ...V4, flags: Flag.Ack, seq, payload }), new Uint8Array(14));
    expect([0, 100, 200].map((seq) => passes(joined, segment(seq)))).toEqual([true, true, false]);
  });

  it('falls back on the classic filter where there is no table to join', () => {
    const shunt = keep(joinShunt({ flowsFd: 1_000_000, finishedFd: 1_000_001, settingsFd: 1_000_002, hasXdp: false }));
    expect(shunt).toMatchObject({ kind: 'classic', programFd: -1, handle: null });
    expect(shunt.notes[0]).toContain('refuses to load the program');
  });

  it('takes a filter of the user in front, and counts what that refuses', () => {
    // r6 = r1; r0 = packet length; r0 = 0 unless it is above 100
    const long = instructions([0xbf, 6, 1, 0, 0], [0x61, 0, 1, 0, 0], [0x25, 0, 0, 1, 100], [0xb7, 0, 0, 0, 0]);
    const shunt = keep(openShunt(OPTIONS, 'lo', { instructions: long }));
    expect(shunt.kind).toBe('socket');
    expect(passes(shunt, data(1))).toBe(true);
    expect(passes(shunt, tcp({ ...V4, flags: Flag.Syn }))).toBe(false);
    expect(passes(shunt, udp({ ...V4, payload: new Uint8Array(200) }))).toBe(false);
    const { passed, dropped } = shunt.readCounters();
    expect([passed.packets, dropped.filtered.packets, dropped.udp.packets]).toEqual([1, 1, 1]);
  });

  it('falls back on the classic filter when the verifier refuses a filter in front, and says what it said', () => {
    const shunt = keep(openShunt(OPTIONS, 'lo', { instructions: instructions([0xbf, 0, 9, 0, 0]) }));
    expect(shunt.kind).toBe('classic');
    expect(shunt.notes[0]).toMatch(/refuses to load the program.*R9 !read_ok/);
  });

  it('refuses arguments that do not fit with EINVAL, and reads nothing of them', () => {
    const addon: Record<string, unknown> = { ...loadShuntAddon() };
    for (const [name, value] of Object.entries(addon)) {
      if (!name.startsWith('shunt') || typeof value !== 'function') continue;
      const call: (...args: unknown[]) => unknown = (...args) => Reflect.apply(value, null, args);
      for (const args of [
        [],
        ['x'],
        [-1, {}, 3],
        [-1, new Uint8Array(1), new Uint8Array(1), null, 5, 9],
        [{}, {}, {}, {}, {}, {}],
      ]) {
        expect(call(...args)).toBeLessThan(0);
      }
    }
  });
});

/** Code, target register, source register, jump, operand. */
function instructions(...list: readonly (readonly [number, number, number, number, number])[]): Uint8Array {
  const bytes = new Uint8Array(8 * list.length);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, target, source, jump, operand]] of list.entries()) {
    view.setUint8(8 * i, code);
    view.setUint8(8 * i + 1, target | (source << 4));
    view.setInt16(8 * i + 2, jump, true);
    view.setInt32(8 * i + 4, operand, true);
  }
  return bytes;
}

describe('the classic filter', () => {
  /** What the kernel makes of a classic program: 0 drops, and so does a load beyond the end. */
  function run(program: Uint8Array, packet: Uint8Array): number {
    const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
    const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    let a = 0;
    let x = 0;
    for (let at = 0; at < program.length; at += 8) {
      const operand = code.getUint32(at + 4, true);
      const jump = (isTrue: boolean): void => {
        at += 8 * code.getUint8(at + (isTrue ? 2 : 3));
      };
      try {
        switch (code.getUint16(at, true)) {
          case 0x30:
            a = view.getUint8(operand);
            break;
          case 0x28:
            a = view.getUint16(operand);
            break;
          case 0x50:
            a = view.getUint8(x + operand);
            break;
          case 0x48:
            a = view.getUint16(x + operand);
            break;
          case 0x40:
            a = view.getUint32(x + operand);
            break;
          case 0x01:
            x = operand;
            break;
          case 0xb1:
            x = 4 * (view.getUint8(operand) & 15);
            break;
          case 0x54:
            a = (a & operand) >>> 0;
            break;
          case 0x05:
            at += 8 * operand;
            break;
          case 0x15:
            jump(a === operand);
            break;
          case 0x35:
            jump(a >= operand);
            break;
          case 0x45:
            jump((a & operand) !== 0);
            break;
          case 0x06:
            return operand;
          default:
            throw new Error(`no such instruction at ${at}`);
        }
      } catch (error) {
        if (error instanceof RangeError) return 0;
        throw error;
      }
    }
    throw new Error('it fell off its end');
  }

  it('drops the UDP that the shunt drops, and nothing else', () => {
    const model = new ShuntModel(1, 0, 0);
    const firsts = [
      [0x12, 0x34],
      [0xc0, 0],
      [0xbf, 0],
      [0x80, 0],
      [0x80, 0x60],
      [0x7f, 0],
      [19, 0xfe],
      [20, 0xfe],
      [26, 0xfe],
      [27, 0xfe],
      [22, 3],
    ];
    const versions = [
      [0, 0, 0, 0],
      [0, 0, 0, 1],
      [0x6b, 0x33, 0x43, 0xcf],
      [0xff, 0, 0, 29],
      [0xff, 0, 1, 0],
      [1, 2, 3, 4],
    ];
    let dropped = 0;
    for (const pair of [V4, V6, { ...V4, ipOptions: 24 }, { ...V6, extensions: [44] }]) {
      for (const [sourcePort, targetPort] of [
        [4000, 443],
        [53, 4789],
        [1023, 2152],
        [1024, 4789],
        [4000, 37_008],
        [4000, 3544],
      ] as const) {
        for (const first of firsts) {
          for (const version of versions) {
            for (const length of [0, 1, 20]) {
              const bytes = Uint8Array.from([first[0]!, ...version, first[1]!, 0]);
              bytes[1] = first[0]! < 64 ? first[1]! : bytes[1]!;
              const packet = udp({ ...pair, sourcePort, targetPort, payload: concat(bytes, new Uint8Array(length)) });
              const isDropped = run(CLASSIC_PROGRAM, packet) === 0;
              expect(isDropped).toBe(model.judge(packet) !== 'passed');
              dropped += isDropped ? 1 : 0;
            }
          }
        }
      }
    }
    expect(dropped).toBeGreaterThan(500);
  });

  it('passes TCP of every kind, other protocols and fragments', () => {
    for (const pair of [V4, V6]) {
      for (let flags = 0; flags < 64; flags++) expect(run(CLASSIC_PROGRAM, tcp({ ...pair, flags }))).toBe(0xffffffff);
    }
    const fragment = udp({ ...V4, payload: new Uint8Array(40) });
    fragment[20] = 0x20;
    expect(run(CLASSIC_PROGRAM, fragment)).toBe(0xffffffff);
    expect(run(CLASSIC_PROGRAM, udp({ ...V4, vlans: [0x8100], payload }))).toBe(0xffffffff);
    expect(run(CLASSIC_PROGRAM, new Uint8Array(14))).toBe(0xffffffff);
  });

  it('stands in for the shunt, and says why', () => {
    const shunt = new ClassicShunt('it is forbidden');
    shunt.finish();
    shunt.flush();
    shunt.close();
    expect(shunt.notes).toEqual([
      'it is forbidden. A classic filter drops what it can: UDP that is neither QUIC nor DTLS, uncounted',
    ]);
    expect(shunt.readCounters().passed.packets).toBe(0);
  });
});

describe('a refusal', () => {
  it.each([
    [-1, 'no permission; it needs CAP_BPF'],
    [-38, 'it has no eBPF for this machine'],
    [-22, 'it is too old for this program'],
    [-12, 'use fewer flows'],
    [-7, 'E2BIG'],
    [-4095, 'error 4095'],
  ])('of %i is put into words', (result, words) => {
    expect(shuntRefusal('load the program', result)).toContain(`the kernel refuses to load the program: `);
    expect(shuntRefusal('load the program', result)).toContain(words);
  });

  it.each([
    [-1, 'it needs CAP_NET_ADMIN'],
    [-95, 'the driver of eth1 refuses XDP'],
    [-16, 'eth1 has an XDP program already'],
    [-34, 'ERANGE'],
  ])('of XDP with %i is put into words', (result, words) => {
    expect(xdpRefusal('eth1', result)).toContain(words);
  });

  it('to load the program of XDP is about the other capability', () => {
    expect(xdpLoadRefusal('eth1', -1)).toBe('no permission to use XDP on eth1: it needs CAP_NET_ADMIN');
    expect(xdpLoadRefusal('eth1', -22)).toContain('for XDP 5.18');
  });

  it('ends with what the verifier said last', () => {
    const log = new Uint8Array(200);
    log.set(new TextEncoder().encode('one\ntwo\nthree\nfour\n'));
    expect(verifierText(log)).toBe('two | three | four');
    expect(verifierText(new Uint8Array(9))).toBe('');
  });
});

describe.skipIf(refusal !== null)(`without the capability, ${refusal ?? 'in a process of its own'}`, () => {
  it('gives the classic filter with the reason and the cure', () => {
    const source = `
      const addon = require('node-gyp-build')(${JSON.stringify(`${process.cwd()}/native`)});
      process.setgroups([]); process.setgid(65534); process.setuid(65534);
      console.log(addon.shuntTable(0, 1024));`;
    const { stdout } = spawnSync(process.execPath, ['-e', source], { encoding: 'utf8' });
    expect(stdout.trim()).toBe('-1');
    expect(shuntRefusal('create the table of flows', -1)).toMatch(/CAP_BPF.*kernel\.unprivileged_bpf_disabled is \d/);
  });

  it('can be written to by a process that has dropped its capabilities since', () => {
    const lab = new ShuntLab('socket', 1000, 5);
    expect(MIN_TEST_BYTES[lab.kind]).toBe(15);
    lab.close();
    const source = `
      const addon = require('node-gyp-build')(${JSON.stringify(`${process.cwd()}/native`)});
      const fd = addon.shuntTable(1, 1024);
      process.setgroups([]); process.setgid(65534); process.setuid(65534);
      console.log(addon.shuntUpdate(fd, new Int32Array(20), 40, new Int32Array(8), 16, 2));`;
    const { stdout } = spawnSync(process.execPath, ['-e', source], { encoding: 'utf8' });
    // 2 from Linux 5.19 on, EPERM before.
    expect(['2', '-1']).toContain(stdout.trim());
  });
});
