/** Whatever a server does: nothing is lost, and what comes twice was told to be possible. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HecSink } from '../../../src/output/hec/sender.ts';
import {
  EVERY_ACK_FAULT,
  EVERY_EVENT_FAULT,
  type Fault,
  type FaultPlan,
  ScriptedFaults,
  seededRandom,
} from '../../support/hec/fault-plan.ts';
import { HecServer } from '../../support/hec/hec-server.ts';
import { BOOT_ID, envelope, MemoryConsumer } from './memory-consumer.ts';
import { drained, testConfig } from './run-sink.ts';

const MORE_FAULTS: readonly Fault[] = [
  { kind: 'code', code: 1 },
  { kind: 'code', code: 5 },
  { kind: 'code', code: 7 },
  { kind: 'code', code: 11 },
  { kind: 'code', code: 14 },
  { kind: 'code', code: 18 },
  { kind: 'status', status: 404 },
  { kind: 'status', status: 403 },
  { kind: 'status', status: 415 },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503, retryAfter: '0' },
];
/** A quarantined event is one that a fault refused though nothing is wrong with it: with these, single events may end there. */
const REFUSING = new Set(['code 5', 'code 6', 'status 413']);

function waitLess(fault: Fault): Fault {
  if (fault.kind === 'slow') return { kind: 'slow', ms: 30 };
  return 'retryAfter' in fault ? { ...fault, retryAfter: '0' } : fault;
}

function nameOf(fault: Fault): string {
  if (fault.kind === 'code') return `code ${fault.code}`;
  return fault.kind === 'status' ? `status ${fault.status}` : fault.kind;
}

const EVENT_FAULTS = [...EVERY_EVENT_FAULT, ...MORE_FAULTS]
  .map(waitLess)
  .filter((fault) => !REFUSING.has(nameOf(fault)));
const MORE_ACK_FAULTS: readonly Fault[] = [
  { kind: 'status', status: 404 },
  { kind: 'status', status: 400 },
];
const ACK_FAULTS = [...EVERY_ACK_FAULT, ...MORE_ACK_FAULTS].map(waitLess);

const scenario = fc.record({
  seed: fc.integer(),
  usesAck: fc.boolean(),
  indexers: fc.constantFrom(1, 2),
  indexDelayMs: fc.constantFrom(0, 20),
  batches: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 25 }),
  badEvery: fc.constantFrom(0, 7),
  eventFaults: fc.array(fc.option(fc.constantFrom(...EVENT_FAULTS), { freq: 2 }), { maxLength: 25 }),
  ackFaults: fc.array(fc.option(fc.constantFrom(...ACK_FAULTS), { freq: 2 }), { maxLength: 8 }),
  isStoppedMidway: fc.boolean(),
});

/** Faults in turn; a `null` is a request that goes well. */
class TurnedFaults implements FaultPlan {
  readonly #events: (Fault | null)[];
  readonly #acks: (Fault | null)[];

  constructor(events: readonly (Fault | null)[], acks: readonly (Fault | null)[]) {
    this.#events = [...events];
    this.#acks = [...acks];
  }

  next(request: 'event' | 'ack' | 'health'): Fault | null {
    if (request === 'health') return null;
    return (request === 'event' ? this.#events : this.#acks).shift() ?? null;
  }
}

describe('the HEC sink', () => {
  it('loses nothing and doubles only what it said it might, whatever the server does', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (s) => {
        const server = new HecServer({
          tokens: { 'test-token': { usesAck: s.usesAck } },
          indexers: s.indexers,
          indexDelayMs: s.indexDelayMs,
          faults: new TurnedFaults(s.eventFaults, s.ackFaults),
        });
        const url = await server.start();
        const consumer = new MemoryConsumer();
        const bad = new Set<number>();
        for (const count of s.batches) {
          const first = consumer.nextSeq;
          consumer.append(
            Array.from({ length: count }, (_, i) => {
              const seq = first + i;
              if (s.badEvery === 0 || seq % s.badEvery !== 3) return envelope(seq);
              bad.add(seq);
              return '{"time":1,"event":""}\n';
            }),
          );
        }
        const config = testConfig([url], {
          requestTimeoutMs: 150,
          ackTimeoutMs: 250,
          holdRetryMs: 20,
          stopTimeoutMs: 50,
          backoffCapMs: 20,
          maxConcurrency: 4,
        });
        let possibleDuplicates = 0;
        const run = async (ms: number | null): Promise<void> => {
          const sink = new HecSink(config, { random: seededRandom(s.seed) });
          const abort = new AbortController();
          const done = sink.start(consumer, abort.signal);
          if (ms === null) await drained(consumer);
          else await new Promise((resolve) => setTimeout(resolve, ms));
          abort.abort();
          await done;
          const { emitted, acknowledged, queued, dropped } = consumer.counters;
          expect(emitted).toBe(acknowledged + queued + (dropped['quarantined'] ?? 0));
          possibleDuplicates += sink.counters.possibleDuplicates;
        };
        try {
          if (s.isStoppedMidway) await run(40);
          await run(null);
          server.settle();
          const total = consumer.nextSeq;
          // Without acks, what an indexer loses after its 200 is lost: nobody could know.
          const mayLose = !s.usesAck && server.indexers.some((one) => one.lost > 0);
          const seqs = Array.from({ length: total }, (_, seq) => seq);
          const times = new Map(seqs.map((seq) => [seq, server.ledger.timesOf(BOOT_ID, seq)]));
          expect(seqs.filter((seq) => !bad.has(seq) && times.get(seq) === 0 && !mayLose)).toEqual([]);
          expect([...bad].filter((seq) => times.get(seq) !== 0)).toEqual([]);
          expect(consumer.counters).toMatchObject({ queued: 0, acknowledged: total - bad.size });
          expect(server.ledger.conflicts).toBe(0);
          const duplicates = server.ledger.indexed - server.ledger.distinct;
          expect(duplicates).toBeLessThanOrEqual(possibleDuplicates);
        } finally {
          await server.stop();
        }
      }),
      { numRuns: 40, interruptAfterTimeLimit: 45_000 },
    );
  });

  it('refused by a page with 413 for no reason loses nothing and doubles nothing but what ends in quarantine', async () => {
    const server = new HecServer({ faults: new ScriptedFaults() });
    const url = await server.start();
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 10; i++) consumer.appendEvents(9);
    let n = 0;
    server.faults = { next: (kind) => (kind === 'event' && n++ % 3 === 1 ? { kind: 'status', status: 413 } : null) };
    const sink = new HecSink(testConfig([url]), { random: seededRandom(1) });
    const abort = new AbortController();
    const done = sink.start(consumer, abort.signal);
    await drained(consumer);
    abort.abort();
    await done;
    await server.stop();
    const { acknowledged, dropped } = consumer.counters;
    expect(acknowledged + (dropped['quarantined'] ?? 0)).toBe(90);
    expect(server.ledger.indexed).toBe(acknowledged);
  });
});
