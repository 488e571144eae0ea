/** Random lives of a few flows, through the real kernel and the model: both give every packet the same verdict. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Kind, labRefusal, ShuntLab } from './shunt-lab.ts';
import { ShuntModel } from './shunt-model.ts';
import { addressOf, concat, Flag, flowOf, tcp } from './shunt-packets.ts';

const refusal = labRefusal();
const BUDGET = 500;
const YOUNG = 5;

const ENDS = [
  { source: '10.0.0.1', target: '10.0.0.2', sourcePort: 1000, targetPort: 443 },
  { source: '200.0.0.1', target: '10.0.0.2', sourcePort: 443, targetPort: 1000 },
  { source: '2001:db8::1', target: 'fe80::1', sourcePort: 1000, targetPort: 443 },
  { source: '10.0.0.9', target: '10.0.0.9', sourcePort: 1000, targetPort: 443 },
] as const;

/** Few numbers, near each other and at the wrap, so that retransmissions, gaps, answers and reuse happen. */
const sequence = fc.oneof(
  fc.integer({ min: 0, max: 1200 }),
  fc.integer({ min: 0xffff_fe00, max: 0xffff_ffff }),
  fc.constantFrom(0x8000_0000, 0x7fff_ffff, 0x0010_0000, 0x0010_0400),
);

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constant('packet' as const),
      flow: fc.nat(ENDS.length - 1),
      isBack: fc.boolean(),
      flags: fc.constantFrom(
        Flag.Ack,
        Flag.Ack,
        Flag.Ack,
        Flag.Ack,
        Flag.Syn,
        Flag.Syn | Flag.Ack,
        Flag.Fin | Flag.Ack,
        Flag.Rst,
        0,
      ),
      seq: sequence,
      ack: sequence,
      length: fc.constantFrom(0, 0, 1, 100, 100, 250, 400),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('finish' as const),
      flow: fc.nat(ENDS.length - 1),
      isns: fc.option(fc.tuple(sequence, sequence), { nil: null }),
    }),
  },
);

describe.skipIf(refusal !== null).each(['socket', 'xdp'] as const)(
  `random flows, ${refusal ?? 'run by the kernel'}: %s`,
  (kind: Kind) => {
    it('are judged as the model judges them, and every packet is in one counter', () => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 1, maxLength: 120 }), (steps) => {
          const lab = new ShuntLab(kind, BUDGET, YOUNG, 1024);
          const model = new ShuntModel(BUDGET, YOUNG, kind === 'socket' ? 14 : 0);
          try {
            let packets = 0;
            for (const one of steps) {
              const ends = ENDS[one.flow]!;
              if (one.does === 'finish') {
                const { source, sourcePort, target, targetPort } = ends;
                model.finish(addressOf(source), sourcePort, addressOf(target), targetPort, one.isns);
                lab.finish(flowOf(ends), one.isns);
                continue;
              }
              const { source, sourcePort, target, targetPort } = ends;
              const direction = one.isBack
                ? { source: target, sourcePort: targetPort, target: source, targetPort: sourcePort }
                : ends;
              const payload = new Uint8Array(one.length);
              const segment = tcp({ ...direction, flags: one.flags, seq: one.seq, ack: one.ack, payload });
              const packet = concat(segment, new Uint8Array(14));
              expect(lab.judge(packet)).toBe(model.judge(packet));
              packets += 1;
            }
            expect(lab.sums().packets.reduce((sum, count) => sum + count, 0)).toBe(packets);
          } finally {
            lab.close();
          }
        }),
        { numRuns: 150 },
      );
    });
  },
);
