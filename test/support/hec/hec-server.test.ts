import { randomUUID } from 'node:crypto';
import { createConnection } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';

import { EventLedger } from './event-ledger.ts';
import { EVERY_EVENT_FAULT, ScriptedFaults, SeededFaults } from './fault-plan.ts';
import { HecServer, type HecServerOptions } from './hec-server.ts';
import { SplunkWeb } from './splunk-web.ts';

const BOOT = '00000000-0000-4000-8000-000000000001';
const CHANNEL = '11111111-1111-4111-8111-111111111111';
const ACK_TOKEN = { 'test-token': { usesAck: true } };

let server: HecServer;
afterEach(() => server.stop());

async function serve(options: HecServerOptions = {}): Promise<HecServer> {
  server = new HecServer(options);
  await server.start();
  return server;
}

function envelope(seq: number, more: Readonly<Record<string, unknown>> = {}): string {
  const event = { sensor: 's', boot_id: BOOT, seq, event_id: `${BOOT}-${seq}` };
  return JSON.stringify({ time: 1_700_000_000.5, event, ...more });
}

async function post(
  body: string | Uint8Array,
  headers: Record<string, string> = {},
  path = '/services/collector/event',
) {
  const answer = await fetch(server.url + path, {
    method: 'POST',
    body,
    headers: { authorization: 'Splunk test-token', ...headers },
    redirect: 'manual',
  });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: answer.status, text, json: isJson ? JSON.parse(text) : null, headers: answer.headers };
}

const onChannel = { 'x-splunk-request-channel': CHANNEL };
const poll = (acks: readonly number[], headers: Record<string, string> = onChannel) =>
  post(JSON.stringify({ acks }), headers, '/services/collector/ack');

function times(...seqs: readonly number[]): number[] {
  return seqs.map((seq) => server.ledger.timesOf(BOOT, seq));
}

describe('envelopes', () => {
  it('takes objects with and without white space between them, plain and gzip', async () => {
    await serve();
    const body = `${envelope(0)}${envelope(1)}\n${envelope(2)}\r\n  ${JSON.stringify(JSON.parse(envelope(3)), null, 2)}\n`;
    expect((await post(body)).json).toEqual({ text: 'Success', code: 0 });
    expect((await post(gzipSync(body), { 'content-encoding': 'gzip' })).json).toEqual({ text: 'Success', code: 0 });
    expect(times(0, 1, 2, 3)).toEqual([2, 2, 2, 2]);
  });

  it.each([
    ['an event that is missing', { event: undefined }, 12],
    ['an event that is blank', { event: ' ' }, 13],
    ['fields with something nested', { fields: { a: { b: 1 } } }, 15],
    ['a host that is no text', { host: 7 }, 6],
    ['a time that is no number', { time: 'noon' }, 6],
  ])('indexes what comes before %s, and names it', async (_, more, code) => {
    await serve();
    const answer = await post([envelope(0), envelope(1), envelope(2, more), envelope(3)].join('\n'));
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ code, 'invalid-event-number': 2 });
    expect(times(0, 1, 2, 3)).toEqual([1, 1, 0, 0]);
  });

  it('indexes what comes before bytes that are no JSON', async () => {
    await serve();
    const answer = await post(`${envelope(0)}\n{"event":\n${envelope(2)}`);
    expect(answer.json).toMatchObject({ code: 6, 'invalid-event-number': 1 });
    expect(times(0, 2)).toEqual([1, 0]);
  });

  it('refuses an array', async () => {
    await serve();
    expect((await post(`[${envelope(0)}]`)).json).toMatchObject({ code: 6, 'invalid-event-number': 0 });
  });

  it('answers 200 to an unknown key of the envelope, and takes only what came before', async () => {
    await serve();
    const answer = await post([envelope(0), envelope(1, { sensor: 'x' }), envelope(2)].join('\n'));
    expect(answer.json).toEqual({ text: 'Success', code: 0 });
    expect(times(0, 1, 2)).toEqual([1, 0, 0]);
    expect(server.counters.cutShort).toBe(1);
  });

  it.each([true, false])(
    'numbers an index that is not allowed one too high (objects before it kept: %s)',
    async (isPartial) => {
      await serve({ tokens: { 'test-token': { indexes: ['main'] } }, isIndexFaultPartial: isPartial });
      const answer = await post([envelope(0, { index: 'main' }), envelope(1, { index: 'other' })].join('\n'));
      expect(answer.json).toMatchObject({ code: 7, 'invalid-event-number': 2 });
      expect(times(0, 1)).toEqual([isPartial ? 1 : 0, 0]);
    },
  );

  it('says that there are no data', async () => {
    await serve();
    expect(await post('')).toMatchObject({ status: 400, json: { code: 5 } });
    expect(await post(' \n')).toMatchObject({ status: 400, json: { code: 5 } });
  });
});

describe('tokens, paths, sizes', () => {
  it.each([
    ['no token', {}, 401, 2],
    ['another scheme', { authorization: 'Bearer test-token' }, 401, 3],
    ['an unknown token', { authorization: 'Splunk other' }, 403, 4],
    ['a disabled token', { authorization: 'Splunk off' }, 403, 1],
  ])('refuses %s', async (_, headers, status, code) => {
    await serve({ tokens: { 'test-token': {}, off: { isEnabled: false } } });
    const answer = await fetch(`${server.url}/services/collector`, { method: 'POST', body: envelope(0), headers });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ code });
  });

  it('refuses a token in the query', async () => {
    await serve();
    const answer = await fetch(`${server.url}/services/collector?token=test-token`, {
      method: 'POST',
      body: envelope(0),
    });
    expect(await answer.json()).toMatchObject({ code: 16 });
  });

  it('answers a wrong path with 404 and another encoding with 415, in HTML', async () => {
    await serve();
    expect(await post('x', {}, '/services/other')).toMatchObject({ status: 404, json: null });
    const deflated = deflateSync(envelope(0));
    expect(await post(deflated, { 'content-encoding': 'deflate' })).toMatchObject({ status: 415, json: null });
  });

  it('answers a body over the cap with 413 and HTML, or as the cloud does with code 6 number 0', async () => {
    const large = envelope(0, { host: 'h'.repeat(3000) });
    await serve({ maxBodyBytes: 2000 });
    expect(await post(large)).toMatchObject({ status: 413, json: null });
    expect(await post(gzipSync(large), { 'content-encoding': 'gzip' })).toMatchObject({ status: 413 });
    await server.stop();
    await serve({ maxBodyBytes: 2000, sizeMode: 'cloud' });
    expect(await post(gzipSync(large), { 'content-encoding': 'gzip' })).toMatchObject({
      status: 400,
      json: { code: 6, 'invalid-event-number': 0 },
    });
    expect(server.ledger.indexed).toBe(0);
  });

  it('tells its health, whatever the token', async () => {
    await serve();
    const health = async (): Promise<unknown> => (await fetch(`${server.url}/services/collector/health`)).json();
    expect(await health()).toMatchObject({ code: 17 });
    server.indexers[0]!.health = 'queuesFull';
    expect(await health()).toMatchObject({ code: 18 });
    expect((await post(envelope(0))).json).toMatchObject({ code: 9 });
    server.indexers[0]!.health = 'shuttingDown';
    expect((await post(envelope(0))).json).toMatchObject({ code: 23 });
  });
});

describe('acknowledgements', () => {
  it('requires a channel that is a GUID', async () => {
    await serve({ tokens: ACK_TOKEN });
    expect((await post(envelope(0))).json).toMatchObject({ code: 10 });
    expect((await post(envelope(0), { 'x-splunk-request-channel': 'x' })).json).toMatchObject({ code: 11 });
  });

  it('counts ackIds from 0 for each channel, answers true once, and then forgets', async () => {
    await serve({ tokens: ACK_TOKEN });
    expect((await post(envelope(0), onChannel)).json).toMatchObject({ code: 0, ackId: 0 });
    expect((await post(envelope(1), onChannel)).json).toMatchObject({ ackId: 1 });
    expect((await post(envelope(2), { 'x-splunk-request-channel': randomUUID() })).json).toMatchObject({ ackId: 0 });
    expect((await poll([0, 1, 2])).json).toEqual({ acks: { 0: true, 1: true, 2: false } });
    expect((await poll([0, 1])).json).toEqual({ acks: { 0: false, 1: false } });
  });

  it('answers false until the events are written', async () => {
    await serve({ tokens: ACK_TOKEN, indexDelayMs: 80 });
    await post(envelope(0), onChannel);
    expect((await poll([0])).json).toEqual({ acks: { 0: false } });
    expect(times(0)).toEqual([0]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await poll([0])).json).toEqual({ acks: { 0: true } });
    expect(times(0)).toEqual([1]);
  });

  it('forgets ackIds over a restart, and loses what was not yet written', async () => {
    await serve({ tokens: ACK_TOKEN, indexDelayMs: 10_000 });
    await post(envelope(0), onChannel);
    server.restartIndexers(false);
    await post(envelope(1), onChannel);
    server.restartIndexers(true);
    server.settle();
    expect(times(0, 1)).toEqual([1, 0]);
    expect((await poll([0, 1])).json).toEqual({ acks: { 0: false, 1: false } });
    expect(server.indexers[0]!.lost).toBe(1);
  });

  it('knows no ackId of the other indexer', async () => {
    await serve({ tokens: ACK_TOKEN, indexers: 2 });
    const sent = await post(envelope(0), onChannel);
    const cookie = sent.headers.get('set-cookie')!.split(';')[0]!;
    expect((await poll([0], onChannel)).json).toEqual({ acks: { 0: false } });
    expect((await poll([0], { ...onChannel, cookie })).json).toEqual({ acks: { 0: true } });
    server.balancer.flip();
    const moved = await post(envelope(1), { ...onChannel, cookie });
    expect(moved.headers.get('set-cookie')).not.toContain(cookie);
  });

  it('says that they are disabled for a token without them', async () => {
    await serve();
    expect((await poll([0])).json).toMatchObject({ code: 14 });
    expect((await post(envelope(0), onChannel)).json).toEqual({ text: 'Success', code: 0 });
  });

  it('refuses more ackIds than a channel may hold', async () => {
    await serve({ tokens: ACK_TOKEN, maxAcksPerChannel: 1 });
    await post(envelope(0), onChannel);
    expect(await post(envelope(1), onChannel)).toMatchObject({ status: 429, json: { code: 27 } });
  });
});

describe('faults', () => {
  it('resets before or after it takes the events', async () => {
    await serve({
      faults: new ScriptedFaults([
        { kind: 'reset', isTaken: false },
        { kind: 'reset', isTaken: true },
      ]),
    });
    await expect(post(envelope(0))).rejects.toThrow('fetch failed');
    await expect(post(envelope(1))).rejects.toThrow('fetch failed');
    await post(envelope(2));
    expect(times(0, 1, 2)).toEqual([0, 1, 1]);
  });

  it('closes its half of the connection without an answer', async () => {
    await serve({ faults: new ScriptedFaults([{ kind: 'half-close', isTaken: false }]) });
    const socket = createConnection(server.port, '127.0.0.1');
    socket.write('POST /services/collector HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}');
    const chunks: Buffer[] = [];
    for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
    expect(Buffer.concat(chunks).length).toBe(0);
  });

  it('never answers, or cuts its answer short', async () => {
    await serve({ faults: new ScriptedFaults([{ kind: 'time-out', isTaken: true }, { kind: 'cut-answer' }]) });
    const signal = AbortSignal.timeout(100);
    const headers = { authorization: 'Splunk test-token' };
    await expect(
      fetch(`${server.url}/services/collector`, { method: 'POST', body: envelope(0), headers, signal }),
    ).rejects.toThrow('timeout');
    await expect(post(envelope(1))).rejects.toThrow('terminated');
    expect(times(0, 1)).toEqual([1, 1]);
  });

  it('answers with a code, a status and Retry-After when told to', async () => {
    await serve({
      faults: new ScriptedFaults([
        { kind: 'code', code: 26, retryAfter: '7' },
        { kind: 'status', status: 502 },
        { kind: 'warning', code: 24 },
      ]),
    });
    const full = await post(envelope(0));
    expect(full).toMatchObject({ status: 429, json: { code: 26 } });
    expect(full.headers.get('retry-after')).toBe('7');
    expect(await post(envelope(0))).toMatchObject({ status: 502, json: null });
    expect(await post(envelope(1))).toMatchObject({ status: 200, json: { code: 24 } });
    expect(times(0, 1)).toEqual([0, 1]);
  });

  it('is busy in the middle of a body', async () => {
    await serve({ faults: new ScriptedFaults([{ kind: 'busy-after', share: 0.5 }]) });
    const answer = await post([0, 1, 2, 3].map((seq) => envelope(seq)).join('\n'));
    expect(answer).toMatchObject({ status: 503, json: { code: 9, 'invalid-event-number': 2 } });
    expect(times(0, 1, 2, 3)).toEqual([1, 1, 0, 0]);
  });

  it('draws the same faults from the same seed', () => {
    const draw = () => {
      const plan = new SeededFaults({ seed: 7, rate: 0.5, eventFaults: EVERY_EVENT_FAULT });
      return Array.from({ length: 200 }, () => plan.next('event'));
    };
    expect(draw()).toEqual(draw());
    expect(draw().filter((fault) => fault !== null).length).toBeGreaterThan(60);
  });

  it('refuses connections while it is stopped, and has its port again', async () => {
    await serve();
    const { url } = server;
    await server.stop();
    await expect(post(envelope(0))).rejects.toThrow('fetch failed');
    expect(await server.start()).toBe(url);
    expect((await post(envelope(0))).json).toMatchObject({ code: 0 });
  });
});

describe('Splunk Web', () => {
  it('redirects to its login, or answers 200 with HTML', async () => {
    await serve();
    for (const [manner, status] of [
      ['redirect', 303],
      ['login', 200],
    ] as const) {
      const web = new SplunkWeb(manner);
      const answer = await fetch(await web.start(), { method: 'POST', body: '{}', redirect: 'manual' });
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toContain('text/html');
      await answer.text();
      await web.stop();
    }
  });
});

describe('the accounting search', () => {
  it('finds what is missing and what came twice', async () => {
    await serve();
    await post([5, 6, 8, 8, 9].map((seq) => envelope(seq)).join('\n'));
    expect(server.ledger.runAccountingSearch()).toEqual([
      { sensor: 's', bootId: BOOT, count: 5, distinct: 4, firstSeq: 5, lastSeq: 9, missing: 1, duplicates: 1 },
    ]);
    expect(server.ledger.conflicts).toBe(0);
    await post(envelope(9, { event: { sensor: 's', boot_id: BOOT, seq: 9, event_id: 'other' } }));
    expect(server.ledger.conflicts).toBe(1);
  });

  it('gives the same by scanning lines', async () => {
    await serve({ reading: 'scan' });
    await post([5, 6, 8, 8, 9].map((seq) => envelope(seq)).join('\n'));
    await post('{"event":"text"}\n');
    expect(server.ledger.runAccountingSearch()).toEqual([
      { sensor: '', bootId: BOOT, count: 5, distinct: 4, firstSeq: 5, lastSeq: 9, missing: 1, duplicates: 1 },
    ]);
    expect(server.ledger.unnumbered).toBe(1);
  });

  it('holds a million events in a few megabytes, in any order', () => {
    const ledger = new EventLedger();
    for (let i = 0; i < 1_000_000; i++) ledger.record('s', BOOT, (i * 7919) % 1_000_000, null);
    expect(ledger.runAccountingSearch()[0]).toMatchObject({ missing: 0, duplicates: 0, firstSeq: 0, lastSeq: 999_999 });
    expect(ledger.timesOf(BOOT, 1_000_000)).toBe(0);
  });
});
