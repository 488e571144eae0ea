import { statSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ScriptedFaults } from '../../support/hec/fault-plan.ts';
import { HecServer, type HecServerOptions } from '../../support/hec/hec-server.ts';
import { json, startAnswerServer } from './answer-server.ts';
import { BOOT_ID, envelope, MemoryConsumer } from './memory-consumer.ts';
import { drained, newFolder, quarantineOf, startSink, testConfig, until } from './run-sink.ts';

async function startServer(options: HecServerOptions = {}): Promise<HecServer> {
  const server = new HecServer(options);
  await server.start();
  onTestFinished(() => server.stop());
  return server;
}

const WITH_ACKS: HecServerOptions = { tokens: { 'test-token': { usesAck: true } } };

/** Nothing lost, nothing twice. */
function expectExactlyOnce(server: HecServer, count: number): void {
  server.settle();
  const [row] = server.ledger.runAccountingSearch();
  expect(row).toMatchObject({ distinct: count, missing: 0, duplicates: 0, count });
  expect(server.ledger.conflicts).toBe(0);
}

describe('delivery', () => {
  it('sends batches as the spool has them and settles them on 200, saying that there were no acks', async () => {
    const server = await startServer();
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 30; i++) consumer.appendEvents(20);
    const { sink } = startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    expectExactlyOnce(server, 600);
    expect(consumer.counters).toMatchObject({ emitted: 600, acknowledged: 600, queued: 0 });
    expect(sink.counters).toMatchObject({ eventsAccepted: 600, eventsAcknowledged: 0, possibleDuplicates: 0, cuts: 0 });
    expect(sink.status()).toMatchObject({ state: 'delivering', reason: '', endpoints: [{ hasAcks: false }] });
  });

  it('sends what comes while it runs', async () => {
    const server = await startServer();
    const consumer = new MemoryConsumer();
    startSink(testConfig([server.url]), consumer);
    for (let i = 0; i < 5; i++) {
      consumer.appendEvents(3);
      await drained(consumer);
    }
    expectExactlyOnce(server, 15);
  });

  it('settles with acks only what the indexer acknowledged', async () => {
    const server = await startServer({ ...WITH_ACKS, indexDelayMs: 60 });
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 10; i++) consumer.appendEvents(20);
    const { sink } = startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    expectExactlyOnce(server, 200);
    expect(sink.counters).toMatchObject({ eventsAccepted: 0, eventsAcknowledged: 200, resends: 0 });
    // The first event of the first batch goes by itself.
    expect(sink.counters.ackSeconds.count).toBe(11);
    expect(sink.status().endpoints[0]).toMatchObject({ hasAcks: true, outstandingAcks: 0 });
  });

  it('keeps within its concurrency', async () => {
    const server = await startServer({
      faults: { next: (kind) => (kind === 'event' ? { kind: 'slow', ms: 30 } : null) },
    });
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 40; i++) consumer.appendEvents(1);
    const { sink } = startSink(testConfig([server.url], { maxConcurrency: 3 }), consumer);
    let most = 0;
    await until(() => {
      most = Math.max(most, sink.status().inFlight);
      return consumer.counters.queued === 0;
    }, 'all is settled');
    expect(most).toBe(3);
  });
});

describe('a bad event', () => {
  const bad = (seq: number, way: number): string => {
    const good = envelope(seq);
    if (way === 0) return good.replace('"event":{', '"event":null,"x":{');
    if (way === 1) return '{"time":1,"event":""}\n';
    if (way === 2) return '{"time":1,"event":{"a":1},"fields":{"a":{"b":1}}}\n';
    if (way === 3) return '{"time":"noon","event":{"a":1}}\n';
    return '{"time":1,"source":"s"}\n';
  };

  it('is quarantined alone, in five ways, and the rest arrives exactly once', async () => {
    const server = await startServer();
    const consumer = new MemoryConsumer();
    const badSeqs: number[] = [];
    for (let b = 0; b < 12; b++) {
      const lines = Array.from({ length: 40 }, (_, i) => {
        const seq = b * 40 + i;
        // First, last, in the middle, two in a row.
        const isBad =
          (b === 1 && i === 0) || (b === 2 && i === 39) || (b === 3 && (i === 7 || i === 8)) || (b === 5 && i === 20);
        if (isBad) badSeqs.push(seq);
        return isBad ? bad(seq, 1 + (badSeqs.length % 4)) : envelope(seq);
      });
      consumer.append(lines);
    }
    const config = testConfig([server.url]);
    const { sink } = startSink(config, consumer);
    await drained(consumer);
    expect(consumer.counters).toMatchObject({ acknowledged: 475, dropped: { quarantined: 5 } });
    const [row] = server.ledger.runAccountingSearch();
    expect(row).toMatchObject({ distinct: 475, duplicates: 0 });
    for (let seq = 0; seq < 480; seq++) {
      expect(server.ledger.timesOf(BOOT_ID, seq), `event ${seq}`).toBe(badSeqs.includes(seq) ? 0 : 1);
    }
    const kept = quarantineOf(config);
    expect(kept).toHaveLength(5);
    for (const one of kept)
      expect(one).toMatchObject({ http: 400, text: expect.stringMatching(/./), endpoint: server.url });
    expect(statSync(config.quarantineFile).mode & 0o777).toBe(0o600);
    expect(sink.counters.quarantined).toBe(5);
  });

  it('that is refused with number 0 is found by halving', async () => {
    const server = await startServer();
    const consumer = new MemoryConsumer();
    consumer.append(['this is no JSON\n', ...Array.from({ length: 9 }, (_, i) => envelope(1 + i))]);
    const config = testConfig([server.url]);
    startSink(config, consumer);
    await drained(consumer);
    expect(consumer.counters).toMatchObject({ acknowledged: 9, dropped: { quarantined: 1 } });
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 9, duplicates: 0 });
    expect(quarantineOf(config)).toMatchObject([{ code: 6, reason: 'invalid_format', event: 'this is no JSON' }]);
  });

  it('beyond the bound of the quarantine is counted and not kept', async () => {
    const server = await startServer();
    const consumer = new MemoryConsumer();
    consumer.append([envelope(0), '{"event":""}\n', envelope(2), '{"event":""}\n']);
    const config = testConfig([server.url], { quarantineMaxBytes: 250 });
    startSink(config, consumer);
    await drained(consumer);
    expect(consumer.counters).toMatchObject({ acknowledged: 2, dropped: { quarantined: 1, quarantine_full: 1 } });
    expect(quarantineOf(config)).toHaveLength(1);
  });

  it('is never lost while the quarantine can not be written', async () => {
    const server = await startServer();
    const consumer = new MemoryConsumer();
    consumer.append([envelope(0), '{"event":""}\n', envelope(2)]);
    consumer.appendEvents(10);
    const file = path.join(newFolder(), 'a-file');
    writeFileSync(file, '');
    const config = testConfig([server.url], { quarantineFile: path.join(file, 'quarantine.ndjson') });
    const { sink } = startSink(config, consumer);
    await until(() => server.ledger.distinct === 11, 'all good events but the one behind it are there');
    await until(() => sink.status().quarantineFault !== null, 'the fault is told');
    await until(() => consumer.counters.queued === 3, 'all but its batch is settled');
    unlinkSync(file);
    await drained(consumer);
    expect(consumer.counters).toMatchObject({ acknowledged: 12, dropped: { quarantined: 1 } });
  });

  it('of a kind that every event is holds delivery instead of filling the quarantine', async () => {
    const server = await startServer();
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 30; i++) consumer.append(Array.from({ length: 20 }, () => '{"event":""}\n'));
    const config = testConfig([server.url], { maxConcurrency: 1, holdRetryMs: 60_000 });
    const { sink } = startSink(config, consumer);
    await until(() => sink.status().state === 'holding', 'it holds');
    expect(sink.status().reason).toBe('all_refused');
    expect(sink.counters.quarantined).toBe(100);
  });
});

describe('a body that is too large', () => {
  it('is halved until it fits when a page says 413, and the size is remembered', async () => {
    const server = await startServer({ maxBodyBytes: 30_000 });
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 6; i++) consumer.appendEvents(64, { padding: 1_000 });
    const { sink } = startSink(testConfig([server.url], { maxConcurrency: 1 }), consumer);
    await drained(consumer);
    expectExactlyOnce(server, 384);
    // 70 KB: whole, then halves of the first; later batches are cut before they are sent.
    expect(server.counters.answers['413 -']).toBeLessThanOrEqual(4);
    expect(sink.counters.cuts).toBeGreaterThanOrEqual(6);
  });

  it('is halved when Splunk Cloud says code 6 number 0', async () => {
    const server = await startServer({ maxBodyBytes: 30_000, sizeMode: 'cloud' });
    const consumer = new MemoryConsumer();
    consumer.appendEvents(64, { padding: 1_000 });
    startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    expectExactlyOnce(server, 64);
  });

  it('with a single event goes to quarantine', async () => {
    const server = await startServer({ maxBodyBytes: 30_000 });
    const consumer = new MemoryConsumer();
    consumer.append([envelope(0), envelope(1, { padding: 40_000 }), envelope(2)]);
    const config = testConfig([server.url]);
    startSink(config, consumer);
    await drained(consumer);
    expect(consumer.counters).toMatchObject({ acknowledged: 2, dropped: { quarantined: 1 } });
    expect(quarantineOf(config)).toMatchObject([{ http: 413, reason: 'too_large', event: { event: { seq: 1 } } }]);
  });
});

describe('a busy server', () => {
  it('that took the first events is resumed behind them', async () => {
    const server = await startServer({ faults: new ScriptedFaults() });
    const consumer = new MemoryConsumer();
    consumer.appendEvents(50);
    const faults = new ScriptedFaults();
    // The first request is the probe.
    faults.add(
      'event',
      { kind: 'slow', ms: 0 },
      { kind: 'busy-after', share: 0.4 },
      { kind: 'busy-after', share: 0.5 },
      { kind: 'busy-after', share: 0 },
    );
    server.faults = faults;
    const { sink } = startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    expectExactlyOnce(server, 50);
    expect(sink.counters).toMatchObject({ eventsAccepted: 50, possibleDuplicates: 0 });
  });

  it.each([
    ['queue at capacity', { kind: 'code', code: 26 }],
    ['429 with Retry-After in seconds', { kind: 'status', status: 429, retryAfter: '0' }],
    ['503 of a load balancer', { kind: 'status', status: 503 }],
    ['unhealthy', { kind: 'code', code: 18 }],
    ['shutting down', { kind: 'code', code: 23 }],
    ['invalid channel', { kind: 'code', code: 11 }],
    ['ack channel full', { kind: 'code', code: 27 }],
    ['no gzip', { kind: 'status', status: 415 }],
  ] as const)('is tried again, without doubling anything: %s', async (_name, fault) => {
    const server = await startServer();
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 5; i++) consumer.appendEvents(10);
    const faults = new ScriptedFaults();
    faults.add('event', { kind: 'slow', ms: 0 }, fault, fault);
    server.faults = faults;
    const { sink } = startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    expectExactlyOnce(server, 50);
    expect(sink.counters.possibleDuplicates).toBe(0);
  });

  it('is not asked again before its Retry-After, given as a date', async () => {
    const server = await startServer();
    const consumer = new MemoryConsumer();
    consumer.appendEvents(10);
    const faults = new ScriptedFaults();
    const date = new Date(Date.now() + 2_000).toUTCString();
    faults.add('event', { kind: 'slow', ms: 0 }, { kind: 'status', status: 429, retryAfter: date });
    server.faults = faults;
    const { sink } = startSink(testConfig([server.url]), consumer);
    await until(
      () => sink.status().state === 'backing_off' && sink.status().reason === 'too_many_requests',
      'it waits',
    );
    await drained(consumer);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(date));
  });

  it('that asks for less gets less, and what it took is not sent again', async () => {
    const server = await startServer(WITH_ACKS);
    server.faults = { next: (kind) => (kind === 'event' ? { kind: 'warning', code: 24 } : null) };
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 20; i++) consumer.appendEvents(5);
    const { sink } = startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    expectExactlyOnce(server, 100);
    expect(sink.status().endpoints[0]?.concurrency).toBe(1);
  });
});

describe('an outcome that nobody knows', () => {
  it.each([
    ['reset before', { kind: 'reset', isTaken: false }, 0],
    ['reset after', { kind: 'reset', isTaken: true }, 1],
    ['half-closed before', { kind: 'half-close', isTaken: false }, 0],
    ['half-closed after', { kind: 'half-close', isTaken: true }, 1],
    ['time-out before', { kind: 'time-out', isTaken: false }, 0],
    ['time-out after', { kind: 'time-out', isTaken: true }, 1],
    ['answer cut within its body', { kind: 'cut-answer' }, 1],
    ['gateway time-out', { kind: 'status', status: 504 }, 0],
    ['internal error', { kind: 'code', code: 8 }, 0],
  ] as const)('is sent again and counted as possibly doubled: %s', async (_name, fault, doubled) => {
    const server = await startServer();
    const consumer = new MemoryConsumer();
    consumer.appendEvents(10);
    const faults = new ScriptedFaults();
    faults.add('event', { kind: 'slow', ms: 0 }, fault);
    server.faults = faults;
    const { sink } = startSink(testConfig([server.url], { requestTimeoutMs: 300 }), consumer);
    await drained(consumer);
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({
      distinct: 10,
      missing: 0,
      duplicates: 10 * doubled,
    });
    expect(sink.counters.possibleDuplicates).toBe(10);
  });

  it('of a server that is only slow is an answer like any other', async () => {
    const server = await startServer();
    server.faults = { next: () => ({ kind: 'slow', ms: 150 }) };
    const consumer = new MemoryConsumer();
    consumer.appendEvents(10);
    startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    expectExactlyOnce(server, 10);
  });

  it('that one event always has stops no other, and halving leaves it alone', async () => {
    let isMended = false;
    const server = await startAnswerServer(({ seqs }) =>
      seqs.includes(17) && !isMended ? json(500, { text: 'Internal server error', code: 8 }) : null,
    );
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 10; i++) consumer.appendEvents(8);
    const { sink } = startSink(testConfig([server.url], { maxConcurrency: 2 }), consumer);
    const feeding = setInterval(() => consumer.appendEvents(1), 5);
    onTestFinished(() => clearInterval(feeding));
    await until(() => new Set(server.taken.filter((seq) => seq < 80)).size === 79, 'all others are there');
    isMended = true;
    clearInterval(feeding);
    await drained(consumer);
    expect(new Set(server.taken).size).toBe(consumer.counters.emitted);
    expect(sink.counters.quarantined).toBe(0);
  });
});
