/**
 * Reads an interface through a ring with the shunt, as lines of JSON: what a test starts inside a network namespace.
 *
 *     shunt-reader.mjs '{"interface": "b0", "budgetBytes": 4000, …}'
 *
 * SIGUSR2 says that a flow of `finish` is done with, SIGTERM stops; the last line has the counters.
 */
import { openShunt, SHUNT_DEFAULTS, type ShuntOptions } from '../../src/capture/flow-shunt.ts';
import { PacketBlock } from '../../src/capture/packet-source.ts';
import { openRing, RING_DEFAULTS } from '../../src/capture/ring-source.ts';
import { flowOf, type Packet } from './shunt-packets.ts';

interface Plan extends Partial<ShuntOptions> {
  readonly interface: string;
  readonly finish?: Pick<Packet, 'source' | 'target' | 'sourcePort' | 'targetPort'>;
  readonly shows?: boolean;
}

function tell(value: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const plan = JSON.parse(process.argv[2]!) as Plan;
const shunt = openShunt({ ...SHUNT_DEFAULTS, maxFlows: 1024, ...plan }, plan.interface);
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
    const bytes = Buffer.from(block.buf.subarray(block.at[i]!, block.at[i]! + block.capLen[i]!));
    if (plan.shows === true) tell({ packet: bytes.toString('hex') });
  }
  await new Promise(setImmediate);
}
const { passed, dropped } = shunt.readCounters();
tell({ end: true, longest, passed, dropped, kernel: ring.readKernel() });
await ring.close();
