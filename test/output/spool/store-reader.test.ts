import path from 'node:path';
import { open } from 'lmdb';
import { describe, expect, it } from 'vitest';
import { StoreReader } from '../../../src/output/spool/store-reader.ts';
import { makeFolder } from './spool-lab.ts';

const PAGE = 4096;

function keyOf(n: number): Buffer {
  const key = Buffer.alloc(5, 'k');
  key.writeUInt32BE(n * 7919, 1);
  return key;
}

function contentOf(n: number): Buffer {
  // In the leaf, in one page of its own, in several.
  return Buffer.alloc([10, 1500, 3000, 20_000][n % 4]!, n);
}

describe('a reader of the store', () => {
  it('gives what LMDB gives, for every key of a tree with branches, while it changes', async () => {
    const folder = makeFolder();
    const db = open<Buffer, Buffer>({
      path: folder,
      encoding: 'binary',
      keyEncoding: 'binary',
      pageSize: PAGE,
      noSync: true,
      overlappingSync: false,
    });
    const reader = new StoreReader(path.join(folder, 'data.mdb'), PAGE);
    expect(reader.read(keyOf(1))).toBeNull();
    for (let n = 0; n < 2000; n++) void db.put(keyOf(n), contentOf(n));
    await db.committed;
    expect(db.getStats()).toMatchObject({ treeDepth: 2 });
    for (let round = 0; round < 3; round++) {
      const written = db.batch(() => {
        for (let n = round; n < 2000; n += 5) void db.remove(keyOf(n));
      });
      // A commit may be on its way.
      for (let n = 0; n < 2000; n++) {
        const found = reader.read(keyOf(n));
        const isRight = found === null ? n % 5 <= round : Buffer.compare(found, contentOf(n)) === 0;
        expect(isRight).toBe(true);
      }
      await written;
      for (let n = 0; n < 2000; n++) expect(reader.read(keyOf(n)) === null).toBe(n % 5 <= round);
    }
    expect(reader.read(Buffer.from('j'))).toBeNull();
    expect(reader.read(Buffer.from('z'))).toBeNull();
    reader.close();
    await db.close();
  });
});
