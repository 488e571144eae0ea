/**
 * Reads an LMDB file with suspicion, before LMDB does.
 *
 * LMDB maps the file and trusts it: a page beyond the file's end is SIGBUS, a wild offset on a page is worse, and a sensor that dies
 * that way dies again at every start. So each page of both trees is looked at first: that it is in the file, is the page it
 * is taken for, was not met before, and has its nodes inside. Only pages of the trees and the first page of each large record
 * are read, not the records, which have checksums of their own.
 *
 *     page      number 8 | transaction 8 | pad 2 | flags 2 | lower 2, upper 2 (or pages 4) | offsets 2 each … nodes
 *     meta      header 24 | magic 4 | version 4 | address 8 | map size 8 | 2 trees of 48 | last page 8 | transaction 8 | boot 8
 *     tree      pad 4 | flags 2 | depth 2 | branch pages 8 | leaf pages 8 | large pages 8 | entries 8 | root 8
 *     node      low 2 | high 2 | flags 2 | key size 2 | key | data
 *     large     page 8 | transaction 8 | pages 8      the data of a node whose record has pages of its own
 *
 * As in `mdb.c` of lmdb 3 (LMDB's `mdb.master`), little-endian, 64 bit. A file of another kind fails the check, which is right.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { STORE_PAGE_BYTES } from './limits.ts';

const PAGE_HEADER = 24;
const FLAGS_AT = 18;
const LOWER_AT = 20;
const UPPER_AT = 22;
const NODE_HEADER = 8;
const LARGE_BYTES = 24;

const MAGIC = 0xbeefc0de;
const VERSION = 2;
const PAGE_SIZE_AT = PAGE_HEADER + 24;
const FREE_TREE_AT = PAGE_HEADER + 24;
const MAIN_TREE_AT = FREE_TREE_AT + 48;
const LAST_PAGE_AT = MAIN_TREE_AT + 48;
const TRANSACTION_AT = LAST_PAGE_AT + 8;
const META_BYTES = TRANSACTION_AT + 16;

const PageKind = { Branch: 0x01, Leaf: 0x02, Large: 0x04, Meta: 0x08 } as const;
/** Flags that say what a page is; the others are notes of the writer's memory. */
const KIND_MASK = 0x6f;
const LARGE_NODE = 0x01;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;
/** LMDB's own limit. */
const MAX_DEPTH = 32;

interface Meta {
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: bigint;
  readonly freeRoot: bigint;
  readonly mainRoot: bigint;
}

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

class Walk {
  readonly #fd: number;
  readonly #fileBytes: number;
  readonly #seen = new Set<number>();
  #pageBytes = 0;
  #pages = 0;

  constructor(fd: number, fileBytes: number) {
    this.#fd = fd;
    this.#fileBytes = fileBytes;
  }

  findFault(): string | null {
    const meta = this.#pickMeta();
    if (typeof meta === 'string') return meta;
    this.#pageBytes = meta.pageBytes;
    this.#pages = meta.lastPage + 1;
    return this.#checkTree(meta.freeRoot, 'free list') ?? this.#checkTree(meta.mainRoot, 'tree');
  }

  /** LMDB refuses a file one of whose meta pages is none, and takes the newer of the two. */
  #pickMeta(): Meta | string {
    const first = this.#readMeta(0);
    if (typeof first === 'string') return first;
    const second = this.#readMeta(first.pageBytes);
    if (typeof second === 'string') return second;
    if (first.pageBytes !== second.pageBytes) return 'meta pages differ in page size';
    return second.transaction > first.transaction ? second : first;
  }

  #readMeta(at: number): Meta | string {
    const page = this.#read(at, META_BYTES);
    if (page === null) return 'cut within its meta pages';
    if ((page.readUInt16LE(FLAGS_AT) & KIND_MASK) !== PageKind.Meta) return 'no meta page';
    if (page.readUInt32LE(PAGE_HEADER) !== MAGIC) return 'no LMDB file';
    if ((page.readUInt32LE(PAGE_HEADER + 4) & 0xffff) !== VERSION) return 'another version of LMDB';
    const pageBytes = page.readUInt32LE(PAGE_SIZE_AT);
    if (pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) return 'bad page size';
    const lastPage = page.readBigUInt64LE(LAST_PAGE_AT);
    if (lastPage > BigInt(Number.MAX_SAFE_INTEGER)) return 'bad last page';
    return {
      pageBytes,
      lastPage: Number(lastPage),
      transaction: page.readBigUInt64LE(TRANSACTION_AT),
      freeRoot: page.readBigUInt64LE(FREE_TREE_AT + 40),
      mainRoot: page.readBigUInt64LE(MAIN_TREE_AT + 40),
    };
  }

  #checkTree(root: bigint, name: string): string | null {
    if (root === NO_PAGE) return null;
    const fault = this.#checkPage(root, 0);
    return fault === null ? null : `${name}: ${fault}`;
  }

  #checkPage(number: bigint, depth: number): string | null {
    if (depth > MAX_DEPTH) return 'too deep';
    const at = this.#claim(number);
    if (at === null) return `page ${number} is not in the file, or met twice`;
    const page = this.#read(at, this.#pageBytes);
    if (page === null) return `page ${number} is beyond the file's end`;
    if (page.readBigUInt64LE(0) !== number) return `page ${number} is another one`;
    const kind = page.readUInt16LE(FLAGS_AT) & KIND_MASK;
    if (kind !== PageKind.Branch && kind !== PageKind.Leaf) return `page ${number} is of no kind`;
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
      const fault =
        kind === PageKind.Branch ? this.#checkBranch(page, node, depth) : this.#checkLeaf(page, node, keyEnd);
      if (fault !== null) return fault;
    }
    return null;
  }

  #checkBranch(page: Buffer, node: number, depth: number): string | null {
    const high = BigInt(page.readUInt16LE(node + 4));
    return this.#checkPage(BigInt(page.readUInt32LE(node)) | (high << 32n), depth + 1);
  }

  #checkLeaf(page: Buffer, node: number, dataAt: number): string | null {
    const flags = page.readUInt16LE(node + 4);
    const dataBytes = page.readUInt32LE(node);
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
