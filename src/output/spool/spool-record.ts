/**
 * Records of the store and the ledger: a checksum and a message of `proto/spanglass/v1/spool.proto`.
 *
 *     crc32     4    of the message; least significant byte first, as the length
 *     length    4    of the message: what is found in a damaged file has no other end
 *     message   n
 *
 * The store has no checksums of its own. A record that fails its own is read as null: damage is data here, and the caller counts it.
 */
import { crc32 } from 'node:zlib';
import {
  type BatchHeadMessage,
  decodeBatch,
  decodeBatchHead,
  decodeDropRecord,
  decodeLedgerEntry,
  decodeSinkState,
  decodeSpoolState,
  encodeBatch,
  encodeBatchHead,
  encodeDropRecord,
  encodeLedgerEntry,
  encodeSinkState,
  encodeSpoolState,
  type SinkStateMessage,
} from './generated/spool-message.ts';
import { STORE_PAGE_BYTES } from './limits.ts';
import type { SpoolBatch } from './spool-batch.ts';

/** Of the schema. A store with another one is set aside. */
const SPOOL_FORMAT = 1;

const HEADER_BYTES = 8;
/** Of the store, before each record of its own pages. */
const PAGE_HEADER_BYTES = 24;

/** A batch without its body: what the spool keeps in memory of it. */
export interface BatchHead {
  readonly id: number;
  readonly bootId: string;
  readonly firstSeq: number;
  readonly count: number;
  readonly jsonBytes: number;
  readonly createdMs: number;
  /** Size of the record with the body. */
  readonly recordBytes: number;
}

/** Batches settled beyond the first gap: first and last id, both in it. */
export type IdRange = readonly [first: number, last: number];

/** What is kept of a sink. */
export interface SinkState {
  readonly name: string;
  readonly emitted: number;
  readonly acknowledged: number;
  readonly dropped: ReadonlyMap<string, number>;
  readonly settledId: number;
  readonly settledAbove: readonly IdRange[];
}

/** Events of one run that a sink did not get, for one reason. */
export interface DropRecord {
  readonly id: number;
  readonly sink: string;
  readonly reason: string;
  readonly bootId: string;
  readonly firstSeq: number;
  lastSeq: number;
  events: number;
  readonly firstMs: number;
  lastMs: number;
}

/** The spool as a whole. */
export interface SpoolState {
  readonly generation: number;
  readonly nextId: number;
  readonly nextDropId: number;
}

/** What one commit changed. */
export interface LedgerEntry {
  readonly state: SpoolState;
  readonly added: readonly BatchHead[];
  readonly sinks: readonly SinkState[];
  readonly removed: readonly number[];
}

/** Bytes that a batch takes in the store, in whole pages. */
export function storedBytes(head: BatchHead): number {
  return Math.ceil((head.recordBytes + PAGE_HEADER_BYTES) / STORE_PAGE_BYTES) * STORE_PAGE_BYTES;
}

export function buildBatchRecord(head: BatchHead, gzip: Uint8Array, eventEnds: Uint32Array): Uint8Array {
  return seal(encodeBatch({ head: toHeadMessage(head, 0), gzip, event_ends: Array.from(eventEnds) }));
}

export function parseBatchRecord(record: Uint8Array): SpoolBatch | null {
  const message = parse(record, decodeBatch);
  if (message === null || message.head === null || message.gzip === null) return null;
  const head = fromHeadMessage(message.head, 0);
  if (head === null || message.event_ends.length !== head.count) return null;
  return {
    id: head.id,
    bootId: head.bootId,
    firstSeq: head.firstSeq,
    lastSeq: head.firstSeq + head.count - 1,
    count: head.count,
    jsonBytes: head.jsonBytes,
    gzip: message.gzip,
    eventEnds: Uint32Array.from(message.event_ends),
    createdMs: head.createdMs,
  };
}

export function buildHeadRecord(head: BatchHead): Uint8Array {
  return seal(encodeBatchHead(toHeadMessage(head, head.recordBytes)));
}

export function parseHeadRecord(record: Uint8Array): BatchHead | null {
  const message = parse(record, decodeBatchHead);
  return message === null ? null : fromHeadMessage(message, message.record_bytes ?? 0);
}

export function buildSinkRecord(state: SinkState): Uint8Array {
  return seal(encodeSinkState(toSinkMessage(state)));
}

export function parseSinkRecord(record: Uint8Array): SinkState | null {
  const message = parse(record, decodeSinkState);
  return message === null ? null : fromSinkMessage(message);
}

export function buildDropRecord(drop: DropRecord): Uint8Array {
  return seal(
    encodeDropRecord({
      id: drop.id,
      sink: drop.sink,
      reason: drop.reason,
      boot_id: drop.bootId,
      first_seq: drop.firstSeq,
      last_seq: drop.lastSeq,
      events: drop.events,
      first_ms: drop.firstMs,
      last_ms: drop.lastMs,
    }),
  );
}

export function parseDropRecord(record: Uint8Array): DropRecord | null {
  const message = parse(record, decodeDropRecord);
  if (message === null) return null;
  return {
    id: message.id ?? 0,
    sink: message.sink ?? '',
    reason: message.reason ?? '',
    bootId: message.boot_id ?? '',
    firstSeq: message.first_seq ?? 0,
    lastSeq: message.last_seq ?? 0,
    events: message.events ?? 0,
    firstMs: message.first_ms ?? 0,
    lastMs: message.last_ms ?? 0,
  };
}

export function buildStateRecord(state: SpoolState): Uint8Array {
  return seal(encodeSpoolState(toStateMessage(state)));
}

/** Null also where the record is of another format. */
export function parseStateRecord(record: Uint8Array): SpoolState | null {
  const message = parse(record, decodeSpoolState);
  return message === null ? null : fromStateMessage(message);
}

export function buildLedgerRecord(entry: LedgerEntry): Uint8Array {
  return seal(
    encodeLedgerEntry({
      state: toStateMessage(entry.state),
      added: entry.added.map((head) => toHeadMessage(head, head.recordBytes)),
      sinks: entry.sinks.map(toSinkMessage),
      removed: entry.removed,
    }),
  );
}

export function parseLedgerRecord(record: Uint8Array): LedgerEntry | null {
  const message = parse(record, decodeLedgerEntry);
  const state = message === null || message.state === null ? null : fromStateMessage(message.state);
  if (message === null || state === null) return null;
  const added = message.added.map((head) => fromHeadMessage(head, head.record_bytes ?? 0));
  const sinks = message.sinks.map(fromSinkMessage);
  if (!added.every((head) => head !== null) || !sinks.every((sink) => sink !== null)) return null;
  return { state, added, sinks, removed: message.removed };
}

function seal(message: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + message.length);
  record.set(message, HEADER_BYTES);
  const view = new DataView(record.buffer);
  view.setUint32(0, crc32(message), true);
  view.setUint32(4, message.length, true);
  return record;
}

function parse<T>(record: Uint8Array, decode: (bytes: Uint8Array) => T): T | null {
  if (record.length <= HEADER_BYTES) return null;
  const view = new DataView(record.buffer, record.byteOffset, HEADER_BYTES);
  const end = HEADER_BYTES + view.getUint32(4, true);
  if (end > record.length) return null;
  const message = record.subarray(HEADER_BYTES, end);
  if (crc32(message) !== view.getUint32(0, true)) return null;
  try {
    return decode(message);
  } catch {
    // A whole record of some other writer: as good as damaged.
    return null;
  }
}

function toHeadMessage(head: BatchHead, recordBytes: number): BatchHeadMessage {
  return {
    id: head.id,
    boot_id: head.bootId,
    first_seq: head.firstSeq,
    count: head.count,
    json_bytes: head.jsonBytes,
    created_ms: head.createdMs,
    record_bytes: recordBytes,
  };
}

function fromHeadMessage(message: BatchHeadMessage, recordBytes: number): BatchHead | null {
  const { id, boot_id, first_seq, count, json_bytes, created_ms } = message;
  if (!id || boot_id === null || first_seq === null || !count) return null;
  return {
    id,
    bootId: boot_id,
    firstSeq: first_seq,
    count,
    jsonBytes: json_bytes ?? 0,
    createdMs: created_ms ?? 0,
    recordBytes,
  };
}

function toSinkMessage(state: SinkState): SinkStateMessage {
  return {
    name: state.name,
    emitted: state.emitted,
    acknowledged: state.acknowledged,
    dropped: [...state.dropped].map(([reason, events]) => ({ reason, events })),
    settled_id: state.settledId,
    settled_above: state.settledAbove.map(([first, last]) => ({ first, last })),
  };
}

function fromSinkMessage(message: SinkStateMessage): SinkState | null {
  if (message.name === null) return null;
  return {
    name: message.name,
    emitted: message.emitted ?? 0,
    acknowledged: message.acknowledged ?? 0,
    dropped: new Map(message.dropped.map(({ reason, events }) => [reason ?? '', events ?? 0])),
    settledId: message.settled_id ?? 0,
    settledAbove: message.settled_above.map(({ first, last }): IdRange => [first ?? 0, last ?? 0]),
  };
}

function toStateMessage(state: SpoolState) {
  return {
    format: SPOOL_FORMAT,
    generation: state.generation,
    next_id: state.nextId,
    next_drop_id: state.nextDropId,
  };
}

function fromStateMessage(message: ReturnType<typeof decodeSpoolState>): SpoolState | null {
  const { format, generation, next_id, next_drop_id } = message;
  if (format !== SPOOL_FORMAT || generation === null || !next_id || !next_drop_id) return null;
  return { generation, nextId: next_id, nextDropId: next_drop_id };
}
