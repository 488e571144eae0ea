/** The doctor on real interfaces, in namespaces of its own, and what of it needs none. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Check } from '../../src/sensor/check.ts';
import { find } from '../sensor/good-facts.ts';
import { bundleProgram } from '../support/bundled-program.ts';
import { type Namespace, NetworkLab, whyNoLab } from '../support/netns.ts';
import { talk, toPcap } from '../support/talk.ts';
import { runFake } from './fake-io.ts';

const missing = ['tcpreplay', 'setpriv'].find((tool) => spawnSync(tool, ['--version']).error !== undefined);
const reason = whyNoLab() ?? (missing === undefined ? null : `no ${missing} here`);

const FINDING = z.object({
  id: z.string(),
  verdict: z.enum(['ok', 'note', 'warn', 'fail']),
  seen: z.string(),
  cure: z.string().nullable(),
});
const REPORT = z.object({ verdict: z.string(), examined: z.array(z.object({ findings: z.array(FINDING) })).length(1) });

interface Report {
  readonly code: number | null;
  readonly verdict: string;
  readonly findings: readonly Check[];
}

describe.skipIf(reason !== null)(`the doctor on an interface${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  let lab: NetworkLab;
  let space: Namespace;
  let folder: string;
  let program: string;

  beforeAll(async () => {
    program = await bundleProgram('src/cli/main.ts');
    folder = mkdtempSync(join(tmpdir(), 'spanglass-doctor-'));
    lab = new NetworkLab();
    space = lab.namespace('doctor');
    lab.connect({ namespace: space, device: 'a0' }, { namespace: space, device: 'b0' });
  });
  afterAll(() => {
    lab.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs it, and `during` once it listens. */
  async function examine(
    args: readonly string[],
    during: (() => void) | null = null,
    prefix: readonly string[] = [],
  ): Promise<Report> {
    const child = space.start([...prefix, process.execPath, program, 'doctor', '--json', ...args]);
    let stdout = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    if (during !== null) {
      await space.waitForListeners('b0');
      during();
    }
    const code = await ended;
    const { verdict, examined } = REPORT.parse(JSON.parse(stdout));
    return { code, verdict, findings: examined[0]!.findings };
  }

  function send(packets: readonly Uint8Array[]): () => void {
    const file = join(folder, 'talk.pcap');
    writeFileSync(file, toPcap(packets));
    return () => void space.run(['tcpreplay', '-q', '-i', 'a0', '--pps', '2000', file]);
  }

  it('finds a good mirror good', async () => {
    const { code, findings } = await examine(
      ['-i', 'b0', '--seconds', '2'],
      send(talk({ connections: 40, answers: 9 })),
    );
    const verdicts = Object.fromEntries(findings.map(({ id, verdict }) => [id, verdict]));
    expect(verdicts).toMatchObject({
      addon: 'ok',
      cap_net_raw: 'ok',
      ebpf: 'ok',
      link: 'ok',
      promiscuous: 'ok',
      offloads: 'ok',
      address: 'ok',
      traffic: 'ok',
      directions: 'ok',
      duplicates: 'ok',
      tls: 'ok',
      frame_size: 'ok',
      loss: 'ok',
      ring: 'ok',
    });
    expect(find(findings, 'tls').seen).toContain('40 TLS connections');
    expect(code).toBe(0);
  });

  it('finds one direction, duplicates, losses', async () => {
    const oneWay = await examine(
      ['-i', 'b0', '--seconds', '1'],
      send(talk({ connections: 30, answers: 3, isOneWay: true })),
    );
    expect(find(oneWay.findings, 'directions')).toMatchObject({
      verdict: 'fail',
      seen: expect.stringContaining('30 of 30'),
    });
    expect(oneWay.code).toBe(1);

    const twice = talk({ connections: 30, answers: 3 }).flatMap((packet) => [packet, packet]);
    const { findings, verdict } = await examine(['-i', 'b0', '--seconds', '1'], send(twice));
    expect(find(findings, 'duplicates')).toMatchObject({
      verdict: 'warn',
      seen: expect.stringContaining('everything twice'),
    });
    expect(verdict).toBe('warn');

    const lossy = await examine(['-i', 'b0', '--seconds', '1'], send(talk({ connections: 30, answers: 9, lost: [4] })));
    expect(find(lossy.findings, 'loss')).toMatchObject({ verdict: 'warn', seen: expect.stringContaining('10 %') });
  });

  it('finds a silent interface silent, within eight seconds', async () => {
    const beganMs = performance.now();
    const { code, findings } = await examine(['--interface', 'b0']);
    expect(performance.now() - beganMs).toBeLessThan(8_000);
    expect(find(findings, 'traffic')).toMatchObject({
      verdict: 'fail',
      seen: expect.stringContaining('Nothing came in'),
    });
    expect(code).toBe(1);
  }, 20_000);

  it('knows an ordinary port by its broadcasts', async () => {
    const broadcasts = talk({ connections: 1, answers: 3 }).map((packet) => {
      packet.fill(0xff, 0, 6);
      return packet;
    });
    const { findings } = await examine(['-i', 'b0', '--seconds', '1'], send(broadcasts));
    expect(find(findings, 'traffic')).toMatchObject({
      verdict: 'fail',
      seen: expect.stringContaining('ordinary port'),
    });
  });

  it('reads offloads, MTU and addresses, and its cures work', async () => {
    space.run(['ethtool', '-K', 'b0', 'gro', 'on']);
    space.setLink('b0', 'mtu', '1400');
    space.run(['ip', 'address', 'add', '192.0.2.9/32', 'dev', 'b0']);
    const { code, findings } = await examine(['-i', 'b0', '--seconds', '0']);
    const cures = ['gro', 'mtu', 'address'].map((id) => find(findings, id));
    expect(cures.map(({ verdict }) => verdict)).toEqual(['warn', 'warn', 'warn']);
    expect(code).toBe(0);
    expect(find(findings, 'address').seen).toContain('192.0.2.9');

    for (const { cure } of cures)
      space.run(/(ethtool -K|ip link set|ip address flush) [^,]*/.exec(cure!)![0].split(' '));
    const cured = await examine(['-i', 'b0', '--seconds', '0']);
    expect(['offloads', 'mtu', 'address'].map((id) => find(cured.findings, id).verdict)).toEqual(['ok', 'ok', 'ok']);
    space.setLink('b0', 'mtu', '1500');
  });

  it('says that an interface is down, without a carrier, or not there', async () => {
    space.setLink('a0', 'down');
    const unplugged = await examine(['-i', 'b0']);
    expect(find(unplugged.findings, 'link')).toMatchObject({
      verdict: 'fail',
      seen: expect.stringContaining('no carrier'),
    });
    space.setLink('b0', 'down');
    const down = await examine(['-i', 'b0']);
    expect(find(down.findings, 'link')).toMatchObject({ verdict: 'fail', cure: 'ip link set b0 up' });
    expect(find(down.findings, 'traffic')).toMatchObject({ verdict: 'note', seen: expect.stringContaining('is down') });
    for (const device of ['a0', 'b0']) {
      space.setLink(device, 'up');
    }
    for (const device of ['a0', 'b0']) space.waitForCarrier(device);
    const unknown = await examine(['-i', 'bo0']);
    expect(find(unknown.findings, 'interface').cure).toMatch(/^Did you mean b0\? There are lo, .*b0/);
    expect([unplugged.code, down.code, unknown.code]).toEqual([1, 1, 1]);
  });

  it('says without privileges what it lacks, and reads what it may', async () => {
    const { code, findings } = await examine(['-i', 'b0', '--seconds', '1'], null, [
      'setpriv',
      '--bounding-set=-all',
      '--inh-caps=-all',
    ]);
    expect(find(findings, 'cap_net_raw').verdict).toBe('fail');
    expect(find(findings, 'cap_bpf').verdict).toBe('warn');
    expect(find(findings, 'link').verdict).toBe('ok');
    expect(find(findings, 'offloads').verdict).toBe('ok');
    expect(find(findings, 'traffic')).toMatchObject({ verdict: 'note', seen: expect.stringContaining('CAP_NET_RAW') });
    expect(code).toBe(1);
  });
});

describe('the doctor', () => {
  it('wants to know what to examine', async () => {
    const { code, stderr } = await runFake(['doctor', '--seconds', '3']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--seconds is nothing without --interface NAME')]);
  });

  it('refuses a look that is too long', async () => {
    const { code, stderr } = await runFake(['doctor', '-i', 'lo', '--seconds', '601']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('0 to 600')]);
  });
});
