/** TLS, proxies, several endpoints: where requests go, and what is said when they can't. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { HecServer, type HecServerOptions } from '../../support/hec/hec-server.ts';
import { listenOnLoopback } from '../../support/hec/listen.ts';
import { makeCertificate, type TestCertificate } from '../../support/hec/test-certificates.ts';
import { json, startAnswerServer } from './answer-server.ts';
import { MemoryConsumer } from './memory-consumer.ts';
import { drained, newFolder, startSink, testConfig, until } from './run-sink.ts';

async function startServer(options: HecServerOptions = {}): Promise<HecServer> {
  const server = new HecServer(options);
  await server.start();
  onTestFinished(() => server.stop());
  return server;
}

function filled(batches = 3): MemoryConsumer {
  const consumer = new MemoryConsumer();
  for (let i = 0; i < batches; i++) consumer.appendEvents(5);
  return consumer;
}

function fileOf(text: string): string {
  const file = path.join(newFolder(), 'file.pem');
  writeFileSync(file, text);
  return file;
}

describe('TLS', () => {
  let ca: TestCertificate;
  let server: TestCertificate;
  let client: TestCertificate;
  beforeAll(() => {
    ca = makeCertificate({ commonName: 'Test CA', isCa: true });
    server = makeCertificate({ commonName: 'hec.example', names: ['hec.example'], issuer: ca });
    client = makeCertificate({ commonName: 'sensor', issuer: ca });
  });

  it('is checked against a CA of its own and a server name', async () => {
    const hec = await startServer({ tls: server });
    const consumer = filled();
    startSink(testConfig([hec.url], { tls: { caFile: fileOf(ca.cert), serverName: 'hec.example' } }), consumer);
    await drained(consumer);
    expect(hec.ledger.distinct).toBe(15);
  });

  it('shows a client certificate where the server wants one', async () => {
    const hec = await startServer({ tls: { ...server, ca: ca.cert } });
    const consumer = filled();
    const tls = {
      caFile: fileOf(ca.cert),
      serverName: 'hec.example',
      certFile: fileOf(client.cert),
      keyFile: fileOf(client.key),
      minVersion: 'TLSv1.3',
    } as const;
    startSink(testConfig([hec.url], { tls }), consumer);
    await drained(consumer);
    expect(hec.ledger.distinct).toBe(15);
  });

  it.each([
    ['an unknown CA', (file: string) => ({ serverName: 'hec.example', ...(file === '' && {}) }), 'tls_untrusted'],
    ['another name', (file: string) => ({ caFile: file, serverName: 'other.example' }), 'tls_name_mismatch'],
  ])('holds on %s, and sends no token', async (_name, tlsOf, reason) => {
    const hec = await startServer({ tls: server });
    const consumer = filled();
    const { sink } = startSink(testConfig([hec.url], { tls: tlsOf(fileOf(ca.cert)) }), consumer);
    await until(() => sink.status().state === 'holding', 'it holds');
    expect(sink.status().reason).toBe(reason);
    expect(consumer.counters).toMatchObject({ queued: 15 });
    expect(hec.counters.requests).toMatchObject({ event: 0, health: 0 });
    expect(sink.counters.possibleDuplicates).toBe(0);
  });

  it('is not checked at all only where that is asked for by name', async () => {
    const hec = await startServer({ tls: server });
    const consumer = filled();
    startSink(testConfig([hec.url], { tls: { isInsecure: true } }), consumer);
    await drained(consumer);
  });

  it('holds where the server speaks none', async () => {
    const hec = await startServer();
    const consumer = filled();
    const { sink } = startSink(testConfig([hec.url.replace('http:', 'https:')]), consumer);
    await until(() => sink.status().state === 'holding', 'it holds');
    expect(sink.status().reason).toBe('tls_failed');
  });

  it('refuses a file that is not there before it starts', () => {
    const config = testConfig(['https://127.0.0.1:1'], { tls: { caFile: '/no/such/ca.pem' } });
    expect(() => startSink(config, filled())).toThrow(expect.objectContaining({ code: 'bad_tls' }));
  });
});

describe('a proxy', () => {
  interface Proxy {
    readonly url: string;
    readonly tunnels: string[];
  }

  async function startProxy(password: string | null): Promise<Proxy> {
    const tunnels: string[] = [];
    const server: Server = createServer();
    server.on('connect', (request, socket) => {
      socket.on('error', () => socket.destroy());
      const wanted = `Basic ${Buffer.from(`user:${password}`).toString('base64')}`;
      if (password !== null && request.headers['proxy-authorization'] !== wanted) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
        return;
      }
      tunnels.push(request.url ?? '');
      const [host, port] = (request.url ?? '').split(':');
      const upstream = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on('error', () => socket.destroy());
      onTestFinished(() => {
        upstream.destroy();
      });
    });
    const port = await listenOnLoopback(server, 0);
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return { url: `127.0.0.1:${port}`, tunnels };
  }

  it('is passed through with name and password', async () => {
    const hec = await startServer();
    const proxy = await startProxy('pass word:@');
    const consumer = filled();
    startSink(
      testConfig([hec.url], { proxy: `http://user:${encodeURIComponent('pass word:@')}@${proxy.url}` }),
      consumer,
    );
    await drained(consumer);
    expect(hec.ledger.distinct).toBe(15);
    expect(proxy.tunnels[0]).toBe(new URL(hec.url).host);
  });

  it('that wants another password holds, and the password is told to nobody', async () => {
    const hec = await startServer();
    const proxy = await startProxy('right');
    const consumer = filled();
    const { sink } = startSink(testConfig([hec.url], { proxy: `http://user:wrong-password@${proxy.url}` }), consumer);
    await until(() => sink.status().state === 'holding', 'it holds');
    expect(sink.status().reason).toBe('proxy_auth');
    expect(JSON.stringify(sink.status())).not.toContain('wrong-password');
    expect(hec.counters.requests).toMatchObject({ event: 0, health: 0 });
  });

  it('that is away is waited for', async () => {
    const hec = await startServer();
    const consumer = filled();
    const { sink } = startSink(testConfig([hec.url], { proxy: 'http://127.0.0.1:9' }), consumer);
    await until(() => sink.status().reason === 'connection_refused', 'it backs off');
    expect(sink.status().state).toBe('backing_off');
  });
});

describe('several endpoints', () => {
  it('share the requests by weight, and one of weight 0 stands by', async () => {
    const servers = [await startServer(), await startServer(), await startServer()];
    const consumer = filled(120);
    const config = {
      ...testConfig([], { maxConcurrency: 1 }),
      endpoints: servers.map((server, i) => ({ url: server.url, weight: [3, 1, 0][i] ?? 0 })),
    };
    for (const server of servers) server.faults = { next: () => ({ kind: 'slow', ms: 2 }) };
    startSink(config, consumer);
    await drained(consumer);
    const [a, b, c] = servers.map((server) => server.ledger.distinct);
    expect(a! + b!).toBe(600);
    expect(a).toBeGreaterThanOrEqual(b!);
    expect(c).toBe(0);
  });

  it('take over from one that is away, and it comes back', async () => {
    const [first, second] = [await startServer(), await startServer()];
    const consumer = filled(5);
    const { sink } = startSink(testConfig([first.url, second.url]), consumer);
    await drained(consumer);
    await first.stop();
    for (let i = 0; i < 10; i++) consumer.appendEvents(5);
    await drained(consumer);
    expect(sink.status()).toMatchObject({
      state: 'delivering',
      endpoints: [{ state: 'backing_off' }, { state: 'delivering' }],
    });
    await first.start();
    const before = first.ledger.indexed;
    await until(() => sink.status().endpoints[0]?.state === 'delivering', 'it is back');
    for (let i = 0; i < 10; i++) consumer.appendEvents(5);
    await drained(consumer);
    expect(first.ledger.indexed).toBeGreaterThan(before);
    expect(first.ledger.distinct + second.ledger.distinct).toBeGreaterThanOrEqual(125);
  });

  it('take over at once from one that shuts down, and its health is asked before it gets events again', async () => {
    const [first, second] = [await startServer(), await startServer()];
    first.indexers[0]!.health = 'shuttingDown';
    const consumer = filled(10);
    const { sink } = startSink(testConfig([first.url, second.url]), consumer);
    await drained(consumer);
    expect(first.ledger.indexed).toBe(0);
    expect(sink.status().endpoints[0]).toMatchObject({ state: 'backing_off', reason: 'shutting_down' });
    first.indexers[0]!.health = 'healthy';
    await until(() => sink.status().endpoints[0]?.state === 'delivering', 'it is back');
  });

  it('with one wrong token among them still deliver everything', async () => {
    const [first, second] = [await startServer({ tokens: {} }), await startServer()];
    const consumer = filled(20);
    const { sink } = startSink(testConfig([first.url, second.url]), consumer);
    await drained(consumer);
    expect(second.ledger.distinct).toBe(100);
    expect(sink.status()).toMatchObject({ state: 'delivering', endpoints: [{ state: 'holding' }, {}] });
  });
});

describe('a request', () => {
  it('has a User-Agent, a channel, a length and a type, and goes below the path of the URL', async () => {
    const server = await startAnswerServer(() => null);
    const consumer = filled(1);
    startSink(testConfig([`${server.url}/splunk/services/collector/event/`], { userAgent: 'spanglass/1.2' }), consumer);
    await drained(consumer);
    const event = server.asked.find((one) => one.what === 'event');
    expect(event?.path).toBe('/splunk/services/collector/event');
    expect(event?.headers).toMatchObject({
      'user-agent': 'spanglass/1.2',
      'content-encoding': 'gzip',
      'content-type': 'application/json',
      'x-splunk-request-channel': expect.stringMatching(/^[0-9a-f-]{36}$/),
      authorization: 'Splunk test-token',
    });
    expect(Number(event?.headers['content-length'])).toBeGreaterThan(20);
  });

  it('goes without compression after a 415, with the same events', async () => {
    const server = await startAnswerServer(({ isGzip }) => (isGzip ? { status: 415 } : null));
    const consumer = filled(3);
    startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    expect(server.taken).toHaveLength(15);
    expect(server.asked.filter((one) => one.isGzip).length).toBeLessThanOrEqual(2);
  });

  it('leaves its channel away where the token has no acks and the server minds', async () => {
    const server = await startAnswerServer(({ headers, what }) =>
      what === 'event' && headers['x-splunk-request-channel'] !== undefined
        ? json(400, { text: 'ACK is disabled', code: 14 })
        : null,
    );
    const consumer = filled(3);
    const { sink } = startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    expect(sink.counters.ackUnsupported).toBeGreaterThan(0);
  });

  it('whose answer never ends is given up, and an endless answer fills no memory', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n');
        const pump = setInterval(() => socket.write('x'.repeat(200_000)), 1);
        socket.once('close', () => clearInterval(pump));
      });
    });
    const port = await listenOnLoopback(server, 0);
    onTestFinished(() => {
      server.close();
    });
    const consumer = filled(1);
    const { sink, stop } = startSink(testConfig([`http://127.0.0.1:${port}`]), consumer);
    await until(() => sink.status().reason === 'not_hec', 'it holds');
    await stop();
  });

  it('that is answered with something that is not HTTP is tried again', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
    });
    const port = await listenOnLoopback(server, 0);
    onTestFinished(() => {
      server.close();
    });
    const { sink } = startSink(testConfig([`http://127.0.0.1:${port}`]), filled(1));
    await until(() => sink.status().reason === 'not_http', 'it backs off');
  });
});

describe('a stop', () => {
  it('gives up within its time and leaves the rest in the spool', async () => {
    const server = await startServer();
    server.faults = { next: (kind) => (kind === 'health' ? null : { kind: 'time-out', isTaken: false }) };
    const consumer = filled(3);
    const { sink, stop } = startSink(
      testConfig([server.url], { stopTimeoutMs: 200, requestTimeoutMs: 30_000 }),
      consumer,
    );
    await until(() => server.counters.requests.event > 0, 'a request is under way');
    const beganMs = Date.now();
    await stop();
    expect(Date.now() - beganMs).toBeLessThan(1_500);
    expect(consumer.counters).toMatchObject({ queued: 15 });
    expect(sink.status().state).toBe('stopped');
  });

  it('comes by itself when the spool closes', async () => {
    const server = await startServer();
    const consumer = filled(3);
    const { sink } = startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    consumer.close();
    await until(() => sink.status().state === 'stopped', 'it stops');
  });

  it('and another start deliver what is left', async () => {
    const server = await startServer({ tokens: {} });
    const consumer = filled(10);
    const { stop } = startSink(testConfig([server.url]), consumer);
    await stop();
    expect(consumer.counters).toMatchObject({ queued: 50 });
    server.tokens.set('test-token', {});
    startSink(testConfig([server.url]), consumer);
    await drained(consumer);
    expect(server.ledger.runAccountingSearch()[0]).toMatchObject({ distinct: 50, duplicates: 0 });
  });
});
