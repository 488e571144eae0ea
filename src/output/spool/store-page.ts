/**
 * Pages of an LMDB file, as far as they are read here without LMDB.
 *
 *     page      number 8 | transaction 8 | pad 2 | flags 2 | lower 2, upper 2 (or pages 4) | offsets 2 each … nodes
 *     meta      header 24 | magic 4 | version 4 | address 8 | map size 8 | 2 trees of 48 | last page 8 | transaction 8 | boot 8
 *     tree      pad 4 | flags 2 | depth 2 | branch pages 8 | leaf pages 8 | large pages 8 | entries 8 | root 8
 *     node      low 2 | high 2 | flags 2 | key size 2 | key | data
 *     large     page 8 | transaction 8 | pages 8      the data of a node whose record has pages of its own
 *
 * As in `mdb.c` of lmdb 3 (LMDB's `mdb.master`), little-endian, 64 bit. Offsets of nodes count from behind the page's header.
 */
export const PAGE_HEADER = 24;
export const FLAGS_AT = 18;
export const LOWER_AT = 20;
export const UPPER_AT = 22;
export const NODE_HEADER = 8;
export const LARGE_BYTES = 24;

const MAGIC = 0xbeefc0de;
const VERSION = 2;
const FREE_TREE_AT = PAGE_HEADER + 24;
const MAIN_TREE_AT = FREE_TREE_AT + 48;
const LAST_PAGE_AT = MAIN_TREE_AT + 48;
const TRANSACTION_AT = LAST_PAGE_AT + 8;
export const META_BYTES = TRANSACTION_AT + 16;

export const PageKind = { Branch: 0x01, Leaf: 0x02, Large: 0x04, Meta: 0x08 } as const;
/** Flags that say what a page is; the others are notes of the writer's memory. */
export const KIND_MASK = 0x6f;
/** Flag of a node whose data is a `large`. */
export const LARGE_NODE = 0x01;
/** The root of a tree without a page. */
export const NO_PAGE = 0xffff_ffff_ffff_ffffn;
/** Flag of the tree of free pages: its keys are numbers of transactions, in the machine's order. Ours has none. */
export const INTEGER_KEYS = 0x08;
/** LMDB's own limit. */
export const MAX_DEPTH = 32;

/** What a meta page says of a tree. */
export interface Tree {
  readonly flags: number;
  readonly depth: number;
  readonly branchPages: bigint;
  readonly leafPages: bigint;
  readonly largePages: bigint;
  readonly entries: bigint;
  readonly root: bigint;
}

export interface Meta {
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: bigint;
  readonly free: Tree;
  readonly main: Tree;
}

/** A meta page, or what is wrong with it. `page` has `META_BYTES`. */
export function parseMeta(page: Buffer): Meta | string {
  if ((page.readUInt16LE(FLAGS_AT) & KIND_MASK) !== PageKind.Meta) return 'no meta page';
  if (page.readUInt32LE(PAGE_HEADER) !== MAGIC) return 'no LMDB file';
  if ((page.readUInt32LE(PAGE_HEADER + 4) & 0xffff) !== VERSION) return 'another version of LMDB';
  // The page size stands where the first tree has its pad.
  const pageBytes = page.readUInt32LE(FREE_TREE_AT);
  if (pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) return 'bad page size';
  const lastPage = page.readBigUInt64LE(LAST_PAGE_AT);
  if (lastPage > BigInt(Number.MAX_SAFE_INTEGER)) return 'bad last page';
  return {
    pageBytes,
    lastPage: Number(lastPage),
    transaction: page.readBigUInt64LE(TRANSACTION_AT),
    free: parseTree(page, FREE_TREE_AT),
    main: parseTree(page, MAIN_TREE_AT),
  };
}

function parseTree(page: Buffer, at: number): Tree {
  return {
    flags: page.readUInt16LE(at + 4),
    depth: page.readUInt16LE(at + 6),
    branchPages: page.readBigUInt64LE(at + 8),
    leafPages: page.readBigUInt64LE(at + 16),
    largePages: page.readBigUInt64LE(at + 24),
    entries: page.readBigUInt64LE(at + 32),
    root: page.readBigUInt64LE(at + 40),
  };
}

/** The two take turns: the newer one counts. */
export function pickMeta(first: Meta, second: Meta): Meta {
  return second.transaction > first.transaction ? second : first;
}
