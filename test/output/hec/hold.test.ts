/** Faults that somebody has to mend: nothing is dropped, the reason is told, and all of it goes out when it is mended. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HecServer, type HecServerOptions } from '../../support/hec/hec-server.ts';
import { SplunkWeb } from '../../support/hec/splunk-web.ts';
import { json, startAnswerServer, type Told } from './answer-server.ts';
import { MemoryConsumer } from './memory-consumer.ts';
import { drained, newFolder, startSink, testConfig, until } from './run-sink.ts';

async function startServer(options: HecServerOptions = {}): Promise<HecServer> {
  const server = new HecServer(options);
  await server.start();
  onTestFinished(() => server.stop());
  return server;
}

function filled(batches: number, events: number): MemoryConsumer {
  const consumer = new MemoryConsumer();
  for (let i = 0; i < batches; i++) consumer.appendEvents(events);
  return consumer;
}

describe('a token', () => {
  it.each([
    ['disabled', { 'test-token': { isEnabled: false } }, 'token_disabled'],
    ['unknown', {}, 'invalid_token'],
  ])('that is %s holds everything until it is mended', async (_name, tokens, reason) => {
    const server = await startServer({ tokens });
    const consumer = filled(5, 10);
    const { sink } = startSink(testConfig([server.url]), consumer);
    await until(() => sink.status().state === 'holding', 'it holds');
    expect(sink.status()).toMatchObject({ reason });
    expect(consumer.counters).toMatchObject({ queued: 50 });
    server.tokens.set('test-token', {});
    await drained(consumer);
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 50, duplicates: 0 });
    expect(sink.status()).toMatchObject({ state: 'delivering', reason: '' });
  });

  it('that expires while events flow loses none', async () => {
    const server = await startServer();
    const consumer = filled(5, 10);
    const { sink } = startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    server.tokens.set('test-token', { isEnabled: false });
    for (let i = 0; i < 5; i++) consumer.appendEvents(10);
    await until(() => sink.status().state === 'holding', 'it holds');
    server.tokens.set('test-token', {});
    await drained(consumer);
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 100, duplicates: 0 });
  });

  it('that replaces another in its file is taken at once, without waiting for the slow retry', async () => {
    const file = path.join(newFolder(), 'token');
    writeFileSync(file, 'old-token\n');
    const server = await startServer({ tokens: { 'new-token': {} } });
    const consumer = filled(5, 10);
    const config = testConfig([server.url], { tokenFile: file, holdRetryMs: 600_000 });
    const { sink } = startSink(config, consumer);
    await until(() => sink.status().state === 'holding', 'it holds');
    writeFileSync(file, 'new-token\n');
    await drained(consumer);
    expect(server.ledger.distinct).toBe(50);
  });

  it('of before goes on during a rotation, until the server knows the new one', async () => {
    const file = path.join(newFolder(), 'token');
    writeFileSync(file, 'new-token\nold-token\n');
    const server = await startServer({ tokens: { 'old-token': {} } });
    const consumer = filled(5, 10);
    const { sink } = startSink(testConfig([server.url], { tokenFile: file, holdRetryMs: 100 }), consumer);
    await drained(consumer);
    expect(sink.status().state).toBe('delivering');
    // Both, for a while; then only the new one.
    server.tokens.set('new-token', {});
    consumer.appendEvents(10);
    await drained(consumer);
    server.tokens.delete('old-token');
    for (let i = 0; i < 5; i++) consumer.appendEvents(10);
    await drained(consumer);
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 110, duplicates: 0, missing: 0 });
  });

  it('that is rotated while acks are outstanding loses nothing', async () => {
    const file = path.join(newFolder(), 'token');
    writeFileSync(file, 'old-token\n');
    const server = await startServer({
      tokens: { 'old-token': { usesAck: true }, 'new-token': { usesAck: true } },
      indexDelayMs: 200,
    });
    const consumer = filled(10, 10);
    const { sink } = startSink(testConfig([server.url], { tokenFile: file }), consumer);
    await until(() => sink.status().outstandingAcks > 3, 'some wait');
    writeFileSync(file, 'new-token\n');
    server.tokens.delete('old-token');
    for (let i = 0; i < 10; i++) consumer.appendEvents(10);
    await drained(consumer);
    server.settle();
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 200, missing: 0 });
  });

  it('whose file is not there yet is waited for', async () => {
    const file = path.join(newFolder(), 'token');
    const server = await startServer();
    const consumer = filled(2, 10);
    const { sink } = startSink(testConfig([server.url], { tokenFile: file }), consumer);
    await until(() => sink.status().state === 'holding', 'it holds');
    expect(sink.status()).toMatchObject({ reason: 'token_missing', tokenFault: expect.stringContaining('ENOENT') });
    writeFileSync(file, 'test-token');
    await drained(consumer);
  });
});

describe('an index that is not allowed', () => {
  it('holds its events, tells the reason, and lets others pass', async () => {
    const server = await startServer({ tokens: { 'test-token': { indexes: ['main'] } } });
    const consumer = new MemoryConsumer();
    consumer.appendEvents(10, { index: 'secret' });
    for (let i = 0; i < 10; i++) consumer.appendEvents(10, { index: 'main' });
    const { sink } = startSink(testConfig([server.url]), consumer);
    await until(() => consumer.counters.acknowledged === 100, 'the others are there');
    expect(sink.status()).toMatchObject({ state: 'delivering', reason: 'incorrect_index', parked: 1 });
    server.tokens.set('test-token', {});
    await drained(consumer);
    expect(server.ledger.distinct).toBe(110);
  });

  it('holds everything where all events have it', async () => {
    const server = await startServer({ tokens: { 'test-token': { indexes: ['main'] } } });
    const consumer = new MemoryConsumer();
    for (let i = 0; i < 30; i++) consumer.appendEvents(10, { index: 'secret' });
    const { sink } = startSink(testConfig([server.url]), consumer);
    await until(() => sink.status().state === 'holding', 'it holds');
    expect(sink.status()).toMatchObject({ reason: 'incorrect_index', text: 'Incorrect index' });
    const asked = server.counters.requests.event;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(server.counters.requests.event - asked).toBeLessThan(8);
    expect(consumer.counters).toMatchObject({ queued: 300 });
    server.tokens.set('test-token', {});
    await drained(consumer);
    expect(server.ledger.distinct).toBe(300);
  });

  it('is replaced by the fallback index, from the first bad event on', async () => {
    const server = await startAnswerServer(({ text, what }) => {
      const at = text.split('\n').findIndex((line) => line.includes('"index":"secret"'));
      return what === 'event' && at >= 0
        ? json(400, { text: 'Incorrect index', code: 7, 'invalid-event-number': at + 1 })
        : null;
    });
    const consumer = new MemoryConsumer();
    consumer.append([
      '{"time":1,"index":"main","event":{"seq":0}}\n',
      '{"time":1,"host":"a \\"index\\":\\"x\\"","index":"secret","event":{"seq":1,"index":"secret-inside"}}\n',
      '{"time":1,"event":{"seq":2}}\n',
    ]);
    startSink(testConfig([server.url], { fallbackIndex: 'last_resort' }), consumer);
    await drained(consumer);
    expect(server.taken.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
    const sent = server.asked
      .filter((one) => one.what === 'event')
      .map((one) => one.text)
      .join('');
    expect(sent).toContain(
      '{"time":1,"host":"a \\"index\\":\\"x\\"","index":"last_resort","event":{"seq":1,"index":"secret-inside"}}',
    );
    expect(sent).toContain('{"index":"last_resort","time":1,"event":{"seq":2}}');
    expect(sent).toContain('{"time":1,"index":"main","event":{"seq":0}}');
  });
});

describe('a wrong address', () => {
  it.each(['redirect', 'login'] as const)('that is Splunk Web is told as such: %s', async (manner) => {
    const web = new SplunkWeb(manner);
    const url = await web.start();
    onTestFinished(() => web.stop());
    const consumer = filled(2, 5);
    const { sink } = startSink(testConfig([url]), consumer);
    await until(() => sink.status().state === 'holding', 'it holds');
    expect(sink.status().reason).toBe('splunk_web');
    expect(consumer.counters).toMatchObject({ queued: 10 });
  });

  it.each<[string, Told, string]>([
    ['200 with the HTML of Splunk Web', { body: '<!doctype html><html><title>Login</title></html>' }, 'splunk_web'],
    ['303 to a login', { status: 303, headers: { location: '/en-US/account/login' } }, 'splunk_web'],
    ['301 to elsewhere', { status: 301, headers: { location: 'https://elsewhere/' } }, 'redirected'],
    ['404', { status: 404, body: 'nothing here' }, 'not_found'],
    ['200 and nothing', {}, 'not_hec'],
    ['204', { status: 204 }, 'not_hec'],
    ['200 with noise', { body: '\u0000\u0001noise' }, 'not_hec'],
    [
      'query string authorization',
      json(400, { text: 'Query string authorization is not enabled', code: 16 }),
      'query_string_auth',
    ],
    ['401 without words', { status: 401 }, 'unauthorized'],
    ['the answer to a question about health', json(200, { text: 'HEC is healthy', code: 17 }), 'healthy'],
  ])('never counts as delivered: %s', async (_name, told, reason) => {
    let isMended = false;
    const server = await startAnswerServer(({ what }) => (what === 'health' || isMended ? null : told));
    const consumer = filled(3, 5);
    const { sink } = startSink(testConfig([server.url]), consumer);
    await until(() => sink.status().state === 'holding', 'it holds');
    expect(sink.status().reason).toBe(reason);
    expect(consumer.counters).toMatchObject({ queued: 15, acknowledged: 0 });
    isMended = true;
    await drained(consumer);
    expect(server.taken.length).toBe(15);
  });

  it.each([
    ['a firewall that refuses one body', { status: 403, body: '<html>blocked</html>' }],
    ['a code of a later Splunk', json(400, { text: 'Something new', code: 99 })],
  ])('is not what a refusal of one batch is: %s', async (_name, told) => {
    let isMended = false;
    const server = await startAnswerServer(({ seqs }) => (seqs.includes(3) && !isMended ? told : null));
    const consumer = filled(8, 5);
    const { sink } = startSink(testConfig([server.url]), consumer);
    await until(() => consumer.counters.acknowledged === 35, 'the others are there');
    expect(sink.status()).toMatchObject({ state: 'delivering', parked: 1 });
    isMended = true;
    await drained(consumer);
    expect(server.taken.length).toBe(40);
  });
});
