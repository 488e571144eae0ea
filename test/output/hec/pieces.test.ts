/** The small pieces of the sink, each for itself. */
import { mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Aimd } from '../../../src/output/hec/aimd.ts';
import { Backoff } from '../../../src/output/hec/backoff.ts';
import { cutLines, cutWithIndex, packLines, unpackBatch } from '../../../src/output/hec/batch-cutter.ts';
import { CookieJar } from '../../../src/output/hec/cookie-jar.ts';
import { newCounters, observe } from '../../../src/output/hec/counters.ts';
import { EndpointGate } from '../../../src/output/hec/endpoint-gate.ts';
import { HEC_SCHEMA, toHecConfig } from '../../../src/output/hec/hec-schema.ts';
import { countOf, type Part } from '../../../src/output/hec/part.ts';
import { PartsInHand } from '../../../src/output/hec/parts-in-hand.ts';
import { Quarantine } from '../../../src/output/hec/quarantine.ts';
import { Redactor } from '../../../src/output/hec/redactor.ts';
import { TokenSource } from '../../../src/output/hec/token-source.ts';
import { Wake } from '../../../src/output/hec/wake.ts';
import { envelope, MemoryConsumer } from './memory-consumer.ts';
import { newFolder, until } from './run-sink.ts';

const FAULT = { reason: 'queue_at_capacity', text: '', retryAfterMs: null };

describe('Aimd', () => {
  it('grows by one a success at first, then by one a round', () => {
    const aimd = new Aimd(100);
    for (let i = 0; i < 6; i++) aimd.succeed();
    expect(aimd.limit).toBe(8);
    aimd.congest(10, 20);
    expect(aimd.limit).toBe(4);
    for (let i = 0; i < 5; i++) aimd.succeed();
    expect(aimd.limit).toBe(5);
  });

  it('halves once for all requests that were sent before', () => {
    const aimd = new Aimd(64);
    for (let i = 0; i < 62; i++) aimd.succeed();
    for (const startedMs of [1, 5, 20]) aimd.congest(startedMs, 20);
    expect(aimd.limit).toBe(32);
    aimd.congest(21, 30);
    expect(aimd.limit).toBe(16);
  });

  it('stays between one and its most', () => {
    const aimd = new Aimd(3);
    for (let i = 0; i < 10; i++) aimd.succeed();
    expect(aimd.limit).toBe(3);
    for (let i = 0; i < 10; i++) aimd.congest(i * 10 + 1, i * 10 + 2);
    expect(aimd.limit).toBe(1);
    aimd.slowDown();
    expect(aimd.limit).toBe(1);
  });
});

describe('Backoff', () => {
  const times = { backoffBaseMs: 500, backoffCapMs: 60_000 };

  it('doubles up to its cap, has no end, and draws from nothing to the limit', () => {
    const most = new Backoff(times, () => 0.999_999);
    expect(Array.from({ length: 9 }, () => most.next(null))).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
    ]);
    for (let i = 0; i < 5_000; i++) most.next(null);
    expect(most.next(null)).toBe(60_000);
    expect(new Backoff(times, () => 0).next(null)).toBe(0);
  });

  it('waits at least as long as the server asks for', () => {
    expect(new Backoff(times, () => 0.5).next(7_000)).toBe(7_250);
  });
});

describe('EndpointGate', () => {
  const newGate = (): EndpointGate =>
    new EndpointGate({ backoffBaseMs: 100, backoffCapMs: 1_000, holdRetryMs: 5_000, maxConcurrency: 8 }, () => 0.999);

  const opened = (): EndpointGate => {
    const gate = newGate();
    gate.beginProbe();
    gate.passProbe();
    gate.succeed(true);
    return gate;
  };

  it('is closed until it is probed, then tries one request', () => {
    const gate = newGate();
    expect(gate.isFree).toBe(false);
    expect(gate.isProbeDue(0)).toBe(true);
    gate.beginProbe();
    expect(gate.isProbeDue(1_000_000)).toBe(false);
    gate.passProbe();
    expect(gate).toMatchObject({ limit: 1, reason: '' });
    gate.succeed(true);
    expect(gate.limit).toBeGreaterThan(1);
  });

  it('closes for what came late only once', () => {
    const gate = opened();
    gate.backOff(FAULT, 1_000, 1_010);
    const until = gate.retryAtMs;
    gate.backOff(FAULT, 1_005, 1_020);
    gate.backOff(FAULT, 1_009, 1_030);
    expect(gate.retryAtMs).toBe(until);
  });

  it('opens again without a probe after it was busy, and with one after it was away', () => {
    const busy = opened();
    busy.backOff(FAULT, 1_000, 1_010);
    expect(busy.isProbeDue(2_000)).toBe(false);
    expect(busy.isFree).toBe(true);
    const away = opened();
    away.goDown(FAULT, 1_000, 1_010);
    expect(away.isProbeDue(2_000)).toBe(true);
    expect(away.isFree).toBe(false);
  });

  it('takes one failure for chance, and two in a row for a fault', () => {
    const gate = opened();
    gate.stumble(FAULT, 10, 20);
    expect(gate.phase).toBe('up');
    gate.succeed(true);
    gate.stumble(FAULT, 30, 40);
    expect(gate.phase).toBe('up');
    gate.stumble(FAULT, 50, 60);
    expect(gate.phase).toBe('backing_off');
  });

  it('holds for as long as it takes, and tries at once when something was mended', () => {
    const gate = opened();
    gate.hold({ ...FAULT, reason: 'invalid_token' }, 1_000);
    expect(gate).toMatchObject({ phase: 'holding', reason: 'invalid_token', retryAtMs: 6_000 });
    gate.retryNow(1_500);
    expect(gate.isProbeDue(1_500)).toBe(true);
  });

  it('holds after three parts were refused with nothing taken in between', () => {
    const gate = opened();
    gate.refuse(FAULT, 1);
    gate.refuse(FAULT, 2);
    gate.succeed(true);
    gate.refuse(FAULT, 3);
    gate.refuse(FAULT, 4);
    expect(gate.phase).toBe('up');
    gate.refuse(FAULT, 5);
    expect(gate.phase).toBe('holding');
  });
});

describe('CookieJar', () => {
  it('sends back what it was given, the last value of each', () => {
    const jar = new CookieJar();
    expect(jar.take(['lb=a; Path=/; HttpOnly', 'x=1'], 0)).toBe(null);
    expect(jar.take(['lb=b'], 0)).toBe('lb');
    expect(jar.take(['lb=b; Max-Age=100'], 0)).toBe(null);
    expect(jar.header()).toBe('lb=b; x=1');
  });

  it('notices that a cookie is taken away', () => {
    const jar = new CookieJar();
    jar.take(['lb=a', 'y=2'], 0);
    expect(jar.take(['lb=; Max-Age=0'], 0)).toBe('lb');
    expect(jar.take(['y=; Expires=Thu, 01 Jan 1970 00:00:00 GMT'], 1)).toBe('y');
    expect(jar.header()).toBe('');
  });

  it('does not take a rotating cookie for a move', () => {
    const jar = new CookieJar();
    jar.take(['AWSALB=1', 'AWSALBCORS=1', 'AWSALBTG=1', 'r=1'], 0);
    expect(jar.take(['AWSALB=2', 'AWSALBCORS=2', 'AWSALBTG=2'], 0)).toBe(null);
    jar.ignoreChangesOf('r');
    expect(jar.copy().take(['r=2'], 0)).toBe(null);
  });

  it('is bounded, and reads anything', () => {
    const jar = new CookieJar();
    fc.assert(fc.property(fc.array(fc.string()), (headers) => void jar.take(headers, 0)));
    jar.take(
      Array.from({ length: 1_000 }, (_, i) => `c${i}=${'v'.repeat(10_000)}`),
      0,
    );
    expect(jar.header().length).toBeLessThan(32 * 4_200);
  });
});

describe('the batch cutter', () => {
  it('gives any run of events, whole and in order', async () => {
    const consumer = new MemoryConsumer();
    consumer.append(Array.from({ length: 20 }, (_, i) => envelope(i, { padding: i })));
    const [batch] = consumer.read(0, 1);
    const json = await unpackBatch(batch!);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 19 }), fc.integer({ min: 1, max: 20 }), (from, length) => {
        const to = Math.min(20, from + length);
        const lines = cutLines(json, batch!.eventEnds, from, to).toString().trimEnd().split('\n');
        expect(lines).toEqual(
          Array.from({ length: to - from }, (_, i) => envelope(from + i, { padding: from + i }).trimEnd()),
        );
      }),
    );
    expect(gunzipSync(await packLines(cutLines(json, batch!.eventEnds, 3, 5))).toString()).toContain('"seq":4');
  });

  it('changes the index of the envelope and nothing else', async () => {
    const consumer = new MemoryConsumer();
    const lines = [envelope(0, { index: 'a' }), envelope(1), 'no json\n', '{"time":1}\n'];
    consumer.append(lines);
    const [batch] = consumer.read(0, 1);
    const cut = cutWithIndex(await unpackBatch(batch!), batch!.eventEnds, 0, 4, 'b$&"').toString();
    const [first, second, third, fourth] = cut.split('\n');
    expect(JSON.parse(first!)).toEqual({ ...JSON.parse(lines[0]!), index: 'b$&"' });
    expect(JSON.parse(second!)).toEqual({ ...JSON.parse(lines[1]!), index: 'b$&"' });
    expect([third, fourth]).toEqual(['no json', '{"time":1}']);
  });

  it('refuses bytes that are damaged', async () => {
    const consumer = new MemoryConsumer();
    consumer.appendEvents(3);
    const [batch] = consumer.read(0, 1);
    await expect(unpackBatch({ ...batch!, gzip: batch!.gzip.subarray(0, 20) })).rejects.toThrow(
      'unexpected end of file',
    );
    await expect(unpackBatch({ ...batch!, eventEnds: batch!.eventEnds.subarray(0, 2) })).rejects.toThrow(RangeError);
  });
});

describe('PartsInHand', () => {
  it('settles a batch once, when all of its parts came to an end, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 30 }), async (choices) => {
        const consumer = new MemoryConsumer();
        consumer.appendEvents(12);
        const hands = new PartsInHand(consumer);
        hands.putBack(hands.take(consumer.read(0, 1)[0]!));
        let turn = 0;
        for (let part: Part | null = hands.next(0); part !== null; part = hands.next(0)) {
          const choice = (choices[turn++] ?? 0) % 5;
          expect(hands.load(part)).not.toBe(null);
          if (choice === 4 && countOf(part) > 1)
            hands.replace(part, [
              [part.from, part.from + 1],
              [part.from + 1, part.to],
            ]);
          else if (choice === 3) hands.park(part, 'a reason');
          else if (choice === 2) {
            hands.awaitAck(part);
            hands.putBackUnacked(part);
          } else if (choice === 1) await hands.abandon(part, 'quarantined');
          else await hands.finish(part);
        }
        expect(hands).toMatchObject({ bytes: 0, batches: 0, queued: 0, parked: 0 });
        expect(consumer.counters.queued).toBe(0);
      }),
    );
  });

  it('holds no bytes of what waits for an acknowledgement, and reads them again', () => {
    const consumer = new MemoryConsumer();
    consumer.appendEvents(12);
    const hands = new PartsInHand(consumer);
    const part = hands.take(consumer.read(0, 1)[0]!);
    expect(hands.bytes).toBeGreaterThan(0);
    hands.awaitAck(part);
    expect(hands.bytes).toBe(0);
    hands.putBackUnacked(part);
    expect(hands.load(hands.next(0)!)?.count).toBe(12);
  });
});

describe('TokenSource', () => {
  const open = (file: string): TokenSource => {
    const source = new TokenSource({ tokenFile: file, tokenPollMs: 20 }, new Redactor());
    onTestFinished(() => source.close());
    return source;
  };

  it('prefers the newest, and keeps the one before for a rotation', async () => {
    const file = path.join(newFolder(), 'token');
    writeFileSync(file, '# the token of the sensor\nfirst-token\r\n');
    const source = open(file);
    let changes = 0;
    source.watch(() => {
      changes += 1;
    });
    expect(source.tokens).toEqual(['first-token']);
    writeFileSync(file, 'second-token');
    await until(() => source.tokens[0] === 'second-token', 'it is read');
    expect(source.tokens).toEqual(['second-token', 'first-token']);
    writeFileSync(file, 'second-token');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(changes).toBe(1);
  });

  it('follows a link that is turned, as secrets of a cluster are', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'spanglass-token-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(path.join(folder, 'v1'), 'token-one');
    writeFileSync(path.join(folder, 'v2'), 'token-two');
    symlinkSync('v1', path.join(folder, 'token'));
    const source = open(path.join(folder, 'token'));
    source.watch(() => undefined);
    symlinkSync('v2', path.join(folder, 'next'));
    renameSync(path.join(folder, 'next'), path.join(folder, 'token'));
    await until(() => source.tokens[0] === 'token-two', 'it is read');
  });

  it('keeps what it knows while the file is away, empty or no token', async () => {
    const file = path.join(newFolder(), 'token');
    writeFileSync(file, 'first-token');
    const source = open(file);
    source.watch(() => undefined);
    for (const [text, fault] of [
      ['', 'empty'],
      ['two words', 'no token'],
    ] as const) {
      writeFileSync(file, text);
      await until(() => source.fault?.includes(fault) === true, fault);
      expect(source.tokens).toEqual(['first-token']);
    }
    rmSync(file);
    await until(() => source.fault?.includes('ENOENT') === true, 'it is away');
    expect(source.tokens).toEqual(['first-token']);
  });

  it('refuses to be without any', () => {
    const make = (): TokenSource => new TokenSource({ tokenPollMs: 20 }, new Redactor());
    expect(make).toThrow(expect.objectContaining({ code: 'bad_token' }));
  });
});

describe('Wake', () => {
  it('does not sleep through a call that came before', async () => {
    const wake = new Wake();
    wake.wake();
    const beganMs = Date.now();
    await wake.sleep(5_000);
    setTimeout(() => wake.wake(), 10);
    await wake.sleep(5_000);
    expect(Date.now() - beganMs).toBeLessThan(2_000);
  });
});

describe('a histogram', () => {
  it('counts each observation in the first bucket that holds it', () => {
    const { ackSeconds } = newCounters();
    for (const seconds of [0, 0.005, 0.006, 300, 301]) observe(ackSeconds, seconds);
    expect(ackSeconds.counts).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    expect(ackSeconds.count).toBe(5);
  });
});

describe('the settings', () => {
  const around = {
    quarantineFile: '/spool/quarantine.ndjson',
    userAgent: 'spanglass/1',
    env: { HEC_TOKEN: 'from-env' },
  };

  it('become a configuration, with defaults for what is not set', () => {
    const settings = HEC_SCHEMA.parse({
      endpoints: [{ url: 'https://a:8088' }, { url: 'http://b:8088', weight: 0, tls: { insecure: true } }],
      token_env: 'HEC_TOKEN',
      tls: { ca_file: '/ca.pem', min_version: 'TLSv1.3' },
      ack_timeout: 120,
      quarantine: { max_mb: 1 },
    });
    expect(toHecConfig(settings, around)).toMatchObject({
      endpoints: [
        { url: 'https://a:8088', weight: 1 },
        { weight: 0, tls: { isInsecure: true } },
      ],
      token: 'from-env',
      tls: { caFile: '/ca.pem', minVersion: 'TLSv1.3' },
      ackTimeoutMs: 120_000,
      quarantineFile: '/spool/quarantine.ndjson',
      quarantineMaxBytes: 1_048_576,
      maxConcurrency: 8,
      backoffCapMs: 60_000,
    });
  });

  it.each([
    [{}],
    [{ endpoints: [] }],
    [{ endpoints: [{ url: 'ftp://a' }] }],
    [{ endpoints: [{ url: 'https://a' }], tls: { verify: false } }],
    [{ endpoints: [{ url: 'https://a' }], live_share: 2 }],
    [{ endpoints: [{ url: 'https://a' }], insecure: true }],
  ])('are refused: %j', (settings) => {
    expect(HEC_SCHEMA.safeParse(settings).success).toBe(false);
  });
});

describe('the quarantine file', () => {
  it('is made for its owner alone, in a folder that is made for it', async () => {
    const file = path.join(newFolder(), 'deep', 'quarantine.ndjson');
    const quarantine = new Quarantine(file, 10_000, new Redactor());
    const verdict = { reason: 'event_blank', http: 400, code: 13, text: 'blank' };
    const full = {
      ...verdict,
      action: 'isolate',
      ackId: null,
      badAt: 0,
      isPartial: true,
      retryAfterMs: null,
      isAmbiguous: false,
    } as const;
    const results = await Promise.all(
      Array.from({ length: 5 }, () => quarantine.add('https://a', full, Buffer.from('{"event":""}\n'))),
    );
    expect(results).toEqual(['kept', 'kept', 'kept', 'kept', 'kept']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});
