import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowTable, STRIDE, State, TIMES, Time, Word } from '../../src/flow/flow-table.ts';
import { MAX_OPENINGS } from '../../src/flow/limits.ts';

/** What the table must behave like: a map in order of last use. */
interface Model {
  readonly flows: Map<string, { slot: number; mark: number }>;
}

interface Key {
  readonly isV6: boolean;
  readonly a: number;
  readonly b: number;
  readonly ports: number;
}

const MAX = 40;
// Few addresses and ports, so that commands meet the same flows, and v4 and v6 flows share their words.
const anyKey: fc.Arbitrary<Key> = fc.record({
  isV6: fc.boolean(),
  a: fc.constantFrom(0, 1, -1, 0x0a000001),
  b: fc.constantFrom(0, 2, -2, 0x0a000002),
  ports: fc.constantFrom(0, 1, -1, 443),
});

function nameOf(key: Key): string {
  return `${key.isV6}/${key.a}/${key.b}/${key.ports}`;
}

function wordsOf(key: Key): Int32Array {
  return Int32Array.of(key.a, 0, 0, 0, key.b, 0, 0, 0);
}

function find(table: FlowTable, key: Key): number {
  return key.isV6 ? table.findV6(wordsOf(key), key.ports) : table.findV4(key.a, key.b, key.ports);
}

function add(table: FlowTable, key: Key, nowS: number): number {
  return key.isV6 ? table.addV6(wordsOf(key), key.ports, nowS) : table.addV4(key.a, key.b, key.ports, nowS);
}

function removeFrom(model: Model, table: FlowTable, slot: number): void {
  for (const [name, flow] of model.flows) if (flow.slot === slot) model.flows.delete(name);
  table.remove(slot);
}

class Use implements fc.Command<Model, FlowTable> {
  readonly key: Key;
  readonly mark: number;
  constructor(key: Key, mark: number) {
    this.key = key;
    this.mark = mark;
  }
  check(): boolean {
    return true;
  }
  run(model: Model, table: FlowTable): void {
    const name = nameOf(this.key);
    const known = model.flows.get(name);
    const slot = find(table, this.key);
    assert.equal(slot, known?.slot ?? -1);
    if (known === undefined) {
      if (table.isFull) removeFrom(model, table, table.oldestLive);
      const added = add(table, this.key, this.mark);
      assert.equal(table.words[added * STRIDE + Word.Scratch], 0);
      assert.deepEqual([...table.times.subarray(added * TIMES, added * TIMES + TIMES)], [-1, -1, -1, -1]);
      table.words[added * STRIDE + Word.Scratch] = this.mark;
      model.flows.set(name, { slot: added, mark: this.mark });
    } else {
      assert.equal(table.words[slot * STRIDE + Word.Scratch], known.mark);
      table.touch(slot, this.mark);
      model.flows.delete(name);
      model.flows.set(name, known);
    }
    expectSame(model, table);
  }
  toString(): string {
    return `use(${nameOf(this.key)})`;
  }
}

class Remove implements fc.Command<Model, FlowTable> {
  readonly key: Key;
  constructor(key: Key) {
    this.key = key;
  }
  check(model: Readonly<Model>): boolean {
    return model.flows.has(nameOf(this.key));
  }
  run(model: Model, table: FlowTable): void {
    removeFrom(model, table, find(table, this.key));
    assert.equal(find(table, this.key), -1);
    expectSame(model, table);
  }
  toString(): string {
    return `remove(${nameOf(this.key)})`;
  }
}

class Forget implements fc.Command<Model, FlowTable> {
  readonly key: Key;
  constructor(key: Key) {
    this.key = key;
  }
  check(model: Readonly<Model>): boolean {
    return model.flows.has(nameOf(this.key));
  }
  run(model: Model, table: FlowTable): void {
    const slot = find(table, this.key);
    table.words.fill(-1, slot * STRIDE + Word.NextA, slot * STRIDE + STRIDE);
    table.words[slot * STRIDE + Word.State] = State.Done | (this.key.isV6 ? State.IsV6 : 0);
    table.forget(slot);
    assert.equal(find(table, this.key), slot);
    assert.equal(
      table.words.subarray(slot * STRIDE + Word.NextA, slot * STRIDE + STRIDE).every((w) => w === 0),
      true,
    );
    assert.equal(table.words[slot * STRIDE + Word.State], this.key.isV6 ? State.IsV6 : 0);
    model.flows.get(nameOf(this.key))!.mark = 0;
    expectSame(model, table);
  }
  toString(): string {
    return `forget(${nameOf(this.key)})`;
  }
}

function expectSame(model: Model, table: FlowTable): void {
  assert.equal(table.size, model.flows.size);
  const oldest = model.flows.values().next().value;
  assert.equal(table.oldestLive, oldest?.slot ?? -1);
}

describe('FlowTable', () => {
  it('behaves like a map in order of last use, with eviction of the oldest', () => {
    const commands = [
      fc.tuple(anyKey, fc.integer({ min: 1, max: 1000 })).map(([key, mark]) => new Use(key, mark)),
      anyKey.map((key) => new Remove(key)),
      anyKey.map((key) => new Forget(key)),
    ];
    fc.assert(
      fc.property(fc.commands(commands, { size: '+2' }), fc.integer(), (run, seed) => {
        fc.modelRun(() => ({ model: { flows: new Map() }, real: new FlowTable(MAX, seed) }), run);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps every flow when it grows, in the same slot', () => {
    const table = new FlowTable(10_000, 3);
    const slots: number[] = [];
    for (let i = 0; i < 10_000; i++) slots.push(table.addV4(i, -i, i << 16, i));
    expect(table.isFull).toBe(true);
    expect(table.capacity).toBeLessThanOrEqual(10_000 + MAX_OPENINGS);
    for (let i = 0; i < 10_000; i++) expect(table.findV4(i, -i, i << 16)).toBe(slots[i]);
    for (let i = 0; i < 10_000; i++) {
      expect(table.oldestLive).toBe(slots[i]);
      table.remove(table.oldestLive);
    }
    expect(table.size).toBe(0);
  });

  it('keeps flows that are opening in a list of their own until they settle', () => {
    const table = new FlowTable(2, 3);
    const live = table.addV4(1, 2, 3, 0);
    const opening = table.addV4(4, 5, 6, 1, true);
    expect([table.oldestLive, table.oldestOpening, table.openings, table.isFull]).toEqual([live, opening, 1, false]);
    table.settle(opening);
    expect([table.oldestLive, table.oldestOpening, table.openings, table.isFull]).toEqual([live, -1, 0, true]);
    table.remove(live);
    expect(table.oldestLive).toBe(opening);
  });

  it('tells flows of one bucket apart, whatever is removed from its chain', () => {
    // 3000 flows in 2048 buckets: a third of them share one.
    const table = new FlowTable(1024, 1);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 1000; i++) table.addV4(round, i, 0, 0);
      for (let i = 0; i < 1000; i += 2) table.remove(table.findV4(round, i, 0));
      for (let i = 0; i < 1000; i++) expect(table.findV4(round, i, 0) >= 0).toBe(i % 2 === 1);
      for (let i = 1; i < 1000; i += 2) table.remove(table.findV4(round, i, 0));
    }
  });

  it('puts the same flows of two tables with the same seed in the same slots', () => {
    const [one, two] = [new FlowTable(100, 5), new FlowTable(100, 5)];
    for (let i = 0; i < 100; i++) expect(one.addV4(i, i, i, 0)).toBe(two.addV4(i, i, i, 0));
  });

  it('does not take an IPv4 flow for an IPv6 flow of the same words', () => {
    const table = new FlowTable(10, 0);
    const v4 = table.addV4(1, 2, 3, 0);
    expect(table.findV6(Int32Array.of(1, 0, 0, 0, 2, 0, 0, 0), 3)).toBe(-1);
    const v6 = table.addV6(Int32Array.of(1, 0, 0, 0, 2, 0, 0, 0), 3, 0);
    expect(v6).not.toBe(v4);
    expect(table.findV4(1, 2, 3)).toBe(v4);
  });

  it('has no times of a flow that used the slot before', () => {
    const table = new FlowTable(1, 0);
    const slot = table.addV4(1, 2, 3, 0);
    table.times[slot * TIMES + Time.Syn] = 5;
    table.remove(slot);
    expect(table.addV4(4, 5, 6, 0)).toBe(slot);
    expect(table.times[slot * TIMES + Time.Syn]).toBe(-1);
  });
});

describe('the hash of the flow table', () => {
  // A flood that varies only the upper bits of its words: odd factors alone would leave them there.
  const floods: Readonly<Record<string, (i: number, j: number) => readonly [number, number, number]>> = {
    'upper octets of address and port': (i, j) => [i << 24, 0x0a00_0001, (j << 24) | 443],
    'neighbouring addresses': (i, j) => [0x0a00_0000 | i, 0x0a01_0000 | j, 0x01bb_0000],
    'ports alone': (i, j) => [0x0a00_0001, 0x0a00_0002, (i << 24) | (j << 16) | 443],
  };
  it.each(Object.keys(floods))('spreads a flood over %s', (name) => {
    for (const seed of [1, 77, 123_456_789, -5]) {
      const table = new FlowTable(65_536, seed);
      for (let i = 0; i < 256; i++) {
        for (let j = 0; j < 256; j++) table.addV4(...floods[name]!(i, j), 0);
      }
      expect(table.longestChain).toBeLessThan(16);
    }
  });
});
