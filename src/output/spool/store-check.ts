/**
 * Reads an LMDB file with suspicion, before LMDB does.
 *
 * LMDB maps the file and trusts it: a page beyond the file's end is SIGBUS, a wild offset on a page is worse, and a sensor that dies
 * that way dies again at every start. So each page of both trees is looked at first: that it is in the file, is the page it
 * is taken for, was not met before, has its nodes inside, and that keys and counts are in order. Only pages of the trees and the first page of each large record
 * are read, not the records, which have checksums of their own.
 *
 * `store-page.ts` has the pages. A file of another kind fails the check, which is right.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { STORE_PAGE_BYTES } from './limits.ts';
import {
  FLAGS_AT,
  INTEGER_KEYS,
  KIND_MASK,
  LARGE_BYTES,
  LARGE_NODE,
  LOWER_AT,
  MAX_DEPTH,
  META_BYTES,
  type Meta,
  NO_PAGE,
  NODE_HEADER,
  PAGE_HEADER,
  PageKind,
  parseMeta,
  pickMeta,
  type Tree,
  UPPER_AT,
} from './store-page.ts';

/** Null where LMDB can open the file (or there is none to open), else what is wrong with it. */
export function findStoreFault(file: string): string | null {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    // A file without a byte is what a kill at the very first start leaves, and LMDB takes it as new.
    return size === 0 ? null : new Walk(fd, size).findFault();
  } finally {
    closeSync(fd);
  }
}

const NO_TREE: Tree = {
  flags: 0,
  depth: 0,
  branchPages: 0n,
  leafPages: 0n,
  largePages: 0n,
  entries: 0n,
  root: NO_PAGE,
};

class Walk {
  readonly #fd: number;
  readonly #fileBytes: number;
  readonly #seen = new Set<number>();
  #pageBytes = 0;
  #pages = 0;
  #tree: Tree = NO_TREE;
  #counts = { branchPages: 0n, leafPages: 0n, largePages: 0n, entries: 0n };
  #lastKey: Buffer | null = null;
  #isLastLeast = false;

  constructor(fd: number, fileBytes: number) {
    this.#fd = fd;
    this.#fileBytes = fileBytes;
  }

  findFault(): string | null {
    const meta = this.#pickMeta();
    if (typeof meta === 'string') return meta;
    this.#pageBytes = meta.pageBytes;
    this.#pages = meta.lastPage + 1;
    return this.#checkTree(meta.free, INTEGER_KEYS, 'free list') ?? this.#checkTree(meta.main, 0, 'tree');
  }

  /** LMDB refuses a file one of whose meta pages is none. */
  #pickMeta(): Meta | string {
    const first = this.#readMeta(0);
    if (typeof first === 'string') return first;
    const second = this.#readMeta(first.pageBytes);
    if (typeof second === 'string') return second;
    return first.pageBytes === second.pageBytes ? pickMeta(first, second) : 'meta pages differ in page size';
  }

  #readMeta(at: number): Meta | string {
    const page = this.#read(at, META_BYTES);
    return page === null ? 'cut within its meta pages' : parseMeta(page);
  }

  #checkTree(tree: Tree, flags: number, name: string): string | null {
    if (tree.flags !== flags) return `${name}: of another kind`;
    this.#tree = tree;
    this.#counts = { branchPages: 0n, leafPages: 0n, largePages: 0n, entries: 0n };
    this.#lastKey = null;
    const fault = tree.root === NO_PAGE ? null : this.#checkPage(tree.root, 1);
    if (fault !== null) return `${name}: ${fault}`;
    const { branchPages, leafPages, largePages, entries } = this.#counts;
    const isComplete =
      tree.branchPages === branchPages &&
      tree.leafPages === leafPages &&
      tree.largePages === largePages &&
      tree.entries === entries;
    return isComplete ? null : `${name}: not as many pages and records as it says`;
  }

  #checkPage(number: bigint, depth: number): string | null {
    if (depth > Math.min(MAX_DEPTH, this.#tree.depth)) return 'too deep';
    const at = this.#claim(number);
    if (at === null) return `page ${number} is not in the file, or met twice`;
    const page = this.#read(at, this.#pageBytes);
    if (page === null) return `page ${number} is beyond the file's end`;
    if (page.readBigUInt64LE(0) !== number) return `page ${number} is another one`;
    const kind = page.readUInt16LE(FLAGS_AT) & KIND_MASK;
    if (kind !== PageKind.Branch && kind !== PageKind.Leaf) return `page ${number} is of no kind`;
    if ((kind === PageKind.Leaf) !== (depth === this.#tree.depth)) return `page ${number} is at another depth`;
    if (kind === PageKind.Leaf) this.#counts.leafPages += 1n;
    else this.#counts.branchPages += 1n;
    const lower = page.readUInt16LE(LOWER_AT);
    const upper = page.readUInt16LE(UPPER_AT);
    const isSane = lower % 2 === 0 && lower <= upper && PAGE_HEADER + upper <= this.#pageBytes;
    if (!isSane) return `page ${number} has bad bounds`;
    const nodes = lower / 2;
    if (nodes === 0 || (kind === PageKind.Branch && nodes < 2)) return `page ${number} has too few nodes`;
    for (let i = 0; i < nodes; i++) {
      const node = PAGE_HEADER + page.readUInt16LE(PAGE_HEADER + 2 * i);
      if (node < PAGE_HEADER + upper || node + NODE_HEADER > this.#pageBytes) return `page ${number} has a wild node`;
      const keyEnd = node + NODE_HEADER + page.readUInt16LE(node + 6);
      if (keyEnd > this.#pageBytes) return `page ${number} has a wild key`;
      const key = page.subarray(node + NODE_HEADER, keyEnd);
      // The first key of a branch is left out.
      const isInOrder = kind === PageKind.Branch && i === 0 ? true : this.#follows(key, kind === PageKind.Branch);
      if (!isInOrder) return `page ${number} has a key out of order`;
      const fault =
        kind === PageKind.Branch ? this.#checkBranch(page, node, depth) : this.#checkLeaf(page, node, keyEnd);
      if (fault !== null) return fault;
    }
    return null;
  }

  /** Whether a key comes behind the last one. A branch's key is the least that the part below it may have. */
  #follows(key: Buffer, isBranch: boolean): boolean {
    const last = this.#lastKey;
    const isLeast = this.#isLastLeast;
    this.#lastKey = key;
    this.#isLastLeast = isBranch;
    if (this.#tree.flags === INTEGER_KEYS && key.length !== 8) return false;
    if (last === null) return true;
    const order = this.#tree.flags === INTEGER_KEYS ? compareNumbers(last, key) : Buffer.compare(last, key);
    return isLeast ? order <= 0 : order < 0;
  }

  #checkBranch(page: Buffer, node: number, depth: number): string | null {
    const high = BigInt(page.readUInt16LE(node + 4));
    return this.#checkPage(BigInt(page.readUInt32LE(node)) | (high << 32n), depth + 1);
  }

  #checkLeaf(page: Buffer, node: number, dataAt: number): string | null {
    const flags = page.readUInt16LE(node + 4);
    const dataBytes = page.readUInt32LE(node);
    this.#counts.entries += 1n;
    if (flags === 0) return dataAt + dataBytes <= this.#pageBytes ? null : 'a record beyond its page';
    if (flags !== LARGE_NODE) return 'a node of no kind';
    if (dataAt + LARGE_BYTES > this.#pageBytes) return 'a large record beyond its page';
    const number = page.readBigUInt64LE(dataAt);
    const at = this.#claim(number);
    if (at === null) return `page ${number} of a large record is not in the file, or met twice`;
    const header = this.#read(at, PAGE_HEADER);
    if (header === null) return `page ${number} of a large record is beyond the file's end`;
    const isLarge = (header.readUInt16LE(FLAGS_AT) & KIND_MASK) === PageKind.Large;
    if (header.readBigUInt64LE(0) !== number || !isLarge) return `page ${number} holds no large record`;
    const pages = header.readUInt32LE(LOWER_AT);
    const needed = Math.ceil((PAGE_HEADER + dataBytes) / this.#pageBytes);
    if (pages < needed || Number(number) + pages > this.#pages) return `page ${number} is too short for its record`;
    if (BigInt(pages) !== page.readBigUInt64LE(dataAt + 16)) return `page ${number} has another length`;
    this.#counts.largePages += BigInt(pages);
    if (at + PAGE_HEADER + dataBytes > this.#fileBytes) return `the record at page ${number} is cut`;
    return null;
  }

  /** Offset of a page that nothing else has, else null. */
  #claim(number: bigint): number | null {
    if (number < 2n || number >= BigInt(this.#pages)) return null;
    const n = Number(number);
    if (this.#seen.has(n)) return null;
    this.#seen.add(n);
    return n * this.#pageBytes;
  }

  #read(at: number, length: number): Buffer | null {
    if (at + length > this.#fileBytes) return null;
    const bytes = Buffer.allocUnsafe(length);
    return readSync(this.#fd, bytes, 0, length, at) === length ? bytes : null;
  }
}

function compareNumbers(a: Buffer, b: Buffer): number {
  const difference = a.readBigUInt64LE(0) - b.readBigUInt64LE(0);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** A batch is a few megabytes at most; more pages than this are damage. */
const MAX_RECORD_PAGES = 16_384;

/**
 * The data of every record that still stands somewhere in the file, in the tree or not: of a leaf's nodes and of large pages. Also
 * what was deleted and not yet overwritten; the caller knows by checksum and id what it wants. One large record is in memory at a
 * time, and a record dies when the next is asked for.
 */
export function* readRecords(file: string): Generator<Uint8Array> {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    const page = Buffer.allocUnsafe(STORE_PAGE_BYTES);
    for (let at = 0; at + PAGE_HEADER <= size; at += STORE_PAGE_BYTES) {
      const n = readSync(fd, page, 0, STORE_PAGE_BYTES, at);
      // Of a damaged page the number may be wrong as well: what a record is worth, its checksum says.
      const kind = n < PAGE_HEADER ? 0 : page.readUInt16LE(FLAGS_AT) & KIND_MASK;
      if (kind === PageKind.Leaf) yield* readLeaf(page.subarray(0, n));
      else if (kind === PageKind.Large) yield* readLarge(fd, at, page.readUInt32LE(LOWER_AT), size);
    }
  } finally {
    closeSync(fd);
  }
}

function* readLeaf(page: Buffer): Generator<Uint8Array> {
  const nodes = Math.min(page.readUInt16LE(LOWER_AT), page.length - PAGE_HEADER) >> 1;
  for (let i = 0; i < nodes; i++) {
    const node = PAGE_HEADER + page.readUInt16LE(PAGE_HEADER + 2 * i);
    if (node + NODE_HEADER > page.length || page.readUInt16LE(node + 4) !== 0) continue;
    const dataAt = node + NODE_HEADER + page.readUInt16LE(node + 6);
    const end = dataAt + page.readUInt32LE(node);
    if (end <= page.length) yield page.subarray(dataAt, end);
  }
}

function* readLarge(fd: number, at: number, pages: number, fileBytes: number): Generator<Uint8Array> {
  if (pages === 0 || pages > MAX_RECORD_PAGES) return;
  const length = Math.min(pages * STORE_PAGE_BYTES, fileBytes - at) - PAGE_HEADER;
  const bytes = Buffer.allocUnsafe(length);
  if (readSync(fd, bytes, 0, length, at + PAGE_HEADER) === length) yield bytes;
}
