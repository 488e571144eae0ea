import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { connect, createServer as createTcp, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer as createTls } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { Diagnosis, FindingId } from '../../../src/output/hec/diagnosis.ts';
import { type DoctorOptions, diagnoseHec } from '../../../src/output/hec/doctor.ts';
import { HecServer, type HecServerOptions } from '../../support/hec/hec-server.ts';
import { listenOnLoopback } from '../../support/hec/listen.ts';
import { SplunkWeb } from '../../support/hec/splunk-web.ts';
import { makeCertificate, type TestCertificate } from '../../support/hec/test-certificates.ts';

const TOKEN = '0b8e2f4c-1111-4222-8333-944455556666';
/** What is promised. */
const MAX_MS = 5_000;

let folder: string;
let ca: TestCertificate;
let good: TestCertificate;
let caFile: string;
const closers: (() => Promise<void>)[] = [];

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'spanglass-doctor-'));
  ca = makeCertificate({ commonName: 'Doctor Test CA', isCa: true });
  good = makeCertificate({ commonName: 'hec', names: ['localhost'], addresses: ['127.0.0.1'], issuer: ca });
  caFile = path.join(folder, 'ca.pem');
  writeFileSync(caFile, ca.cert);
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function hec(options: HecServerOptions = {}): Promise<HecServer> {
  const server = new HecServer({ tokens: { [TOKEN]: {} }, ...options });
  await server.start();
  closers.push(() => server.stop());
  return server;
}

/** A server that does to each connection what it is told; all connections end with the test. */
async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
  });
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return listenOnLoopback(server, 0);
}

async function diagnose(url: string, more: Partial<DoctorOptions> = {}): Promise<Diagnosis[]> {
  const began = performance.now();
  const found = await diagnoseHec({ url, token: TOKEN, ...more });
  expect(performance.now() - began).toBeLessThan(MAX_MS);
  expect(JSON.stringify(found)).not.toContain(TOKEN);
  return found;
}

/** The findings that are not all right. */
function troubles(found: readonly Diagnosis[]): FindingId[] {
  return found.filter((one) => one.verdict !== 'ok').map((one) => one.id);
}

function sentenceOf(found: readonly Diagnosis[], id: FindingId): string | undefined {
  return found.find((one) => one.id === id)?.sentence;
}

describe('a server that is well', () => {
  it('is told step by step, over TLS with acknowledgements behind a sticky balancer', async () => {
    const server = await hec({ tls: good, tokens: { [TOKEN]: { usesAck: true, indexes: ['tls'] } }, indexers: 2 });
    const found = await diagnose(server.url, { tls: { caFile }, index: 'tls', probeBytes: 4 * 1024 * 1024 });
    expect(found.map((one) => one.id)).toEqual([
      'connected',
      'certificate_trusted',
      'hec_answers',
      'clock_agrees',
      'token_accepted',
      'event_taken',
      'balancer_sticky',
      'ack_works',
      'size_enough',
    ]);
    expect(troubles(found)).toEqual([]);
  });

  it('is written nothing to when it is only to be read', async () => {
    const server = await hec();
    expect(troubles(await diagnose(server.url, { isReadOnly: true }))).toEqual(['no_tls']);
    expect(server.ledger.indexed).toBe(0);
  });

  it('is found under a path that a proxy puts before it', async () => {
    const server = await hec();
    expect(troubles(await diagnose(`${server.url}/services/collector/event`))).toEqual(['no_tls', 'ack_disabled']);
  });
});

describe('the way to the server', () => {
  it('names what is no URL', async () => {
    expect(troubles(await diagnose('splunk:8088'))).toEqual(['bad_url']);
    expect(troubles(await diagnose('not a url'))).toEqual(['bad_url']);
  });

  it('names a host that is unknown', async () => {
    // A label longer than 63 octets is no name: the resolver says so without asking anybody.
    expect(troubles(await diagnose(`https://${'a'.repeat(64)}.invalid:8088`))).toEqual(['unknown_host']);
  });

  it('names a connection that is refused', async () => {
    const server = await hec();
    const { url } = server;
    await server.stop();
    expect(troubles(await diagnose(url))).toEqual(['refused']);
  });

  it('names a connection that does not come about', async () => {
    const deaf = await listenDeaf();
    try {
      expect(troubles(await diagnose(`https://127.0.0.1:${deaf.port}`))).toEqual(['connect_timeout']);
    } finally {
      await deaf.end();
    }
  });

  it('names a server that never answers', async () => {
    const port = await listen(createTcp());
    expect(troubles(await diagnose(`https://127.0.0.1:${port}`))).toEqual(['tls_timeout']);
    expect(troubles(await diagnose(`http://127.0.0.1:${port}`))).toEqual(['answer_timeout']);
  });

  it('names a server that speaks something else', async () => {
    const port = await listen(createTcp((socket) => socket.write('220 mail.example.com ESMTP\r\n')));
    expect(troubles(await diagnose(`http://127.0.0.1:${port}`))).toEqual(['not_http']);
  });

  it('names a server that hangs up', async () => {
    const port = await listen(createTcp((socket) => socket.resetAndDestroy()));
    expect(troubles(await diagnose(`http://127.0.0.1:${port}`))).toEqual(['connection_lost']);
  });
});

describe('TLS', () => {
  const certified = async (cert: TestCertificate, more: Partial<DoctorOptions> = {}) =>
    diagnose((await hec({ tls: cert })).url, more);

  it('names http where there is https', async () => {
    const server = await hec({ tls: good });
    expect(troubles(await diagnose(server.url.replace('https', 'http')))).toEqual(['http_for_https']);
  });

  it('names http where a balancer sends us to https', async () => {
    const port = await listen(
      createHttp((_, response) => response.writeHead(301, { location: 'https://127.0.0.1/' }).end()),
    );
    expect(troubles(await diagnose(`http://127.0.0.1:${port}`))).toContain('http_for_https');
  });

  it('names https where there is http', async () => {
    const server = await hec();
    expect(troubles(await diagnose(server.url.replace('http', 'https')))).toEqual(['https_for_http']);
  });

  it('names a certificate that is self-signed', async () => {
    const cert = makeCertificate({ commonName: 'SplunkServerDefaultCert', addresses: ['127.0.0.1'] });
    expect(troubles(await certified(cert))).toEqual(['self_signed']);
  });

  it('names a CA that is unknown', async () => {
    expect(troubles(await certified(good))).toEqual(['unknown_ca']);
  });

  it('names a certificate for another name, and says for which', async () => {
    const cert = makeCertificate({ commonName: 'x', names: ['splunk.example.com'], issuer: ca });
    const found = await certified(cert, { tls: { caFile } });
    expect(troubles(found)).toEqual(['name_mismatch']);
    expect(sentenceOf(found, 'name_mismatch')).toContain('splunk.example.com');
    expect(troubles(await certified(cert, { tls: { caFile, serverName: 'splunk.example.com' } }))).toEqual([
      'ack_disabled',
    ]);
  });

  it('names a certificate that has expired, or is not yet valid', async () => {
    const old = makeCertificate({
      commonName: 'x',
      addresses: ['127.0.0.1'],
      validFromDays: -9,
      validToDays: -2,
      issuer: ca,
    });
    expect(troubles(await certified(old, { tls: { caFile } }))).toEqual(['certificate_expired']);
    const young = makeCertificate({ commonName: 'x', addresses: ['127.0.0.1'], validFromDays: 2, issuer: ca });
    expect(troubles(await certified(young, { tls: { caFile } }))).toEqual(['certificate_not_yet_valid']);
  });

  it('names all that is wrong with a certificate, and sends no token', async () => {
    const server = await hec({
      tls: makeCertificate({ commonName: 'x', names: ['other.example.com'] }),
    });
    expect(troubles(await diagnose(server.url))).toEqual(['self_signed', 'name_mismatch']);
    expect(server.counters.requests).toEqual({ event: 0, ack: 0, health: 0, other: 0 });
  });

  it('warns when nobody checks the certificate, and says what would be found', async () => {
    const found = await certified(good, { tls: { isInsecure: true } });
    expect(troubles(found)).toEqual(['insecure', 'ack_disabled']);
    expect(sentenceOf(found, 'insecure')).toContain('unknown_ca');
  });

  it('names a certificate that the server wants from us, and goes on with it', async () => {
    const server = await hec({ tls: { ...good, ca: ca.cert } });
    expect(troubles(await diagnose(server.url, { tls: { caFile } }))).toEqual(['client_certificate_required']);
    const ours = makeCertificate({ commonName: 'sensor', issuer: ca });
    const [certFile, keyFile] = [path.join(folder, 'sensor.pem'), path.join(folder, 'sensor.key')];
    writeFileSync(certFile, ours.cert);
    writeFileSync(keyFile, ours.key);
    expect(troubles(await diagnose(server.url, { tls: { caFile, certFile, keyFile } }))).toEqual(['ack_disabled']);
  });

  it('names a TLS version that the other side does not have', async () => {
    const port = await listen(createTls({ ...good, maxVersion: 'TLSv1.2' }, (socket) => socket.destroy()));
    const found = await diagnose(`https://127.0.0.1:${port}`, { tls: { caFile, minVersion: 'TLSv1.3' } });
    expect(troubles(found)).toEqual(['tls_failed']);
  });

  it('names a file that is not there', async () => {
    expect(troubles(await certified(good, { tls: { caFile: '/nowhere/ca.pem' } }))).toEqual(['tls_failed']);
  });
});

describe('what answers', () => {
  it.each(['redirect', 'login'] as const)(
    'names port 8000 in place of 8088, with http and https (%s)',
    async (manner) => {
      const web = new SplunkWeb(manner);
      const url = await web.start();
      closers.push(() => web.stop());
      const found = await diagnose(url);
      expect(troubles(found)).toEqual(['no_tls', 'splunk_web']);
      expect(found.at(-1)?.cure).toContain('8088');
      expect(troubles(await diagnose(url.replace('http', 'https')))).toEqual(['splunk_web']);
    },
  );

  it('names a path that is wrong', async () => {
    const server = await hec();
    expect(troubles(await diagnose(`${server.url}/splunk`))).toEqual(['no_tls', 'wrong_path']);
    expect(server.counters.requests.event).toBe(0);
  });

  it('names what is not HEC', async () => {
    const port = await listen(createHttp((_, response) => response.writeHead(418).end('a teapot')));
    expect(troubles(await diagnose(`http://127.0.0.1:${port}`))).toEqual(['no_tls', 'not_hec']);
  });

  it('says that HEC is not well', async () => {
    const server = await hec();
    server.indexers[0]!.health = 'queuesFull';
    expect(troubles(await diagnose(server.url, { isReadOnly: true }))).toEqual(['no_tls', 'unhealthy', 'unhealthy']);
  });

  it.each([
    ['ahead of', 3_600_000],
    ['behind', -120_000],
  ])('names a clock that is %s ours', async (words, clockSkewMs) => {
    const server = await hec({ clockSkewMs });
    const found = await diagnose(server.url, { isReadOnly: true });
    expect(troubles(found)).toEqual(['no_tls', 'clock_skew']);
    expect(sentenceOf(found, 'clock_skew')).toContain(words);
  });
});

describe('token and index', () => {
  it('names a token that is unknown', async () => {
    const server = await hec({ tokens: { other: {} } });
    expect(troubles(await diagnose(server.url))).toEqual(['no_tls', 'wrong_token']);
  });

  it('names a token that is disabled, and one that is not there', async () => {
    const server = await hec({ tokens: { [TOKEN]: { isEnabled: false } } });
    expect(troubles(await diagnose(server.url))).toEqual(['no_tls', 'disabled_token']);
    expect(troubles(await diagnoseHec({ url: server.url, token: '' }))).toEqual(['no_tls', 'token_missing']);
  });

  it('names an index that is not allowed', async () => {
    const server = await hec({ tokens: { [TOKEN]: { indexes: ['main'] } } });
    const found = await diagnose(server.url, { index: 'tls' });
    expect(troubles(found)).toEqual(['no_tls', 'index_not_allowed']);
    expect(sentenceOf(found, 'index_not_allowed')).toContain('tls');
  });

  it('leaves no token in what a server echoes', async () => {
    const port = await listen(
      createHttp((request, response) => {
        const body = { text: `who is ${request.headers.authorization}`, code: request.method === 'GET' ? 17 : 99 };
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      }),
    );
    const found = await diagnose(`http://127.0.0.1:${port}`);
    expect(troubles(found)).toEqual(['no_tls', 'token_unclear']);
    expect(sentenceOf(found, 'token_unclear')).toContain('[redacted]');
  });
});

describe('acknowledgements', () => {
  const ackTokens = { [TOKEN]: { usesAck: true } };

  it('names a token that wants a channel where we are told to do without', async () => {
    const server = await hec({ tokens: ackTokens });
    expect(troubles(await diagnose(server.url, { usesAck: false }))).toEqual(['no_tls', 'ack_without_channel']);
  });

  it('says that a token has none', async () => {
    const server = await hec();
    expect(troubles(await diagnose(server.url))).toEqual(['no_tls', 'ack_disabled']);
  });

  it('names a load balancer that is not sticky', async () => {
    const server = await hec({ tokens: ackTokens, indexers: 2, isSticky: false });
    expect(troubles(await diagnose(server.url))).toEqual(['no_tls', 'not_sticky']);
  });

  it('does not take one that is slow for one that is broken', async () => {
    const server = await hec({ tokens: ackTokens, indexDelayMs: 30_000 });
    const found = await diagnose(server.url);
    expect(troubles(found)).toEqual(['no_tls']);
    expect(found.map((one) => one.id)).toContain('ack_pending');
  });
});

describe('the cap on a request', () => {
  it.each(['enterprise', 'cloud'] as const)('is found when it is below a batch (%s)', async (sizeMode) => {
    const server = await hec({ maxBodyBytes: 500_000, sizeMode });
    const found = await diagnose(server.url, { probeBytes: 8 * 1024 * 1024 });
    expect(troubles(found)).toEqual(['no_tls', 'ack_disabled', 'size_cap']);
  });

  it('is told when it is large enough', async () => {
    const server = await hec({ maxBodyBytes: 5_000_000, sizeMode: 'cloud' });
    const found = await diagnose(server.url, { probeBytes: 8 * 1024 * 1024 });
    expect(troubles(found)).toEqual(['no_tls', 'ack_disabled']);
    expect(sentenceOf(found, 'size_limit')).toContain('takes 4194304');
  });
});

describe('a proxy', () => {
  /** An HTTP proxy that answers CONNECT with this status, or with a tunnel. */
  const proxy = async (status: 200 | 407 | 502): Promise<string> => {
    const server = createHttp();
    server.on('connect', (request, socket: Socket) => {
      socket.on('error', () => socket.destroy());
      if (status !== 200) {
        socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
        return;
      }
      const [host, port] = (request.url ?? '').split(':');
      const onward = createTcpTo(Number(port), host ?? '');
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    return `http://user:secret-word@127.0.0.1:${await listen(server)}`;
  };

  it('is gone through, with TLS and without', async () => {
    const url = await proxy(200);
    expect(troubles(await diagnose((await hec()).url, { proxy: url }))).toEqual(['no_tls', 'ack_disabled']);
    const secure = await hec({ tls: good });
    expect(troubles(await diagnose(secure.url, { proxy: url, tls: { caFile } }))).toEqual(['ack_disabled']);
  });

  it('is named when it wants a password, and keeps ours to itself', async () => {
    const found = await diagnose('https://127.0.0.1:8088', { proxy: await proxy(407) });
    expect(troubles(found)).toEqual(['proxy_auth']);
    expect(JSON.stringify(found)).not.toContain('secret-word');
  });

  it('is named when it does not connect us', async () => {
    expect(troubles(await diagnose('https://127.0.0.1:8088', { proxy: await proxy(502) }))).toEqual(['proxy_refused']);
  });

  it('is named when it is not there', async () => {
    const server = createTcp();
    const port = await listenOnLoopback(server, 0);
    await new Promise((resolve) => {
      server.close(resolve);
    });
    const found = await diagnose('https://127.0.0.1:8088', { proxy: `http://127.0.0.1:${port}` });
    expect(troubles(found)).toEqual(['proxy_unreachable']);
  });
});

/** A listener whose backlog is full and that accepts nobody: the kernel drops the SYNs of the next. */
async function listenDeaf(): Promise<{ port: number; end(): Promise<void> }> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const server = require('node:net').createServer();
     server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20_000), 50);
     });`,
    { eval: true },
  );
  const port = await new Promise<number>((resolve) => {
    worker.once('message', resolve);
  });
  await new Promise((resolve) => setTimeout(resolve, 150));
  const fillers = Array.from({ length: 4 }, () => createTcpTo(port, '127.0.0.1'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  return {
    port,
    async end() {
      for (const filler of fillers) filler.destroy();
      await worker.terminate();
    },
  };
}

function createTcpTo(port: number, host: string): Socket {
  const socket = connect(port, host);
  socket.on('error', () => socket.destroy());
  return socket;
}
