import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { FixedWindow } from '../../src/capture/byte-window.ts';
import { findCaptures } from '../../src/capture/find-captures.ts';
import { openCapture, openCaptureWindow } from '../../src/capture/open-capture.ts';
import { readAll } from './read-all.ts';

const CORPUS = join('..', 'shared', 'corpus', 'pcaps');
const hasCorpus = existsSync(CORPUS);
const hasCapinfos = spawnSync('capinfos', ['--version']).status === 0;
const captures = hasCorpus ? (await findCaptures([CORPUS])).captures : [];

interface Counted {
  readonly packets: number;
  /** On the wire; null where capinfos calls the capture damaged, for then it counts no bytes. */
  readonly bytes: number | null;
}

/** What Wireshark's capinfos counts in each capture, by path. */
function countWithCapinfos(paths: readonly string[]): Map<string, Counted> {
  const options = ['-c', '-d', '-M', '-T', '-r', '-m', '-Q'];
  const { stdout, stderr } = spawnSync('capinfos', [...options, ...paths], { encoding: 'utf8' });
  const counts = new Map<string, Counted>();
  for (const line of stdout.split('\n')) {
    const [path, packets, bytes] = line.split(/,(?=")/).map((field) => field.replaceAll('"', ''));
    if (path !== undefined && packets !== undefined)
      counts.set(path, { packets: Number(packets), bytes: Number(bytes) });
  }
  for (const [, packets, path] of stderr.matchAll(/error occurred after reading (\d+) packets from "(.+)"/g)) {
    counts.set(path!, { packets: Number(packets), bytes: null });
  }
  return counts;
}

describe('the corpus', () => {
  const isPossible = hasCorpus && hasCapinfos;
  const why = isPossible ? '' : ` (skipped: no ${hasCorpus ? 'capinfos command' : CORPUS} here)`;

  it.skipIf(!isPossible)(`opens, and has as many packets and bytes as capinfos counts${why}`, async () => {
    expect(captures.length).toBeGreaterThan(200);
    const counts = countWithCapinfos(captures.map((capture) => capture.path));
    const different: string[] = [];
    for (const { path } of captures) {
      const { packets, fault } = await readAll(await openCapture(path));
      const wireBytes = packets.reduce((sum, packet) => sum + packet.wireLen, 0);
      const want = counts.get(path);
      const isDamaged = want?.bytes === null;
      const isSame =
        packets.length === want?.packets &&
        (isDamaged || wireBytes === want.bytes) &&
        fault?.code === (isDamaged ? 'corrupt' : undefined);
      if (!isSame) different.push(`${path}: ${packets.length} packets, ${wireBytes} bytes, ${fault?.message}`);
    }
    expect(different).toEqual([]);
  });

  const sample = join(CORPUS, 'ja4', 'tls-handshake.pcapng');
  for (const command of ['gzip', 'zstd', 'lz4', 'xz']) {
    const hasCommand = spawnSync(command, ['--version']).status === 0;
    const isPossible = existsSync(sample) && hasCommand;
    const why = isPossible ? '' : ` (skipped: no ${hasCommand ? sample : `${command} command`} here)`;

    it.skipIf(!isPossible)(`has the same packets when ${command} compressed it${why}`, async () => {
      const file = spawnSync(command, ['-c', sample], { maxBuffer: 64_000_000 }).stdout;
      const compressed = await readAll(await openCaptureWindow('test', file.length, new FixedWindow(file)));
      const plain = await readAll(await openCapture(sample));
      expect(plain.packets.length).toBeGreaterThan(0);
      expect(compressed.packets).toEqual(plain.packets);
      expect(compressed.interfaces).toEqual(plain.interfaces);
      expect(compressed.fault).toBeNull();
    });
  }
});
