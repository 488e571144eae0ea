import { describe, expect, it, onTestFinished } from 'vitest';
import { AckTracker } from '../../../src/output/hec/acks.ts';
import { takeInHand } from '../../../src/output/hec/part.ts';
import { ScriptedFaults } from '../../support/hec/fault-plan.ts';
import { HecServer, type HecServerOptions } from '../../support/hec/hec-server.ts';
import { json, startAnswerServer } from './answer-server.ts';
import { BOOT_ID, envelope, MemoryConsumer } from './memory-consumer.ts';
import { drained, startSink, testConfig, until } from './run-sink.ts';

const WITH_ACKS: HecServerOptions = { tokens: { 'test-token': { usesAck: true } } };

async function startServer(options: HecServerOptions): Promise<HecServer> {
  const server = new HecServer(options);
  await server.start();
  onTestFinished(() => server.stop());
  return server;
}

function newPart() {
  const consumer = new MemoryConsumer();
  consumer.appendEvents(1);
  return takeInHand(consumer.read(0, 1)[0]!);
}

describe('acknowledgements', () => {
  it('lost by an indexer that restarts are made up for: everything is sent again', async () => {
    const server = await startServer({ ...WITH_ACKS, indexDelayMs: 200 });
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 10; i++) consumer.appendEvents(10);
    const { sink } = startSink(testConfig([server.url], { ackTimeoutMs: 500 }), consumer);
    await until(() => sink.status().outstandingAcks >= 5, 'some wait');
    server.restartIndexers(true);
    await drained(consumer);
    server.settle();
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 100, missing: 0 });
    expect(sink.counters.resends).toBeGreaterThan(0);
    expect(server.indexers[0]?.lost).toBeGreaterThan(0);
  });

  it('that an indexer forgets at a restart are noticed at once when an ackId comes twice', async () => {
    const server = await startServer({ ...WITH_ACKS, indexDelayMs: 300 });
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 5; i++) consumer.appendEvents(10);
    const { sink } = startSink(testConfig([server.url], { ackTimeoutMs: 60_000 }), consumer);
    await until(() => sink.status().outstandingAcks >= 5, 'all wait');
    server.restartIndexers(true);
    consumer.appendEvents(10);
    await drained(consumer);
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 60, missing: 0 });
    expect(sink.counters.resends).toBeGreaterThanOrEqual(5);
  });

  it('are kept in the spool before they are forgotten, and asked for once', async () => {
    const server = await startServer(WITH_ACKS);
    const consumer = new MemoryConsumer();
    consumer.appendEvents(10);
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    consumer.beforeSettle = () => gate;
    const { sink } = startSink(testConfig([server.url]), consumer);
    await until(() => sink.counters.eventsAcknowledged === 10, 'the ack is there');
    // The server has forgotten it by now: an ask for it would be answered with false, and 300 s later it would be sent again.
    const asked = server.counters.requests.ack;
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(server.counters.requests.ack).toBe(asked);
    expect(sink.status().outstandingAcks).toBe(1);
    release();
    await drained(consumer);
    await until(() => sink.status().outstandingAcks === 0, 'it is forgotten');
    expect(server.ledger.indexed).toBe(10);
  });

  it('that are answered while the answer is lost are made up for after a while', async () => {
    const server = await startServer(WITH_ACKS);
    const faults = new ScriptedFaults();
    // The first question only asks whether there are acks.
    faults.add('ack', { kind: 'slow', ms: 0 }, { kind: 'reset', isTaken: true });
    server.faults = faults;
    const consumer = new MemoryConsumer();
    consumer.appendEvents(1);
    const { sink } = startSink(testConfig([server.url], { ackTimeoutMs: 300 }), consumer);
    await drained(consumer);
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 1, duplicates: 1 });
    expect(sink.counters).toMatchObject({ resends: 1, possibleDuplicates: 1 });
  });

  it('behind a load balancer that moves us are given up, and a new channel is opened', async () => {
    const server = await startServer({ ...WITH_ACKS, indexers: 2, indexDelayMs: 150 });
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 20; i++) consumer.appendEvents(10);
    const { sink } = startSink(testConfig([server.url], { ackTimeoutMs: 60_000 }), consumer);
    await until(() => sink.status().outstandingAcks >= 3, 'some wait');
    server.balancer.flip();
    server.restartIndexers(true);
    await drained(consumer);
    server.settle();
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 200, missing: 0 });
    expect(sink.counters.channelsLost).toBeGreaterThanOrEqual(1);
  });

  it('behind a load balancer with a steady cookie need no second try', async () => {
    const server = await startServer({ ...WITH_ACKS, indexers: 2, indexDelayMs: 20 });
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 30; i++) consumer.appendEvents(10);
    const { sink } = startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    server.settle();
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 300, missing: 0, duplicates: 0 });
    expect(sink.counters).toMatchObject({ channelsLost: 0, resends: 0 });
  });

  it('behind a load balancer that is not sticky arrive in the end, and the reason is told', async () => {
    const server = await startServer({ ...WITH_ACKS, indexers: 2, isSticky: false });
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 6; i++) consumer.appendEvents(5);
    const { sink } = startSink(testConfig([server.url], { ackTimeoutMs: 200 }), consumer);
    await until(() => sink.status().reason === 'not_sticky', 'it is told');
    await drained(consumer, 30_000);
    server.settle();
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 30, missing: 0 });
    expect(sink.counters.resends).toBeGreaterThan(0);
  });

  it('are not upset by a cookie that is written anew with every answer', async () => {
    let n = 0;
    const acks = new Map<string, number>();
    const server = await startAnswerServer((asked) => {
      const headers = { 'set-cookie': [`AWSALB=${++n}; Path=/`, `ROTOR=${n}`] };
      if (asked.what === 'event') {
        const channel = String(asked.headers['x-splunk-request-channel']);
        const ackId = acks.get(channel) ?? 0;
        acks.set(channel, ackId + 1);
        return json(200, { text: 'Success', code: 0, ackId }, headers);
      }
      if (asked.what !== 'ack') return null;
      const ids = Array.from(asked.text.matchAll(/\d+/g), (match) => [match[0], true]);
      return json(200, { acks: Object.fromEntries(ids) }, headers);
    });
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 10; i++) consumer.appendEvents(5);
    const { sink } = startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    // After a few moves it is seen that the cookie says nothing.
    expect(sink.counters.channelsLost).toBeLessThanOrEqual(5);
    expect(consumer.counters).toMatchObject({ acknowledged: 50 });
  });

  it.each([400, 403, 404, 500])(
    'never count as given when the question after them is answered with %i',
    async (status) => {
      let refuses = true;
      const open = new Map<string, number>();
      const server = await startAnswerServer((asked) => {
        const channel = String(asked.headers['x-splunk-request-channel']);
        if (asked.what === 'event') {
          const ackId = open.get(channel) ?? 0;
          open.set(channel, ackId + 1);
          return json(200, { text: 'Success', code: 0, ackId });
        }
        if (asked.what !== 'ack') return null;
        if (refuses) return { status, body: '<html><title>no</title></html>' };
        return json(200, {
          acks: Object.fromEntries(Array.from(asked.text.matchAll(/\d+/g), (match) => [match[0], true])),
        });
      });
      const consumer = new MemoryConsumer();
      for (let i = 0; i < 4; i++) consumer.appendEvents(5);
      const { sink } = startSink(testConfig([server.url], { ackTimeoutMs: 400 }), consumer);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(consumer.counters).toMatchObject({ acknowledged: 0, queued: 20 });
      refuses = false;
      await drained(consumer);
      expect(sink.counters.eventsAcknowledged).toBe(20);
    },
  );

  it('begin with a single event on each channel, and only where there are acks', async () => {
    const requestsOf = async (options: HecServerOptions): Promise<number> => {
      const server = await startServer(options);
      const consumer = new MemoryConsumer();
      for (let i = 0; i < 5; i++) consumer.appendEvents(10);
      startSink(testConfig([server.url]), consumer);
      await drained(consumer);
      return server.counters.requests.event;
    };
    // One probe, five batches, and the first event of the first.
    expect(await requestsOf(WITH_ACKS)).toBe(7);
    expect(await requestsOf({})).toBe(6);
  });

  it('that a token no longer has are missed by nobody', async () => {
    const server = await startServer(WITH_ACKS);
    const consumer = new MemoryConsumer();
    consumer.appendEvents(10);
    const { sink } = startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    server.tokens.set('test-token', {});
    for (let i = 0; i < 20; i++) consumer.appendEvents(10);
    await drained(consumer);
    expect(sink.status().endpoints[0]?.hasAcks).toBe(false);
    expect(server.counters.requests.event).toBeLessThan(30);
  });

  it('that the token turns out not to have are no longer waited for, and 200 has to do', async () => {
    let isDisabled = false;
    const server = await startAnswerServer((asked) => {
      if (asked.what === 'event' && !isDisabled) return json(200, { text: 'Success', code: 0, ackId: asked.seqs[0] });
      return null;
    });
    const consumer = new MemoryConsumer();
    consumer.appendEvents(5);
    const { sink } = startSink(testConfig([server.url]), consumer);
    await until(() => sink.counters.ackUnsupported === 1, 'code 14 is there');
    isDisabled = true;
    await drained(consumer);
    expect(sink.counters).toMatchObject({ eventsAcknowledged: 0, eventsAccepted: 5 });
  });

  it('cover what a server took of a body that it refused, so that a crash of it loses nothing', async () => {
    const server = await startServer({ ...WITH_ACKS, indexDelayMs: 150 });
    const consumer = new MemoryConsumer();
    consumer.appendEvents(5);
    const { sink } = startSink(testConfig([server.url], { maxConcurrency: 1 }), consumer);
    await drained(consumer);
    consumer.append([envelope(5), envelope(6), '{"event":""}\n', envelope(8)]);
    await until(() => sink.counters.quarantined === 1 && sink.status().outstandingAcks > 0, 'the first two are taken');
    server.restartIndexers(true);
    for (let i = 0; i < 3; i++) consumer.appendEvents(5);
    await drained(consumer);
    server.settle();
    const missing = Array.from({ length: 24 }, (_, seq) => seq).filter(
      (seq) => server.ledger.timesOf(BOOT_ID, seq) === 0,
    );
    expect(missing).toEqual([7]);
    expect(sink.counters.eventsAccepted).toBe(0);
  });

  it('cover partial acceptance without doubling anything where all goes well', async () => {
    const server = await startServer({ ...WITH_ACKS, indexDelayMs: 20 });
    const consumer = new MemoryConsumer();
    for (let b = 0; b < 20; b++) {
      consumer.append(Array.from({ length: 10 }, (_, i) => (i === 4 ? '{"event":""}\n' : envelope(b * 10 + i))));
    }
    const { sink } = startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    server.settle();
    expect(consumer.counters).toMatchObject({ acknowledged: 180, dropped: { quarantined: 20 } });
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 180, duplicates: 0 });
    expect(sink.counters.resends).toBe(0);
  });

  it('that come sooner are asked for sooner', async () => {
    const server = await startServer(WITH_ACKS);
    server.faults = { next: (kind) => (kind === 'event' ? { kind: 'warning', code: 25 } : null) };
    const consumer = new MemoryConsumer();
    consumer.appendEvents(5);
    const beganMs = Date.now();
    startSink(testConfig([server.url], { ackPollMs: 5_000, ackPollMaxMs: 5_000 }), consumer);
    await drained(consumer);
    expect(Date.now() - beganMs).toBeLessThan(3_000);
  });

  it('outstanding at a stop are waited for within its time', async () => {
    const server = await startServer({ ...WITH_ACKS, indexDelayMs: 300 });
    const consumer = new MemoryConsumer();
    consumer.appendEvents(5);
    const { sink, stop } = startSink(testConfig([server.url], { stopTimeoutMs: 3_000 }), consumer);
    await until(() => sink.status().outstandingAcks > 0, 'one waits');
    await stop();
    expect(consumer.counters).toMatchObject({ acknowledged: 5, queued: 0 });
    expect(sink.status().state).toBe('stopped');
  });
});

describe('AckTracker', () => {
  it('gives everything on a channel back when an ackId comes twice', () => {
    const tracker = new AckTracker();
    const channel = tracker.channelFor('t');
    const [a, b, c] = [newPart(), newPart(), newPart()];
    expect(tracker.expect(channel, 0, a, 1)).toEqual([]);
    expect(tracker.expect(channel, 1, b, 1)).toEqual([]);
    expect(tracker.expect(channel, 1, c, 1)).toEqual([c, a, b]);
    expect(channel.isDead).toBe(true);
    expect(tracker.channelFor('t')).not.toBe(channel);
    expect(tracker.outstanding).toBe(0);
  });

  it('gives back what was sent on a channel that died meanwhile', () => {
    const tracker = new AckTracker();
    const channel = tracker.channelFor('t');
    tracker.bury(channel);
    const part = newPart();
    expect(tracker.expect(channel, 5, part, 1)).toEqual([part]);
  });

  it('keeps asking on the channel of the token before', () => {
    const tracker = new AckTracker();
    const old = tracker.channelFor('old');
    tracker.expect(old, 0, newPart(), 1);
    const next = tracker.channelFor('new');
    expect(next).not.toBe(old);
    expect(tracker.waiting()).toEqual([old]);
    const [entry] = tracker.learn(old, new Map([[0, true]]));
    tracker.forget(old, entry!);
    expect(tracker.waiting()).toEqual([]);
  });

  it('takes ackIds in any order for new, and each only once', () => {
    const channel = new AckTracker().channelFor('t');
    expect([2, 0, 1, 3, 2, 0, 1_000_000, 1_000_000].map((id) => channel.see(id))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      true,
      false,
    ]);
  });

  it('lets what has no ackId ride on a request that began behind it, and on no other', () => {
    const tracker = new AckTracker();
    const channel = tracker.channelFor('t');
    const [rider, early, late] = [newPart(), newPart(), newPart()];
    tracker.expect(channel, 0, newPart(), 30);
    tracker.ride(channel, rider, 50);
    tracker.expect(channel, 1, early, 60, 40);
    expect(tracker).toMatchObject({ outstanding: 2, riding: 1 });
    tracker.expect(channel, 2, late, 80, 70);
    expect(tracker).toMatchObject({ outstanding: 3, riding: 0 });
    const acked = tracker.learn(channel, new Map([[2, true]]));
    expect(acked.map((entry) => [entry.part, ...entry.riders])).toEqual([[late, rider]]);
  });

  it('gives riders back when their channel dies, or nothing comes behind them', () => {
    const tracker = new AckTracker();
    const channel = tracker.channelFor('t');
    const [a, b, c] = [newPart(), newPart(), newPart()];
    tracker.ride(channel, a, 10);
    expect(tracker.oldestSentMs()).toBe(10);
    expect(tracker.expire(10)).toEqual([a]);
    tracker.expect(channel, 0, newPart(), 15);
    tracker.learn(channel, new Map([[0, true]]));
    tracker.ride(channel, b, 20);
    tracker.expect(channel, 1, c, 30);
    expect(tracker.bury(channel)).toEqual([c, b]);
    expect(tracker.ride(channel, a, 40)).toEqual([a]);
    expect(tracker.waiting()).toEqual([]);
  });

  it('gives riders back at the first ackId of a channel, before which a restart of the indexer would not show', () => {
    const tracker = new AckTracker();
    const channel = tracker.channelFor('t');
    const rider = newPart();
    tracker.ride(channel, rider, 10);
    expect(tracker.expect(channel, 0, newPart(), 30)).toEqual([rider]);
    expect(tracker).toMatchObject({ outstanding: 1, riding: 0 });
  });

  it('gives back what is too old, and not what is acknowledged and on its way into the spool', () => {
    const tracker = new AckTracker();
    const channel = tracker.channelFor('t');
    const [a, b, c] = [newPart(), newPart(), newPart()];
    tracker.expect(channel, 0, a, 10);
    tracker.expect(channel, 1, b, 20);
    tracker.expect(channel, 2, c, 30);
    tracker.learn(channel, new Map([[0, true]]));
    expect(tracker.expire(20)).toEqual([b]);
    expect(tracker.outstanding).toBe(2);
  });

  it('gives up the oldest of too many channels that drain', () => {
    const tracker = new AckTracker();
    let given: readonly unknown[] = [];
    for (let i = 0; i < 20; i++) {
      tracker.expect(tracker.channelFor('t'), 0, newPart(), i);
      given = [...given, ...tracker.renew()];
    }
    expect(tracker.waiting().length).toBe(16);
    expect(given.length).toBe(4);
  });
});
