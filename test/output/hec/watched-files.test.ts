import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { WatchedFiles } from '../../../src/output/hec/watched-files.ts';
import { waitUntil } from '../../support/netns.ts';

/** No look at intervals within a test. */
const NEVER_MS = 3_600_000;
/** Longer than notices are gathered for. */
const SETTLE_MS = 600;

describe('files that are watched', () => {
  let folder: string;
  let token: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'spanglass-watch-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    token = path.join(folder, 'token');
  });

  /** Counts its looks. */
  function watchToken(pollMs = NEVER_MS): { looks: number } {
    const counted = { looks: 0 };
    const watched = new WatchedFiles([token], pollMs, () => {
      counted.looks += 1;
    });
    onTestFinished(() => watched.close());
    return counted;
  }

  it('are not looked at for what goes on beside them', async () => {
    writeFileSync(token, 'one');
    const counted = watchToken();
    const endMs = performance.now() + SETTLE_MS;
    for (let n = 0; performance.now() < endMs; n++) {
      writeFileSync(path.join(folder, `other-${n % 10}`), String(n));
      if (n % 100 === 0) await sleep(1);
    }
    await sleep(SETTLE_MS);
    expect(counted.looks).toBe(0);
    writeFileSync(token, 'two');
    await waitUntil(() => counted.looks > 0, 'a look');
  });

  it('are looked at a few times a second, however often they are written', async () => {
    const counted = watchToken();
    const startMs = performance.now();
    while (performance.now() < startMs + 1000) {
      writeFileSync(token, 'again');
      await sleep(1);
    }
    await sleep(SETTLE_MS);
    expect(counted.looks).toBeGreaterThan(0);
    expect(counted.looks).toBeLessThanOrEqual(6);
  });

  it('are looked at when they are replaced by renaming', async () => {
    writeFileSync(token, 'one');
    const counted = watchToken();
    writeFileSync(`${token}.new`, 'two');
    renameSync(`${token}.new`, token);
    await waitUntil(() => counted.looks === 1, 'a look');
  });

  it.skipIf(process.platform === 'win32')(
    'are looked at each time that Kubernetes turns the link to their folder',
    async () => {
      const publish = (version: string): void => {
        mkdirSync(path.join(folder, version));
        writeFileSync(path.join(folder, version, 'token'), version);
        symlinkSync(version, path.join(folder, '..data_tmp'));
        renameSync(path.join(folder, '..data_tmp'), path.join(folder, '..data'));
      };
      publish('..v1');
      symlinkSync(path.join('..data', 'token'), token);
      const counted = watchToken();
      publish('..v2');
      await waitUntil(() => counted.looks === 1, 'a look at the second');
      publish('..v3');
      await waitUntil(() => counted.looks === 2, 'a look at the third');
      rmSync(path.join(folder, '..v1'), { recursive: true });
      await sleep(SETTLE_MS);
      expect(counted.looks).toBe(2);
      // In its own folder, which is another one by now.
      writeFileSync(path.join(folder, '..v3', 'token'), 'in place');
      await waitUntil(() => counted.looks === 3, 'a look at what was written in place');
    },
  );

  it('are looked at when their folder comes, and where a link leads nowhere or in a circle', async () => {
    token = path.join(folder, 'later', 'token');
    const counted = watchToken();
    mkdirSync(path.join(folder, 'later'));
    await waitUntil(() => counted.looks === 1, 'a look at the folder');
    writeFileSync(token, 'one');
    await waitUntil(() => counted.looks === 2, 'a look at the file');
    symlinkSync('b', path.join(folder, 'a'));
    symlinkSync('a', path.join(folder, 'b'));
    token = path.join(folder, 'a', 'token');
    const inCircle = watchToken();
    rmSync(path.join(folder, 'b'));
    await waitUntil(() => inCircle.looks === 1, 'a look at the end of the circle');
  });

  it('are looked at every now and then, without any notice', async () => {
    const counted = watchToken(20);
    await waitUntil(() => counted.looks >= 3, 'three looks');
  });
});
