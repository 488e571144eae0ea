/**
 * Packets made to break the shunt, through the real kernel: cut at every byte, deep tags, odd headers, random bytes. For each the
 * verdict is that of the model, what can't be read passes, and at the end every packet stands in exactly one counter.
 */
import assert from 'node:assert/strict';
import { describe, expect, it } from 'vitest';
import { type Kind, labRefusal, MIN_TEST_BYTES, ShuntLab, takes, VERDICTS, type Verdict } from './shunt-lab.ts';
import { ShuntModel } from './shunt-model.ts';
import { concat, ethernet, Flag, type Packet, repeated, tcp, udp } from './shunt-packets.ts';

const refusal = labRefusal();
const YOUNG = 6;
const V4 = { source: '10.0.0.1', target: '192.0.2.7', sourcePort: 40_000, targetPort: 443 };
const V6 = { source: '2001:db8::1', target: '2001:db8::2', sourcePort: 40_000, targetPort: 443 };
const SEED = 0x5eed;

/** The kernel beside the model: every packet goes through both. */
class Pair {
  readonly #lab: ShuntLab;
  readonly #model: ShuntModel;
  readonly #expected = new Map<Verdict, { packets: number; bytes: number }>();

  constructor(kind: Kind, budgetBytes = 4000) {
    this.#lab = new ShuntLab(kind, budgetBytes, YOUNG, 65_536);
    this.#model = new ShuntModel(budgetBytes, YOUNG, kind === 'socket' ? 14 : 0);
  }

  /** The verdict both give, or null for what the kernel's test does not take. Whether the packet passes is compared here, and the sums of each reason at the end. */
  judge(packet: Uint8Array): Verdict | null {
    if (!takes(this.#lab.kind, packet)) return null;
    const verdict = this.#model.judge(packet);
    if (this.#lab.passes(packet) !== (verdict === 'passed')) {
      assert.fail(`the model says ${verdict}, the kernel otherwise: ${Buffer.from(packet).toString('hex')}`);
    }
    const sum = this.#expected.get(verdict) ?? { packets: 0, bytes: 0 };
    this.#expected.set(verdict, { packets: sum.packets + 1, bytes: sum.bytes + packet.length });
    return verdict;
  }

  /** Answers how many packets there were. Throws unless every packet stands in one counter, with all its bytes. */
  close(): number {
    const { packets, bytes } = this.#lab.sums();
    this.#lab.close();
    for (const [i, verdict] of VERDICTS.entries()) {
      const expected = this.#expected.get(verdict) ?? { packets: 0, bytes: 0 };
      assert.deepEqual({ packets: packets[i], bytes: bytes[i] }, expected, verdict);
    }
    return packets.reduce((sum, count) => sum + count, 0);
  }
}

/** Numbers of a seeded generator (mulberry32), below `limit`. */
function randomizer(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** One packet of each kind the shunt tells apart, with and without what may stand around it. */
function samples(): Uint8Array[] {
  const payload = Uint8Array.from({ length: 50 }, (_, i) => i);
  const bases: Packet[] = [V4, V6, { ...V4, ipOptions: 40 }, { ...V6, extensions: [0, 43, 60] }];
  return bases.flatMap((base) =>
    [[], [0x8100], [0x88a8, 0x8100, 0x8100]].flatMap((vlans) => {
      const packet = { ...base, vlans };
      return [
        tcp({ ...packet, flags: Flag.Syn }),
        tcp({ ...packet, flags: Flag.Ack }),
        tcp({ ...packet, flags: Flag.Ack, tcpOptions: 12, payload }),
        udp({ ...packet, payload }),
        udp({ ...packet, payload: concat(Uint8Array.of(0xc3, 0, 0, 0, 1), payload) }),
        udp({ ...packet, payload: concat(Uint8Array.of(22, 0xfe, 0xfd), payload) }),
        ethernet(packet, 47, payload),
      ];
    }),
  );
}

describe.skipIf(refusal !== null).each(['socket', 'xdp'] as const)(
  `hostile packets, ${refusal ?? 'run by the kernel'}: %s`,
  (kind: Kind) => {
    it('judges packets that are cut at every byte, and passes those it can not read', () => {
      const pair = new Pair(kind);
      const unreadable = new Set<Verdict>();
      for (const packet of samples()) {
        for (let length = packet.length; length > 0; length--) {
          const verdict = pair.judge(packet.subarray(0, length));
          if (length < 14 + 20 + 8) unreadable.add(verdict ?? 'passed');
        }
      }
      expect(pair.close()).toBeGreaterThan(4000);
      expect([...unreadable]).toEqual(['passed']);
    });

    it('passes UDP that is cut before its kind can be told', () => {
      const pair = new Pair(kind);
      const packet = udp({ ...V4, payload: new Uint8Array(60) });
      expect(pair.judge(packet)).toBe('udp');
      for (let length = 14 + 20 + 8; length < 14 + 20 + 8 + 5; length++) {
        expect(pair.judge(packet.subarray(0, length))).toBe('passed');
      }
      pair.close();
    });

    it('judges every depth of VLAN tags from 0 to 8, cut at every byte', () => {
      const pair = new Pair(kind);
      for (let depth = 0; depth <= 8; depth++) {
        for (const type of [0x8100, 0x88a8, 0x9100, 0x9200]) {
          const packet = udp({ ...V4, vlans: repeated(type, depth), payload: new Uint8Array(20) });
          for (let length = packet.length; length > 0; length--) pair.judge(packet.subarray(0, length));
          expect(pair.judge(packet)).toBe(depth <= 3 ? 'udp' : 'passed');
        }
      }
      pair.close();
    });

    it('judges every header length of IPv4 and TCP, and total lengths around them', () => {
      const pair = new Pair(kind);
      const payload = new Uint8Array(30);
      for (let nibble = 0; nibble < 16; nibble++) {
        for (const total of [0, 1, 19, 20, 39, 40, 59, 60, 61, 79, 80, 0x7fff, 0xffff]) {
          const packet = tcp({ ...V4, ipOptions: 20, tcpOptions: 20, flags: Flag.Ack, payload });
          packet[14] = 0x40 | nibble;
          packet[16] = total >> 8;
          packet[17] = total & 0xff;
          pair.judge(packet);
          packet[14] = 0x4a;
          packet[14 + 40 + 12] = nibble << 4;
          pair.judge(packet);
        }
      }
      expect(pair.close()).toBe(16 * 13 * 2);
    });

    it('judges chains of IPv6 extension headers of every length and kind', () => {
      const pair = new Pair(kind);
      for (const next of [0, 43, 44, 50, 51, 59, 60, 135, 139, 140, 253]) {
        for (let depth = 0; depth <= 9; depth++) {
          const packet = udp({ ...V6, extensions: repeated(next, depth), payload: new Uint8Array(20) });
          pair.judge(packet);
          if (depth === 0) continue;
          for (const units of [1, 2, 31, 255]) {
            packet[14 + 40 + 1] = units;
            pair.judge(packet);
          }
        }
      }
      pair.close();
    });

    it('judges random bytes as the model does', () => {
      const pair = new Pair(kind);
      const random = randomizer(SEED);
      for (let i = 0; i < 20_000; i++) {
        pair.judge(Uint8Array.from({ length: MIN_TEST_BYTES[kind] + random(120) }, () => random(256)));
      }
      expect(pair.close()).toBe(20_000);
    });

    it('judges packets with some random bytes changed as the model does', () => {
      const pair = new Pair(kind, 100);
      const random = randomizer(SEED + 1);
      const originals = samples();
      const seen = new Set<Verdict | null>();
      for (let i = 0; i < 40_000; i++) {
        const packet = originals[random(originals.length)]!.slice();
        for (let changes = random(4); changes > 0; changes--) packet[12 + random(packet.length - 12)] = random(256);
        const cut = random(4) === 0 ? random(packet.length) + 1 : packet.length;
        seen.add(pair.judge(packet.subarray(0, cut)));
      }
      pair.close();
      for (const verdict of ['passed', 'udp', 'empty_ack', 'budget'] as const) expect(seen).toContain(verdict);
    });

    it('takes the largest packet that the kernel tests with, and the smallest', () => {
      const pair = new Pair(kind);
      pair.judge(tcp({ ...V4, flags: Flag.Ack, payload: new Uint8Array(3000) }));
      pair.judge(new Uint8Array(MIN_TEST_BYTES[kind]));
      expect(pair.close()).toBe(2);
    });
  },
);
