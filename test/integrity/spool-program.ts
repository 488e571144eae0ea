/**
 * A sensor's delivery in small, to be killed: appends events and settles batches of one sink out of order, and says on standard output
 * what it did. `fs.writeSync` to a pipe is with its reader when it returns, whatever happens next.
 *
 *     ready
 *     A <boot> <first> <last>      these events are committed
 *     S <boot> <first> <last>      about to settle these
 *     s <boot> <first> <last>      they are settled
 *     C <counters>                 at the end, for each sink
 *
 *     spool-program <folder> <durability> <seed> <maxBytes> <events>
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchWriter } from '../../src/output/spool/batch-writer.ts';
import { openSpool } from '../../src/output/spool/open-spool.ts';
import type { SpoolBatch, SpoolConsumer } from '../../src/output/spool/spool-batch.ts';

const [folder, durabilityName, seed, maxBytes, events] = process.argv.slice(2);
const durability = (['power-loss', 'crash', 'none'] as const).find((name) => name === durabilityName)!;
const bootId = randomUUID();
let state = Number(seed) >>> 0;

/** xorshift: a failed run can be run again. */
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

function say(text: string): void {
  fs.writeSync(1, `${text}\n`);
}

const spool = await openSpool({
  folder: folder!,
  sensor: 'killed',
  durability,
  maxBytes: Number(maxBytes),
  minFreeBytes: 0,
  sinks: [
    { name: 'quick', policy: 'drop-oldest' },
    { name: 'stuck', policy: 'drop-newest' },
  ],
});
const stop = new AbortController();
const settling = settleAll(spool.consumer('quick'));
const writer = new BatchWriter(spool, { bootId, batchBytes: 20_000, batchAgeMs: 5 });
say('ready');
let seq = 0;
while (seq < Number(events)) {
  const first = seq + 1;
  for (let n = 1 + random(60); n > 0; n--) writer.append(makeLine(++seq), seq);
  await writer.flush();
  say(`A ${bootId} ${first} ${seq}`);
}
stop.abort();
await settling;
for (const name of ['quick', 'stuck']) say(`C ${JSON.stringify(spool.consumer(name).counters)}`);
await spool.close();
say('closed');

async function settleAll(consumer: SpoolConsumer): Promise<void> {
  while (!stop.signal.aborted) {
    await consumer.wait(0, stop.signal);
    const batches = consumer.read(0, 200_000);
    // All but one in five, in any order.
    const chosen = batches.filter(() => random(5) > 0).toSorted(() => random(3) - 1);
    await Promise.all(chosen.map((batch) => settle(consumer, batch)));
    await sleep(random(4));
  }
}

async function settle(consumer: SpoolConsumer, batch: SpoolBatch): Promise<void> {
  const range = `${batch.bootId} ${batch.firstSeq} ${batch.lastSeq}`;
  say(`S ${range}`);
  const rejected = random(4) === 0 ? 1 : 0;
  await consumer.settle(batch.id, { acknowledged: batch.count - rejected, dropped: { rejected } });
  say(`s ${range}`);
}

function makeLine(n: number): Buffer {
  // Does not compress, so that the small spool fills.
  const noise = Array.from({ length: 8 }, () => random(2 ** 31).toString(36)).join('');
  return Buffer.from(`{"event":{"boot_id":"${bootId}","seq":${n},"noise":"${noise}"}}\n`);
}
