import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildCli, removeBuild, startCli } from '../cli/built-cli.ts';
import { HecServer } from '../support/hec/hec-server.ts';

const TOKEN = 'a1b2c3d4-0000-4000-8000-0000000c0471';
const PCAPS = fileURLToPath(new URL('../../pcaps', import.meta.url));
const hasCurl = spawnSync('curl', ['--version']).status === 0;
const title = hasCurl ? '' : ' (skipped: no curl here)';

describe.skipIf(!hasCurl)(`the NDJSON file, posted with curl${title}`, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'spanglass-curl-'));
  const file = path.join(folder, 'events.ndjson');
  let lines = 0;

  beforeAll(async () => {
    buildCli();
    await startCli('replay', PCAPS, '--ndjson', file).done;
    lines = readFileSync(file, 'utf8').trimEnd().split('\n').length;
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file)));
  });
  afterAll(() => {
    removeBuild();
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['as it is', file, []],
    ['compressed', `${file}.gz`, ['-H', 'Content-Encoding: gzip']],
  ])('is taken whole %s, and the accounting search misses nothing', async (_, body, headers) => {
    const server = new HecServer({ tokens: { [TOKEN]: {} } });
    const url = await server.start();
    try {
      const args = ['-sS', '-H', `Authorization: Splunk ${TOKEN}`, ...headers, '--data-binary', `@${body}`];
      const answer = await curl([...args, `${url}/services/collector/event`]);
      expect(JSON.parse(answer)).toEqual({ text: 'Success', code: 0 });
      expect(lines).toBeGreaterThan(30);
      expect(server.counters.cutShort).toBe(0);
      expect(server.ledger.runAccountingSearch()).toMatchObject([
        { count: lines, distinct: lines, firstSeq: 0, lastSeq: lines - 1, missing: 0, duplicates: 0 },
      ]);
    } finally {
      await server.stop();
    }
  });
});

function curl(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('curl', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}
