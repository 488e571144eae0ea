/**
 * Our own captures in, events out. What must come out is in `pcaps/expected.json`, which the tool writes that makes the captures, and
 * in whole in a file per capture beside this test. After a change that is meant to change events:
 *
 *     UPDATE_GOLDEN=1 npx vitest run test/golden && git diff test/golden
 *
 * `stable-event.ts` says which values are left out, so that new captures need no new files.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PCAPS } from '../cli/fake-io.ts';
import { replay } from './replayed-events.ts';
import { toStable } from './stable-event.ts';

type Expectation = Record<string, unknown>;

const FOLDER = import.meta.dirname;
const ROOT = path.join(FOLDER, '../..');
const isUpdate = process.env['UPDATE_GOLDEN'] === '1';

const expected = new Map<string, readonly Expectation[]>(
  Object.entries(JSON.parse(readFileSync(path.join(PCAPS, 'expected.json'), 'utf8'))),
);
const captures = readdirSync(PCAPS).filter((name) => /\.pcap(?:ng)?$/.test(name));

function goldenPath(capture: string): string {
  return path.join(FOLDER, `${path.parse(capture).name}.json`);
}

function goldenFiles(): string[] {
  return readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
}

if (isUpdate) {
  for (const name of goldenFiles()) rmSync(path.join(FOLDER, name));
  afterAll(() => {
    const { status, stderr } = spawnSync('npx', ['biome', 'format', '--write', FOLDER], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`the new files could not be formatted: ${stderr}`);
  });
}

describe('our own captures', () => {
  it('are those that expected.json describes', () => {
    expect(captures.toSorted()).toEqual([...expected.keys()].toSorted());
    expect(captures.length).toBeGreaterThanOrEqual(30);
  });

  it.each(captures)('%s gives the events that it was made for', async (capture) => {
    const { envelopes } = await replay(path.join(PCAPS, capture));
    const wanted = expected.get(capture)!;
    const fields = Object.keys(wanted[0] ?? {});
    // Of two connections at a time, either may end first.
    expect(sort(envelopes.map(({ event }) => pick(event, fields)))).toEqual(sort(wanted));
  });

  it.skipIf(isUpdate)('have one golden file each', () => {
    expect(goldenFiles().toSorted()).toEqual(captures.map((name) => path.basename(goldenPath(name))).toSorted());
  });

  it.each(captures)('%s gives its golden events', async (capture) => {
    const { envelopes } = await replay(path.join(PCAPS, capture));
    const events = toStable(envelopes.map(({ event }) => event));
    if (isUpdate) writeFileSync(goldenPath(capture), `${JSON.stringify(events, null, 2)}\n`);
    expect(events).toEqual(JSON.parse(readFileSync(goldenPath(capture), 'utf8')));
  });
});

function sort(events: readonly Expectation[]): Expectation[] {
  return events.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** The fields of an expectation, in which an absent one is null. */
function pick(event: Expectation, fields: readonly string[]): Expectation {
  return Object.fromEntries(fields.map((field) => [field, event[field] ?? null]));
}
