/**
 * Reads an interface through a ring with the shunt, as lines of JSON: what a test starts inside a network namespace.
 *
 *     shunt-reader.mjs '{"interface": "b0", "budgetBytes": 4000, …}'
 *
 * SIGUSR2 says that a flow of `finish` is done with, SIGTERM stops; the last line has the counters.
 */
import { z } from 'zod';
import { openShunt, SHUNT_DEFAULTS } from '../../src/capture/flow-shunt.ts';
import { PacketBlock } from '../../src/capture/packet-source.ts';
import { openRing, RING_DEFAULTS } from '../../src/capture/ring-source.ts';
import { flowOf } from './shunt-packets.ts';

const Plan = z.object({
  interface: z.string(),
  budgetBytes: z.number().default(SHUNT_DEFAULTS.budgetBytes),
  youngPackets: z.number().default(SHUNT_DEFAULTS.youngPackets),
  maxFlows: z.number().default(1024),
  xdp: z.boolean().default(false),
  finish: z
    .object({ source: z.string(), target: z.string(), sourcePort: z.number(), targetPort: z.number() })
    .optional(),
  shows: z.boolean().default(false),
});

function tell(value: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const plan = Plan.parse(JSON.parse(process.argv[2]!));
const shunt = openShunt(plan, plan.interface);
const ring = openRing({ ...RING_DEFAULTS, interface: plan.interface, fanoutGroup: null, shunt, classicFilter: null });
process.on('SIGUSR2', () => {
  const { isV6, words, ports } = flowOf(plan.finish!);
  shunt.finish(isV6, words, 0, 4, ports, 1, 1);
  shunt.flush();
  tell({ finished: true });
});
process.on('SIGTERM', () => ring.stopIntake());
tell({ open: true, kind: shunt.kind, notes: shunt.notes });

const block = new PacketBlock();
let longest = 0;
while (await ring.next(block)) {
  for (let i = 0; i < block.count; i++) {
    longest = Math.max(longest, block.wireLen[i]!);
    const at = block.at[i]!;
    const bytes = Buffer.from(block.buf.subarray(at, at + block.capLen[i]!));
    if (plan.shows) tell({ packet: bytes.toString('hex') });
  }
  await new Promise(setImmediate);
}
const { passed, dropped } = shunt.readCounters();
tell({ end: true, longest, passed, dropped, kernel: ring.readKernel() });
await ring.close();
