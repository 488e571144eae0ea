/**
 * Reads an interface through a filter and tells how many packets came: what a test starts inside a network namespace.
 *
 *     bpf-reader.mjs interface expression shunt|plain
 *
 * SIGTERM stops the intake; the last line has the counters after the ring is drained.
 */
import { openBpfFilter } from '../../src/capture/bpf-filter.ts';
import { openShunt } from '../../src/capture/flow-shunt.ts';
import { PacketBlock } from '../../src/capture/packet-source.ts';
import { openRing, RING_DEFAULTS } from '../../src/capture/ring-source.ts';

const [interfaceName = '', expression = '', kind = ''] = process.argv.slice(2);

function tell(value: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const { classic, prefix } = openBpfFilter(expression, interfaceName);
if (prefix === null) throw new Error('a filter of a test is short enough for the shunt');
/** So that the shunt itself drops no TCP. */
const options = { budgetBytes: 1 << 30, youngPackets: 1 << 30, maxFlows: 1024, xdp: false };
const ring = openRing({
  ...RING_DEFAULTS,
  interface: interfaceName,
  blocks: 4,
  fanoutGroup: null,
  shunt: kind === 'shunt' ? openShunt(options, interfaceName, { instructions: prefix }) : null,
  classicFilter: classic,
});
process.on('SIGTERM', () => ring.stopIntake());
tell({ open: true });
const block = new PacketBlock();
while (await ring.next(block)) await new Promise(setImmediate);
tell({ end: true, kind: ring.shunt?.kind ?? 'none', notes: ring.notes, ...ring.readKernel() });
await ring.close();
