/**
 * Reads an interface through a ring and tells what comes, as lines of JSON: what a test starts inside a network namespace.
 *
 *     ring-reader.mjs '{"interface": "b0", "blocks": 4, …, "shows": true, "pauseMs": 0}'
 *
 * SIGTERM stops the intake; the last line has the counters after the ring is drained. `pauseMs` is waited before anything is read.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PacketBlock } from '../../src/capture/packet-source.ts';
import { openRing, RING_DEFAULTS, type RingOptions } from '../../src/capture/ring-source.ts';

interface Plan extends Partial<RingOptions> {
  readonly interface: string;
  readonly shows?: boolean;
  readonly pauseMs?: number;
  /** Opens and closes a ring so often first, and tells how many descriptors that cost. */
  readonly rounds?: number;
}

function tell(value: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const plan: Plan = JSON.parse(process.argv[2]!);
const options: RingOptions = { ...RING_DEFAULTS, fanoutGroup: null, shunt: null, classicFilter: null, ...plan };

try {
  // The first word opens standard output.
  tell({ start: true });
  for (let round = 0; round < (plan.rounds ?? 0); round++) {
    const { readdirSync } = await import('node:fs');
    const ring = openRing(options);
    await ring.close();
    if (round === 0 || round === plan.rounds! - 1) {
      // Counting them opens one more, each time.
      tell({ round, descriptors: readdirSync('/proc/self/fd').length, maps: await countRingMaps() });
    }
  }
  await read();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  tell({ error: error.message, code: 'code' in error ? error.code : '' });
}

async function countRingMaps(): Promise<number> {
  const { readFileSync } = await import('node:fs');
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes('socket:')).length;
}

async function read(): Promise<void> {
  const ring = openRing(options);
  process.on('SIGTERM', () => ring.stopIntake());
  let { link } = ring;
  tell({ open: true, link, linkType: ring.interfaces[0]!.linkType });
  if (plan.pauseMs !== undefined) await sleep(plan.pauseMs);
  const block = new PacketBlock();
  while (await ring.next(block)) {
    if (ring.link !== link) tell({ link: ring.link });
    link = ring.link;
    for (let i = 0; plan.shows === true && i < block.count; i++) {
      const bytes = Buffer.from(block.buf.subarray(block.at[i], block.at[i]! + block.capLen[i]!));
      tell({ packet: bytes.toString('hex'), wire: block.wireLen[i], us: block.tsUs[i] });
    }
    await new Promise(setImmediate);
  }
  tell({ end: true, ...ring.readKernel(), bytes: ring.counters.bytes, notes: ring.notes });
  await ring.close();
}
