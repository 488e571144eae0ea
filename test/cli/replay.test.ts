import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ExitCode } from '../../src/cli/exit-code.ts';
import { capture, makeFolder, PCAPS, runFake } from './fake-io.ts';

const SELF_SIGNED = capture('self-signed-localhost.pcap');
const ESCAPE = '\u001b';

const STATS = z.looseObject({
  interrupted: z.boolean(),
  captures: z.looseObject({ found: z.number(), read: z.number(), damaged: z.number(), failed: z.number() }),
  packets: z.looseObject({
    received: z.number(),
    decoded: z.number(),
    dropped: z.number(),
    drops: z.record(z.string(), z.number()),
    tcp: z.number(),
    udp: z.number(),
  }),
  flows: z.record(z.string(), z.number()),
  handshakes: z.looseObject({
    total: z.number(),
    by_version: z.record(z.string(), z.number()),
    by_visibility: z.record(z.string(), z.number()),
    by_level: z.record(z.string(), z.number()),
  }),
  certificates: z.looseObject({ seen: z.number(), distinct: z.number() }),
  events: z.looseObject({
    kept: z.number(),
    below_min_risk: z.number(),
    filtered: z.number(),
    ndjson: z.number(),
    protobuf: z.number(),
    findings: z.number(),
  }),
});

async function statsOf(...args: string[]): Promise<z.infer<typeof STATS>> {
  const file = join(makeFolder(), 'stats.json');
  await runFake(['replay', '--quiet', '--stats', file, ...args]);
  return STATS.parse(JSON.parse(readFileSync(file, 'utf8')));
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((a, b) => a + b, 0);
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean);
}

describe('replay without a terminal', () => {
  it('shows a finding as one line of key=value, then the summary', async () => {
    const { code, stdout, stderr } = await runFake(['replay', SELF_SIGNED]);
    expect(code).toBe(ExitCode.Ok);
    expect(stderr).toBe('');
    expect(stdout.split('\n')[0]).toBe(
      'time=2026-11-09T11:30:01.136751Z level=High score=5 client=192.0.2.96:53710 server=198.51.100.96:443 ' +
        'sni="localhost" subject="CN=localhost" issuer="CN=localhost" ' +
        `why="the certificate's own key verifies its signature; CN=localhost is a placeholder name"`,
    );
    expect(stdout).toContain('\n1 capture read\n');
    expect(stdout).toContain('packets       27 = 27 decoded + 0 dropped\n');
    expect(stdout).toContain('findings      1: High 1\n');
  });

  it('writes no escape', async () => {
    const { stdout, stderr } = await runFake(['replay', PCAPS]);
    expect(stdout + stderr).not.toContain(ESCAPE);
    expect(stdout + stderr).not.toContain('\r');
  });

  it('says nothing with --quiet but what went wrong', async () => {
    expect(await runFake(['replay', '--quiet', SELF_SIGNED])).toEqual({ code: ExitCode.Ok, stdout: '', stderr: '' });
    const { code, stdout, stderr } = await runFake(['replay', '-q', SELF_SIGNED, 'nowhere.pcap']);
    expect({ code, stdout, stderr }).toEqual({
      code: ExitCode.CaptureFailed,
      stdout: '',
      stderr: 'spanglass: nowhere.pcap: no such file or folder\n',
    });
  });
});

describe('replay on a terminal', () => {
  it.each([60, 80, 100, 140, 200])('fits the table into %i columns', async (columns) => {
    const { stdout } = await runFake(['replay', SELF_SIGNED], { columns, env: { NO_COLOR: '1' } });
    const [header, row, why] = stdout.split('\n');
    for (const title of ['CLIENT', 'SERVER', 'SNI', 'SUBJECT', 'ISSUER', 'SCORE', 'LEVEL'])
      expect(header).toContain(title);
    expect(row).toContain('High');
    for (const line of [header, row, why]) expect(line!.length).toBeLessThanOrEqual(columns);
    expect(stdout).toContain("the certificate's");
  });

  it('paints levels, unless NO_COLOR is set or the terminal is dumb', async () => {
    expect((await runFake(['replay', SELF_SIGNED], { columns: 100 })).stdout).toContain(`${ESCAPE}[31mHigh`);
    expect((await runFake(['replay', SELF_SIGNED], { columns: 100, env: { NO_COLOR: '' } })).stdout).toContain(ESCAPE);
    expect((await runFake(['replay', SELF_SIGNED], { columns: 100, env: { NO_COLOR: '1' } })).stdout).not.toContain(
      ESCAPE,
    );
    const dumb = await runFake(['replay', SELF_SIGNED], { columns: 100, env: { TERM: 'dumb' } });
    expect(dumb.stdout + dumb.stderr).not.toContain(ESCAPE);
    expect(dumb.stdout).toMatch(/^time=/);
  });
});

describe('replay to files', () => {
  it('writes one envelope a line, and says so', async () => {
    const file = join(makeFolder(), 'new/folder/events.ndjson');
    const { code, stdout } = await runFake(['replay', SELF_SIGNED, capture('tls13.pcap'), '--ndjson', file]);
    expect(code).toBe(ExitCode.Ok);
    expect(stdout).toContain(`written       2 events to ${file}\n`);
    const [first] = linesOf(file).map((line) => JSON.parse(line));
    expect(first).toMatchObject({
      sourcetype: 'stream:ssl',
      event: { ssl_subject: 'CN=localhost', CertRiskScore: 5, seq: 0, capture_file: SELF_SIGNED },
    });
    expect(linesOf(file)).toHaveLength(2);
  });

  it('writes the names, hashes and envelope that were asked for', async () => {
    const file = join(makeFolder(), 'events.ndjson');
    const args = ['--profile', 'cisco:asa', '--source', 'lab', '--index', 'network', '--sensor', 'span-7'];
    await runFake(['replay', SELF_SIGNED, '--ndjson', file, ...args, '--hash-case=upper', '--no-community-id']);
    const event = JSON.parse(linesOf(file)[0]!);
    expect(event).toMatchObject({ host: 'span-7', source: 'lab', index: 'network', sourcetype: 'cisco:asa' });
    expect(event.event).toMatchObject({ ssl_cn: 'CN=localhost', sensor: 'span-7' });
    expect(event.event.ssl_hash).toMatch(/^[0-9A-F]{40}$/);
    expect(event.event).not.toHaveProperty('community_id');
  });

  it('writes protobuf messages, each behind its length', async () => {
    const file = join(makeFolder(), 'events.pb');
    await runFake(['replay', SELF_SIGNED, '--protobuf', file]);
    const bytes = readFileSync(file);
    expect(((bytes[1]! << 7) | (bytes[0]! & 0x7f)) + 2).toBe(bytes.length);
  });

  it('keeps only what passes the filter and the least risk', async () => {
    const all = await statsOf(PCAPS);
    const high = await statsOf(PCAPS, '--min-risk', '5');
    expect(high.events).toMatchObject({ kept: 2, filtered: 0, below_min_risk: all.handshakes.total - 2, findings: 2 });
    const some = await statsOf(PCAPS, '-f', 'version TLSv1.3', '--min-risk', '1');
    expect(some.events.kept).toBe(0);
    expect(some.events.below_min_risk).toBe(all.handshakes.by_version['TLSv1.3']);
    expect(some.handshakes).toEqual(all.handshakes);
  });

  it('scores as the published search does when asked to', async () => {
    const port993 = ['-f', 'port 993', capture('tls11-rsa.pcap')];
    expect((await statsOf(...port993)).events.findings).toBe(1);
    expect((await statsOf('--scoring', 'faithful', ...port993)).events.findings).toBe(0);
  });

  it('says which output can not be written', async () => {
    const folder = makeFolder();
    const { code, stderr } = await runFake(['replay', SELF_SIGNED, '--ndjson', folder]);
    expect(code).toBe(ExitCode.Failed);
    expect(stderr).toBe(`spanglass: can't write ${folder}: it is a folder\n`);
  });

  it('never overwrites a capture that it is to read', async () => {
    const file = join(makeFolder(), 'day.pcap');
    copyFileSync(SELF_SIGNED, file);
    const { code, stderr } = await runFake(['replay', file, '--ndjson', file]);
    expect(code).toBe(ExitCode.Usage);
    expect(stderr).toContain('would overwrite the capture');
    expect(readFileSync(file)).toEqual(readFileSync(SELF_SIGNED));
  });
});

describe('the counters', () => {
  it('add up', async () => {
    const { captures, packets, flows, handshakes, events, certificates } = await statsOf(PCAPS);
    expect(captures).toMatchObject({ found: 30, read: 30, damaged: 0, failed: 0, other_files: 2 });
    expect(packets.received).toBe(packets.decoded + packets.dropped);
    expect(packets.dropped).toBe(sum(packets.drops));
    expect(packets.decoded).toBe(packets.tcp + packets.udp);
    const { total, closed, reset, reused, idle, evicted, never_spoke, open_at_end } = flows;
    expect(total).toBe(closed! + reset! + reused! + idle! + evicted! + never_spoke! + open_at_end!);
    expect(open_at_end).toBeGreaterThanOrEqual(0);
    expect(handshakes.total).toBe(events.kept + events.below_min_risk + events.filtered);
    for (const counts of [handshakes.by_version, handshakes.by_visibility, handshakes.by_level]) {
      expect(sum(counts)).toBe(handshakes.total);
    }
    expect(certificates.distinct).toBeLessThanOrEqual(certificates.seen);
  });
});

describe('captures that can not be read', () => {
  it('are told, and the others are read', async () => {
    const folder = makeFolder();
    copyFileSync(SELF_SIGNED, join(folder, '1-good.pcap'));
    writeFileSync(join(folder, '2-text.pcap'), '# Captures\n\nSmall captures.\n');
    writeFileSync(join(folder, '3-empty.pcap'), '');
    copyFileSync(capture('tls13.pcap'), join(folder, '4-cut.pcap'));
    truncateSync(join(folder, '4-cut.pcap'), 3000);
    copyFileSync(capture('wildcard.pcap'), join(folder, '5-good.pcap'));
    const { code, stdout, stderr } = await runFake(['replay', folder]);
    expect(code).toBe(ExitCode.CaptureFailed);
    const [text, empty, cut] = stderr.split('\n');
    expect(text).toContain('2-text.pcap: not a packet capture');
    expect(empty).toContain('3-empty.pcap: empty');
    expect(cut).toMatch(/4-cut\.pcap: .+; \d+ packets were read$/);
    expect(stdout).toContain('3 captures read, 1 damaged, 2 failed');
    expect(stdout).toContain('subject="CN=*.apps.example.com');
  });

  it.each([
    ['a file that is no capture', ['package.json'], 'package.json: not a packet capture'],
    ['a file that is not there', ['nowhere.pcap'], 'nowhere.pcap: no such file or folder'],
    ['a folder without captures', ['docs'], 'docs: no capture in this folder'],
  ])('%s alone leaves no summary', async (_what, args, refusal) => {
    const { code, stdout, stderr } = await runFake(['replay', ...args]);
    expect(code).toBe(ExitCode.CaptureFailed);
    expect(stdout).toBe('');
    expect(stderr).toContain(`spanglass: ${refusal}`);
  });

  it('shows no control character of a name', async () => {
    const folder = join(makeFolder(), 'evil\u001b[2J');
    mkdirSync(folder);
    copyFileSync(SELF_SIGNED, join(folder, 'x.pcap'));
    truncateSync(join(folder, 'x.pcap'), 2000);
    const { stdout, stderr } = await runFake(['replay', folder, '--ndjson', join(folder, 'out.ndjson')]);
    expect(stdout + stderr).not.toContain(ESCAPE);
    expect(stderr).toContain('evil\\u{1b}[2J');
  });
});

describe('an interrupted replay', () => {
  it('shows its summary and ends with 130', async () => {
    const { code, stdout } = await runFake(['replay', PCAPS], { interrupt: AbortSignal.abort() });
    expect(code).toBe(ExitCode.Interrupted);
    expect(stdout).toBe('');
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 1);
    const args = Array.from({ length: 50 }, () => `${PCAPS}*.pcap`);
    const { code: later } = await runFake(['replay', ...args], { interrupt: controller.signal });
    expect(later).toBe(ExitCode.Interrupted);
  });
});
