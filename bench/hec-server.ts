/**
 * The simulator of a collector in a process of its own, counting lines instead of parsing them; told what to do over the channel to
 * its parent, and ends with it. Started by `server-process.ts`.
 */
import { HecServer } from '../test/support/hec/hec-server.ts';
import type { Ages } from './hec-plan.ts';
import { BENCH_TOKEN, type ServerCommand, type ServerStats } from './server-process.ts';

/** Every so many live events one is looked at. */
const AGE_SAMPLE = 16;

const server = new HecServer({ tokens: { [BENCH_TOKEN]: { usesAck: true } }, reading: 'scan' });
const ages: number[] = [];

async function obey(command: ServerCommand): Promise<void> {
  switch (command.do) {
    case 'start':
      await server.start();
      return;
    case 'stop':
      await server.stop();
      return;
    case 'watch':
      watch(command.fromSeq, command.dueMs, command.perSecond);
      return;
    case 'look':
      return;
    default:
      command satisfies never;
  }
}

/** An event's number says when it was due, so that nothing has to be read but that. */
function watch(fromSeq: number, dueMs: number, perSecond: number): void {
  const { ledger } = server;
  const record = ledger.record.bind(ledger);
  ledger.record = (sensor, bootId, seq, eventId) => {
    record(sensor, bootId, seq, eventId);
    if (seq >= fromSeq && seq % AGE_SAMPLE === 0) ages.push(Date.now() - dueMs - ((seq - fromSeq) * 1000) / perSecond);
  };
}

function summary(): Ages {
  const sorted = Float64Array.from(ages).toSorted();
  const at = (share: number): number => (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN) / 1000;
  return { count: sorted.length * AGE_SAMPLE, p50: at(0.5), p95: at(0.95), max: at(1) };
}

function look(): ServerStats {
  const { user, system } = process.cpuUsage();
  const { wireBytes, bodyBytes } = server.counters;
  const rows = server.ledger.runAccountingSearch();
  const { indexed } = server.ledger;
  return { url: server.url, indexed, rows, ages: summary(), cpuS: (user + system) / 1e6, wireBytes, bodyBytes };
}

process.on('message', (message) => {
  // The parent writes it, from the same type.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  obey(message as ServerCommand).then(
    () => process.send?.(look()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => process.exit());
