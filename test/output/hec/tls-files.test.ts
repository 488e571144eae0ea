/** Certificates that change while the sink runs, with a real TLS server: as cert-manager and others replace them every few weeks. */
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HecError } from '../../../src/output/hec/hec-error.ts';
import { TlsFiles } from '../../../src/output/hec/tls-files.ts';
import { HecServer } from '../../support/hec/hec-server.ts';
import { makeCertificate, type TestCertificate } from '../../support/hec/test-certificates.ts';
import { MemoryConsumer } from './memory-consumer.ts';
import { drained, newFolder, startSink, testConfig, until } from './run-sink.ts';

function makeAuthority(commonName: string): TestCertificate {
  return makeCertificate({ commonName, isCa: true });
}

function makeLeaf(issuer: TestCertificate): TestCertificate {
  return makeCertificate({ commonName: 'splunk', addresses: ['127.0.0.1'], issuer });
}

async function startServer(port: number, tls: { key: string; cert: string; ca?: string }): Promise<HecServer> {
  const server = new HecServer({ port, tls, tokens: { 'test-token': {} } });
  await server.start();
  onTestFinished(() => server.stop());
  return server;
}

/** As secrets are replaced: never half. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

describe('files of TLS', () => {
  it('are read anew when the authority of the server is another one, and what waits is delivered', async () => {
    const folder = newFolder();
    const caFile = path.join(folder, 'ca.pem');
    const [first, second] = [makeAuthority('first'), makeAuthority('second')];
    writeFileSync(caFile, first.cert);
    const before = await startServer(0, makeLeaf(first));
    const consumer = new MemoryConsumer();
    const { sink } = startSink(testConfig([before.url], { tls: { caFile }, holdRetryMs: 60_000 }), consumer);
    consumer.appendEvents(20);
    await drained(consumer);
    await before.stop();

    const after = await startServer(Number(new URL(before.url).port), makeLeaf(second));
    consumer.appendEvents(20);
    await until(() => sink.status().state === 'holding', 'the unknown authority is refused');
    expect(sink.status().reason).toContain('tls');
    expect(after.ledger.indexed).toBe(0);

    replace(caFile, second.cert);
    await drained(consumer);
    expect(after.ledger.distinct).toBe(20);
    expect(sink.status()).toMatchObject({ state: 'delivering', tlsFault: null });
  });

  it('are read anew when our own certificate is another one; a key that is not its own changes nothing', async () => {
    const folder = newFolder();
    const files = { caFile: 'ca.pem', certFile: 'cert.pem', keyFile: 'key.pem' };
    const tls = Object.fromEntries(Object.entries(files).map(([name, file]) => [name, path.join(folder, file)]));
    const { certFile = '', keyFile = '', caFile = '' } = tls;
    const [authority, clients, others] = [makeAuthority('a'), makeAuthority('b'), makeAuthority('c')];
    const [good, bad] = [makeLeaf(clients), makeLeaf(others)];
    writeFileSync(caFile, authority.cert);
    writeFileSync(certFile, bad.cert);
    writeFileSync(keyFile, bad.key);
    const server = await startServer(0, { ...makeLeaf(authority), ca: clients.cert });
    const consumer = new MemoryConsumer();
    const { sink } = startSink(testConfig([server.url], { tls }), consumer);
    consumer.appendEvents(10);
    await until(() => sink.status().reason !== '' && sink.status().reason !== 'starting', 'it is refused');
    expect(server.ledger.indexed).toBe(0);

    replace(certFile, good.cert);
    await until(() => sink.status().tlsFault !== null, 'the pair does not fit');
    expect(sink.status().tlsFault).toContain("files of TLS can't be used");
    replace(keyFile, good.key);
    await drained(consumer);
    expect(server.ledger.distinct).toBe(10);
    expect(sink.status().tlsFault).toBeNull();
  });

  it('stay as they were while one is missing, and are refused at the start', () => {
    const folder = newFolder();
    const caFile = path.join(folder, 'ca.pem');
    expect(() => new TlsFiles({ caFile }, 1_000)).toThrow(HecError);
    writeFileSync(caFile, makeAuthority('a').cert);
    const files = new TlsFiles({ caFile }, 1_000);
    const { ca } = files.options;
    renameSync(caFile, `${caFile}.old`);
    files.read();
    expect(files.fault).toContain('ENOENT');
    expect(files.options.ca).toBe(ca);
    writeFileSync(caFile, 'no certificate');
    files.read();
    expect(files.options.ca).toBe(ca);
    renameSync(`${caFile}.old`, caFile);
    files.read();
    expect(files.fault).toBeNull();
  });
});
