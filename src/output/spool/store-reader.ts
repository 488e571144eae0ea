/**
 * Reads a record of the store without LMDB's map of the file.
 *
 * What is read through the map counts as memory of the process: a queue of a gigabyte, once delivered, would make it a gigabyte larger.
 * So bodies are read with `pread`: down the tree from the newer meta page, then the record's own pages.
 *
 * Safe beside a writer, without being registered as a reader: pages in use are never overwritten, and those that the commit on its way frees
 * are used again by the one after the next at the earliest. One commit is on its way at most, and a read here is over before the
 * next begins, as both begin on this thread. What comes out has a checksum all the same.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import {
  FLAGS_AT,
  KIND_MASK,
  LARGE_NODE,
  LOWER_AT,
  MAX_DEPTH,
  META_BYTES,
  NO_PAGE,
  NODE_HEADER,
  PAGE_HEADER,
  PageKind,
  parseMeta,
  pickMeta,
} from './store-page.ts';

export class StoreReader {
  readonly #fd: number;
  readonly #pageBytes: number;
  readonly #page: Buffer;
  readonly #meta = Buffer.alloc(META_BYTES);

  constructor(file: string, pageBytes: number) {
    this.#fd = openSync(file, 'r');
    this.#pageBytes = pageBytes;
    this.#page = Buffer.alloc(pageBytes);
  }

  /** Null where the key is not there, or a page is not as it has to be: then it is for LMDB to say. */
  read(key: Uint8Array): Uint8Array | null {
    const first = this.#readMeta(0);
    const second = this.#readMeta(this.#pageBytes);
    if (first === null || second === null) return null;
    let number = pickMeta(first, second).main.root;
    for (let depth = 0; depth < MAX_DEPTH && number !== NO_PAGE; depth++) {
      if (!this.#readAt(this.#page, Number(number) * this.#pageBytes)) return null;
      if (this.#page.readBigUInt64LE(0) !== number) return null;
      const kind = this.#page.readUInt16LE(FLAGS_AT) & KIND_MASK;
      if (kind === PageKind.Leaf) return this.#readLeaf(key);
      if (kind !== PageKind.Branch) return null;
      const node = this.#nodeOf(key, true);
      if (node < 0) return null;
      number = BigInt(this.#page.readUInt32LE(node)) | (BigInt(this.#page.readUInt16LE(node + 4)) << 32n);
    }
    return null;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #readMeta(at: number) {
    if (!this.#readAt(this.#meta, at)) return null;
    const meta = parseMeta(this.#meta);
    return typeof meta === 'string' || meta.pageBytes !== this.#pageBytes ? null : meta;
  }

  #readLeaf(key: Uint8Array): Uint8Array | null {
    const node = this.#nodeOf(key, false);
    if (node < 0) return null;
    const dataAt = node + NODE_HEADER + key.length;
    const length = this.#page.readUInt32LE(node);
    if (this.#page.readUInt16LE(node + 4) !== LARGE_NODE) {
      return dataAt + length > this.#pageBytes ? null : new Uint8Array(this.#page.subarray(dataAt, dataAt + length));
    }
    const bytes = Buffer.allocUnsafe(length);
    const at = Number(this.#page.readBigUInt64LE(dataAt)) * this.#pageBytes + PAGE_HEADER;
    return this.#readAt(bytes, at) ? bytes : null;
  }

  /** Offset of the node with this key; of a branch, the one whose part of the tree has it; or -1. */
  #nodeOf(key: Uint8Array, isBranch: boolean): number {
    // The first key of a branch is left out: everything below the second belongs to it.
    let low = isBranch ? 1 : 0;
    let high = this.#page.readUInt16LE(LOWER_AT) >> 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(key, this.#offsetOf(middle)) >= 0) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return -1;
    const node = this.#offsetOf(low - 1);
    return isBranch || this.#compare(key, node) === 0 ? node : -1;
  }

  #offsetOf(index: number): number {
    return PAGE_HEADER + this.#page.readUInt16LE(PAGE_HEADER + 2 * index);
  }

  #compare(key: Uint8Array, node: number): number {
    const start = node + NODE_HEADER;
    return Buffer.compare(key, this.#page.subarray(start, start + this.#page.readUInt16LE(node + 6)));
  }

  #readAt(bytes: Buffer, at: number): boolean {
    return readSync(this.#fd, bytes, 0, bytes.length, at) === bytes.length;
  }
}
