import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { countEvents } from '../../bench/count-events.ts';

const folder = mkdtempSync(join(tmpdir(), 'spanglass-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(text: string): string {
  const path = join(folder, 'events.ndjson');
  writeFileSync(path, text);
  return path;
}

const CLEAR = '{"event":{"cert_visibility":"clear"}}\n';
const ENCRYPTED = '{"event":{"cert_visibility":"encrypted_tls13"}}\n';

describe('counting events', () => {
  it('counts lines, and those that show a certificate', () => {
    expect(countEvents(fileOf(CLEAR + ENCRYPTED + CLEAR))).toEqual({ handshakes: 3, chains: 2 });
  });

  it('finds nothing in an empty file', () => {
    expect(countEvents(fileOf(''))).toEqual({ handshakes: 0, chains: 0 });
  });

  it('counts across the ends of its reads, and lines longer than one', () => {
    const long = `{"event":{"pad":"${'x'.repeat(9 * 1024 * 1024)}","cert_visibility":"clear"}}\n`;
    const text = CLEAR.repeat(150_000) + long + ENCRYPTED.repeat(150_000);
    expect(countEvents(fileOf(text))).toEqual({ handshakes: 300_001, chains: 150_001 });
  });

  it('refuses a file that ends within a line', () => {
    expect(() => countEvents(fileOf(`${CLEAR}{"event"`))).toThrow('ends within a line');
  });
});
