import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ExitCode } from '../../src/cli/exit-code.ts';
import { HecServer, type HecServerOptions } from '../support/hec/hec-server.ts';
import { capture, makeFolder, PCAPS, runFake } from './fake-io.ts';
import { readSpool } from './read-spool.ts';

const TOKEN = 'a-token-that-nobody-may-see';
/** Handshakes in `pcaps/`. */
const EVENTS = 41;

interface Site {
  readonly server: HecServer;
  readonly folder: string;
  readonly tokenFile: string;
  readonly spool: string;
  /** Options for a delivery to it. */
  readonly hec: readonly string[];
}

async function startSite(options: HecServerOptions = {}): Promise<Site> {
  const server = new HecServer({ tokens: { [TOKEN]: {} }, ...options });
  await server.start();
  onTestFinished(() => server.stop());
  const folder = makeFolder();
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, `${TOKEN}\n`);
  const spool = join(folder, 'spool');
  const hec = ['--hec', server.url, '--hec-token-file', tokenFile, '--spool', spool];
  return { server, folder, tokenFile, spool, hec };
}

/** The search of docs/operating.md: nothing is missing, nothing is there twice. Health events are a stream of their own. */
function expectWhole({ ledger }: HecServer, events: number, healthEvents = 1): void {
  const rows = ledger.runAccountingSearch();
  expect(rows.map(({ missing, duplicates }) => ({ missing, duplicates }))).toEqual(
    rows.map(() => ({ missing: 0, duplicates: 0 })),
  );
  expect(rows.map(({ firstSeq }) => firstSeq)).toEqual(rows.map(() => 0));
  expect(rows.map(({ distinct }) => distinct).toSorted((a, b) => b - a)).toEqual([events, healthEvents]);
}

function seqOf(line: string): number {
  const { event }: { event: { seq: number } } = JSON.parse(line);
  return event.seq;
}

function readDelivery(file: string): Record<string, unknown> {
  const { delivery }: { delivery: Record<string, unknown> } = JSON.parse(readFileSync(file, 'utf8'));
  return delivery;
}

describe('replay --hec', () => {
  it.each([
    ['acknowledged', true],
    ['accepted', false],
  ] as const)('ends when all is %s', async (word, usesAck) => {
    const site = await startSite({ tokens: { [TOKEN]: { usesAck } } });
    const stats = join(site.folder, 'stats.json');
    const { code, stdout } = await runFake(['replay', PCAPS, ...site.hec, '--stats', stats]);
    expect(code).toBe(ExitCode.Ok);
    expect(stdout).toContain(`41 events = 41 ${word} + 0 in the spool + 0 dropped`);
    expectWhole(site.server, EVENTS);
    expect(readDelivery(stats)).toMatchObject({
      end: 'done',
      emitted: EVENTS,
      acknowledged: EVENTS,
      has_acks: usesAck,
      queued: 0,
      dropped: 0,
      spool_queued: 0,
    });
  });

  it('numbers what passed the filter without gaps, and writes files beside it', async () => {
    const site = await startSite();
    const ndjson = join(site.folder, 'events.ndjson');
    const { code } = await runFake(['replay', PCAPS, ...site.hec, '-f', 'level low', '--ndjson', ndjson]);
    expect(code).toBe(ExitCode.Ok);
    expectWhole(site.server, 24);
    const lines = readFileSync(ndjson, 'utf8').trimEnd().split('\n');
    const seqs = lines.map((line) => seqOf(line));
    expect(seqs).toEqual(Array.from({ length: 24 }, (_, i) => i));
  });

  it('keeps the events and says how to deliver them where the token is wrong; drain delivers them once it is right', async () => {
    const site = await startSite();
    const stats = join(site.folder, 'stats.json');
    site.server.tokens.clear();
    const failed = await runFake(['replay', PCAPS, ...site.hec, '--hec-wait', '1', '--stats', stats]);
    expect(failed.code).toBe(ExitCode.NotDelivered);
    expect(failed.stderr).toContain('delivery to Splunk: on hold, somebody has to mend it: invalid_token');
    expect(failed.stderr).toContain(`41 events wait in the spool ${site.spool} (no progress; on hold`);
    expect(failed.stderr).toContain(`to deliver: spanglass spool drain ${site.hec.join(' ')}\n`);
    expect(readDelivery(stats)).toMatchObject({
      end: 'no_progress',
      state: 'holding',
      emitted: EVENTS,
      queued: EVENTS,
    });
    expect(site.server.ledger.indexed).toBe(0);

    const still = await runFake(['spool', 'drain', ...site.hec, '--hec-wait', '1']);
    expect(still.code).toBe(ExitCode.NotDelivered);
    expect(still.stderr).toContain(
      '42 events still wait in the spool: on hold, somebody has to mend it: invalid_token',
    );

    const status = await runFake(['spool', 'status', '--spool', site.spool]);
    expect(status.stdout).toContain('42 events = 0 delivered + 42 queued + 0 dropped');

    site.server.tokens.set(TOKEN, { usesAck: true });
    const drained = await runFake(['spool', 'drain', ...site.hec]);
    expect(drained).toMatchObject({ code: ExitCode.Ok, stdout: '42 events delivered\n' });
    expectWhole(site.server, EVENTS);
    const { stdout } = await runFake(['spool', 'status', '--json', '--spool', site.spool]);
    const emptied: { sinks: unknown[] } = JSON.parse(stdout);
    expect(emptied.sinks).toMatchObject([{ name: 'hec', emitted: 42, acknowledged: 42, queued: 0, dropped: {} }]);
    expect((await runFake(['spool', 'drain', ...site.hec])).code).toBe(ExitCode.Ok);
  });

  it('ends the wait at Ctrl-C, with all of it in the spool', async () => {
    const site = await startSite();
    await site.server.stop();
    const ctrlC = new AbortController();
    const running = runFake(['replay', PCAPS, ...site.hec], { interrupt: ctrlC.signal });
    setTimeout(() => ctrlC.abort(), 2_000);
    const { code, stderr } = await running;
    expect(code).toBe(ExitCode.NotDelivered);
    expect(stderr).toContain('41 events wait in the spool');
    const events = await readSpool(site.spool);
    expect(events.filter(({ sourcetype }) => sourcetype === 'stream:ssl')).toHaveLength(EVENTS);
  });

  it('tells what the server refuses by name, and where it is', async () => {
    const site = await startSite({ tokens: { [TOKEN]: { indexes: ['main'] } } });
    const { code, stderr } = await runFake(['replay', PCAPS, ...site.hec, '--index', 'other', '--hec-wait', '1']);
    expect(code).toBe(ExitCode.NotDelivered);
    expect(stderr).toContain('41 events wait in the spool');
    expect(stderr).toContain('incorrect_index');
  });

  it('delivers all but the one event that the server refuses, and names the file that has it', async () => {
    const folder = makeFolder();
    const ndjson = join(folder, 'all.ndjson');
    await runFake(['replay', PCAPS, '--ndjson', ndjson]);
    const lengths = readFileSync(ndjson, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => Buffer.byteLength(line) + 1)
      .toSorted((a, b) => b - a);
    expect(lengths[0]).toBeGreaterThan(lengths[1]!);
    const site = await startSite({ maxBodyBytes: lengths[0]! - 1 });
    const stats = join(site.folder, 'stats.json');
    const { code, stdout, stderr } = await runFake(['replay', PCAPS, ...site.hec, '--stats', stats]);
    expect(code).toBe(ExitCode.NotDelivered);
    expect(stdout).toContain('41 events = 40 accepted + 0 in the spool + 1 dropped');
    const quarantine = join(site.folder, 'spool-quarantine.ndjson');
    expect(stderr).toContain(`1 event dropped: quarantined 1; see ${quarantine}`);
    expect(readDelivery(stats)).toMatchObject({ end: 'done', acknowledged: 40, queued: 0, drops: { quarantined: 1 } });
    const held = readFileSync(quarantine, 'utf8').trimEnd().split('\n');
    expect(held).toHaveLength(1);
    expect(held[0]).toContain('"reason":"too_large"');
    expect(site.server.ledger.runAccountingSearch().map(({ distinct }) => distinct)).toContain(40);
  });

  it('stops reading where the spool is full and nothing leaves it, and tells that as no success', async () => {
    const site = await startSite();
    await site.server.stop();
    const config = join(site.folder, 'x.yaml');
    // More than any disk has: so the spool is full from the beginning.
    writeFileSync(config, 'spool: { min_free_disk: 1000000000000000 }\n');
    const stats = join(site.folder, 'stats.json');
    // Some 16 MB of events are let in before the reading is held up.
    const copies = join(site.folder, 'copies');
    for (let n = 0; n < 120; n++) cpSync(PCAPS, join(copies, String(n)), { recursive: true });
    const args = ['replay', copies, ...site.hec, '--hec-wait', '1', '-c', config, '--stats', stats, '-q'];
    const { code, stderr } = await runFake(args);
    expect(code).toBe(ExitCode.NotDelivered);
    expect(stderr).toContain('dropped: not_stored');
    const { captures }: { captures: { found: number; read: number } } = JSON.parse(readFileSync(stats, 'utf8'));
    expect(captures.read).toBeLessThan(captures.found);
    const delivery = readDelivery(stats);
    expect(delivery).toMatchObject({ end: 'spool_full', acknowledged: 0, queued: 0 });
    expect(delivery['dropped']).toBe(delivery['emitted']);
  }, 60_000);

  it('refuses a spool that another process has', async () => {
    const site = await startSite();
    const ctrlC = new AbortController();
    await site.server.stop();
    const first = runFake(['replay', capture('tls13.pcap'), ...site.hec], { interrupt: ctrlC.signal });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { code, stderr } = await runFake(['replay', capture('tls13.pcap'), ...site.hec]);
    ctrlC.abort();
    await first;
    expect(code).toBe(ExitCode.Failed);
    expect(stderr).toContain('is in use by');
    expect(stderr).toContain('--spool DIR names another');
  });

  it('never tells the token', async () => {
    const site = await startSite();
    const stats = join(site.folder, 'stats.json');
    const env = { SPANGLASS_HEC_TOKEN: TOKEN };
    const fromEnv = site.hec.filter((word) => word !== '--hec-token-file' && word !== site.tokenFile);
    site.server.tokens.clear();
    const runs = [
      await runFake(['replay', PCAPS, ...site.hec, '--hec-wait', '1', '--stats', stats]),
      await runFake(['replay', PCAPS, ...fromEnv, '--hec-wait', '1', '--stats', `${stats}.2`], { env }),
      await runFake(['spool', 'drain', ...fromEnv, '--hec-wait', '1'], { env }),
      await runFake(['spool', 'status', '--json', '--spool', site.spool]),
      await runFake(['doctor', '--hec', site.server.url, '--hec-token-file', site.tokenFile]),
    ];
    const told = [
      ...runs.flatMap(({ stdout, stderr }) => [stdout, stderr]),
      readFileSync(stats, 'utf8'),
      readFileSync(`${stats}.2`, 'utf8'),
    ];
    for (const text of told) expect(text).not.toContain(TOKEN);
    expect(JSON.stringify(await readSpool(site.spool))).not.toContain(TOKEN);
  });

  it('takes its settings from a file, and the spool from where state is kept', async () => {
    const site = await startSite();
    const config = join(site.folder, 'x.yaml');
    writeFileSync(
      config,
      `hec: { endpoints: [{ url: "${site.server.url}" }], token_file: ${site.tokenFile} }\nhealth: { interval: 0 }\n`,
    );
    const env = { XDG_STATE_HOME: site.folder };
    expect((await runFake(['replay', PCAPS, '-c', config], { env })).code).toBe(ExitCode.Ok);
    expect(site.server.ledger.runAccountingSearch()).toHaveLength(1);
    const { stdout } = await runFake(['spool', 'status'], { env });
    expect(stdout).toContain(join(site.folder, 'spanglass', 'spool'));
    expect(stdout).toContain('41 events = 41 delivered + 0 queued + 0 dropped');
  });
});

describe('health events', () => {
  it('go the same way, numbered for themselves, while it delivers and at the end', async () => {
    const site = await startSite();
    await site.server.stop();
    const config = join(site.folder, 'x.yaml');
    writeFileSync(config, 'health: { interval: 1 }\nevents: { index: lab }\n');
    await runFake(['replay', PCAPS, ...site.hec, '--hec-wait', '3', '-c', config]);
    const health = (await readSpool(site.spool)).filter(({ sourcetype }) => sourcetype === 'spanglass:health');
    expect(health.length).toBeGreaterThanOrEqual(3);
    expect(health.map(({ event }) => event['seq'])).toEqual(health.map((_, i) => i));
    expect(health.map(({ event }) => event['final'])).toEqual(health.map((_, i) => i === health.length - 1));
    expect(new Set(health.map(({ event }) => event['boot_id'])).size).toBe(1);
    expect(health.at(-1)).toMatchObject({
      index: 'lab',
      event: { emitted: EVENTS, acknowledged: 0, queued: EVENTS, dropped: 0, hec_reason: 'connection_refused' },
    });
    expect(health.at(-1)!.event['run_boot_id']).not.toBe(health.at(-1)!.event['boot_id']);
  });
});

describe('spool', () => {
  it('says where there is none', async () => {
    const nowhere = join(makeFolder(), 'nothing');
    const token = { SPANGLASS_HEC_TOKEN: TOKEN };
    for (const args of [['status'], ['drain', '--hec', 'http://127.0.0.1:9']]) {
      const { code, stderr } = await runFake(['spool', ...args, '--spool', nowhere], { env: token });
      expect(code).toBe(ExitCode.Failed);
      expect(stderr).toContain(`no spool in ${nowhere}`);
    }
  });
});

describe('doctor', () => {
  it('ends with 0 where all is well, and 1 with the cure where not', async () => {
    const site = await startSite({ tokens: { [TOKEN]: { usesAck: true } } });
    const well = await runFake(['doctor', ...site.hec.slice(0, 4)]);
    expect(well.stdout).toContain('token_accepted');
    expect(well.code).toBe(ExitCode.Ok);
    site.server.tokens.clear();
    const ill = await runFake(['doctor', ...site.hec.slice(0, 4), '--read-only']);
    expect(ill.stdout).toContain('(wrong_token)');
    expect(ill.stdout).toContain('Compare the token');
    expect(ill.code).toBe(ExitCode.Failed);
  });
});
