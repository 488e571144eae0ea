import { describe, expect, it } from 'vitest';

import { defineField } from '../../src/event/field.ts';
import { JsonWriter } from '../../src/event/json-writer.ts';
import { type PartKind, PartTable } from '../../src/event/part-table.ts';

interface Pair {
  readonly name: string;
  readonly n: number;
}

const NAME = defineField('name', 1, 'string');
const N = defineField('n', 2, 'uint32');

let writes = 0;
const PAIR: PartKind<Pair, Pair> = {
  mainOf: (pair) => pair.name,
  isSame: (key, pair) => key.n === pair.n,
  toKey: (pair) => ({ ...pair }),
  write(w, key) {
    writes += 1;
    w.text(NAME, key.name);
    w.uint(N, key.n);
  },
};

function textOf(table: PartTable<Pair, Pair>, pair: Pair): string {
  const w = new JsonWriter();
  table.append(w, pair);
  return Buffer.from(w.view()).toString();
}

describe('a table of parts', () => {
  it('writes each combination once', () => {
    const table = new PartTable(PAIR, 10, 10);
    writes = 0;
    const first = textOf(table, { name: 'a', n: 1 });
    expect(textOf(table, { name: 'a', n: 1 })).toBe(first);
    expect(first).toBe(',"name":"a","n":1');
    expect(textOf(table, { name: 'a', n: 2 })).toBe(',"name":"a","n":2');
    expect(textOf(table, { name: 'b', n: 1 })).toBe(',"name":"b","n":1');
    expect(writes).toBe(3);
    expect(table.size).toBe(3);
  });

  it('starts afresh when it is full, and still says the right thing', () => {
    const table = new PartTable(PAIR, 3, 10);
    for (let n = 0; n < 100; n++) {
      expect(textOf(table, { name: `x${n}`, n })).toBe(`,"name":"x${n}","n":${n}`);
      expect(table.size).toBeLessThanOrEqual(3);
    }
  });

  it('keeps no more than a few with one main value', () => {
    const table = new PartTable(PAIR, 100, 4);
    for (let n = 0; n < 100; n++) expect(textOf(table, { name: 'x', n })).toBe(`,"name":"x","n":${n}`);
    expect(table.size).toBe(4);
  });
});
