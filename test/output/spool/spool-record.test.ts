import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildBatchRecord,
  buildLedgerRecord,
  buildSinkRecord,
  parseBatchRecord,
  parseLedgerRecord,
  parseSinkRecord,
} from '../../../src/output/spool/spool-record.ts';
import { buildSpoolSchema, SPOOL_MESSAGE_PATH, SPOOL_PROTO_PATH } from '../../../tools/gen-spool-schema.ts';

const HEAD = { id: 7, bootId: 'b', firstSeq: 1, count: 2, jsonBytes: 6, createdMs: 1000, recordBytes: 0 };

// biome-ignore format: one field to a line
const RECORD = Uint8Array.of(
  0xef, 0x06, 0xed, 0xc4,              // CRC-32 of the message
  0x19, 0x00, 0x00, 0x00,              // its length: 25
  0x0a, 0x10,                          // 1 head
  0x08, 0x07,                          //   1 id 7
  0x12, 0x01, 0x62,                    //   2 boot_id "b"
  0x18, 0x01,                          //   3 first_seq 1
  0x20, 0x02,                          //   4 count 2
  0x28, 0x06,                          //   5 json_bytes 6
  0x30, 0xe8, 0x07,                    //   6 created_ms 1000
  0x38, 0x00,                          //   7 record_bytes, not filled in
  0x12, 0x01, 0xaa,                    // 2 gzip
  0x1a, 0x02, 0x03, 0x06,              // 3 event_ends 3, 6
);

describe('a record', () => {
  it('of a batch is read whole', () => {
    expect(buildBatchRecord(HEAD, Uint8Array.of(0xaa), Uint32Array.of(3, 6))).toEqual(RECORD);
    expect(parseBatchRecord(RECORD)).toMatchObject({
      id: 7,
      bootId: 'b',
      firstSeq: 1,
      lastSeq: 2,
      count: 2,
      jsonBytes: 6,
      createdMs: 1000,
      gzip: Uint8Array.of(0xaa),
      eventEnds: Uint32Array.of(3, 6),
    });
  });

  it('is read from a page that has more behind it', () => {
    expect(parseBatchRecord(Buffer.concat([RECORD, Buffer.alloc(100, 0xff)]))?.id).toBe(7);
  });

  it('is refused at every truncation', () => {
    for (let n = 0; n < RECORD.length; n++) expect(parseBatchRecord(RECORD.subarray(0, n))).toBeNull();
  });

  it('is refused with any byte changed', () => {
    for (let at = 0; at < RECORD.length; at++) {
      const changed = Uint8Array.from(RECORD);
      changed[at]! ^= 0x10;
      expect(parseBatchRecord(changed)).toBeNull();
    }
  });

  it('is refused where its events are not as many as it says', () => {
    expect(parseBatchRecord(buildBatchRecord(HEAD, Uint8Array.of(1), Uint32Array.of(3)))).toBeNull();
  });

  it('never throws on other bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(parseBatchRecord(bytes)).toBeNull();
        expect(parseLedgerRecord(bytes)).toBeNull();
      }),
    );
  });

  it('of an account comes back as it was', () => {
    const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    const sink = fc.record({
      name: fc.string({ minLength: 1 }),
      emitted: count,
      acknowledged: count,
      dropped: fc.array(fc.tuple(fc.string({ minLength: 1 }), count)).map((entries) => new Map(entries)),
      settledId: count,
      settledAbove: fc.array(fc.tuple(count, count)),
    });
    fc.assert(
      fc.property(sink, (state) => {
        expect(parseSinkRecord(buildSinkRecord(state))).toEqual(state);
        const entry = {
          state: { generation: 3, nextId: 9, nextDropId: 1 },
          added: [{ ...HEAD, recordBytes: 12 }],
          sinks: [state],
          removed: [1, 2],
        };
        expect(parseLedgerRecord(buildLedgerRecord(entry))).toEqual(entry);
      }),
    );
  });
});

describe('the generated schema', () => {
  it('is what the generator makes of the proto file', { timeout: 60_000 }, async () => {
    const current = await buildSpoolSchema(readFileSync(SPOOL_PROTO_PATH, 'utf8'));
    expect(readFileSync(SPOOL_MESSAGE_PATH, 'utf8')).toBe(current);
  });
});
