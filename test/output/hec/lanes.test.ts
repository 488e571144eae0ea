import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ReadAhead } from '../../../src/output/hec/read-ahead.ts';
import { HecServer } from '../../support/hec/hec-server.ts';
import { BOOT_ID, MemoryConsumer } from './memory-consumer.ts';
import { drained, startSink, testConfig, until } from './run-sink.ts';

const LIVE_AFTER_MS = 1_000;

describe('ReadAhead', () => {
  it('has one lane as long as it keeps up', () => {
    const consumer = new MemoryConsumer();
    const ids = Array.from({ length: 20 }, () => consumer.appendEvents(1, { createdMs: 5_000 }));
    const ahead = new ReadAhead(consumer, LIVE_AFTER_MS);
    expect(ids.map((_, i) => ahead.next(i % 2 === 0, 5_500)?.id)).toEqual(ids);
    expect(ahead.next(true, 5_500)).toBe(null);
    expect(ahead.hasBacklog).toBe(false);
  });

  it('reads newest beside oldest when it is behind, and each once', () => {
    const consumer = new MemoryConsumer();
    const old = Array.from({ length: 30 }, () => consumer.appendEvents(1, { createdMs: 0 }));
    const ahead = new ReadAhead(consumer, LIVE_AFTER_MS);
    const first = ahead.next(true, 5_000)?.id;
    const live = Array.from({ length: 5 }, () => consumer.appendEvents(1, { createdMs: 5_000 }));
    expect(ahead.hasBacklog).toBe(true);
    expect(ahead.next(true, 5_000)?.id).toBe(live[0]);
    expect(ahead.next(false, 5_000)?.id).toBe(old[1]);
    const rest: (number | undefined)[] = [];
    for (let batch = ahead.next(false, 5_000); batch !== null; batch = ahead.next(false, 5_000)) rest.push(batch.id);
    expect([first, live[0], old[1], ...rest].toSorted((a, b) => a! - b!)).toEqual([...old, ...live]);
    expect(ahead.hasBacklog).toBe(false);
  });

  it('gives each batch once, whatever is asked and whenever it comes', () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 40 }), age: fc.constantFrom(0, 5_000) }),
      fc.record({ take: fc.integer({ min: 1, max: 10 }), live: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const consumer = new MemoryConsumer();
        const ahead = new ReadAhead(consumer, LIVE_AFTER_MS);
        const added: number[] = [];
        const given: number[] = [];
        const take = (isLive: boolean): boolean => {
          const batch = ahead.next(isLive, 10_000);
          if (batch !== null) given.push(batch.id);
          return batch !== null;
        };
        for (const one of steps) {
          if ('add' in one) {
            for (let i = 0; i < one.add; i++) added.push(consumer.appendEvents(1, { createdMs: 10_000 - one.age }));
          } else for (let i = 0; i < one.take; i++) take(one.live);
        }
        while (take(true));
        expect(given.toSorted((a, b) => a - b)).toEqual(added);
      }),
      { numRuns: 60 },
    );
  });
});

describe('live events', () => {
  it('go beside a backlog, and do not wait behind it', async () => {
    const server = new HecServer({ faults: { next: () => ({ kind: 'slow', ms: 10 }) } });
    await server.start();
    onTestFinished(() => server.stop());
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 300; i++) consumer.appendEvents(2, { createdMs: Date.now() - 3_600_000 });
    const { sink } = startSink(testConfig([server.url], { maxConcurrency: 2 }), consumer);
    await until(() => sink.status().isCatchingUp, 'it sees that it is behind');
    let slowest = 0;
    for (let i = 0; i < 10; i++) {
      const seq = consumer.nextSeq;
      consumer.appendEvents(1);
      const beganMs = Date.now();
      await until(() => server.ledger.timesOf(BOOT_ID, seq) > 0, 'the live event is there');
      slowest = Math.max(slowest, Date.now() - beganMs);
    }
    expect(consumer.counters.queued).toBeGreaterThan(100);
    expect(slowest).toBeLessThan(400);
    await drained(consumer);
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 610, missing: 0, duplicates: 0 });
  });
});
