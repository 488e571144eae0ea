/**
 * Takes batches apart and packs what is left: only for the few of which a server refused an event, or the size. All others go out as the
 * spool has them. Compression works in zlib's threads.
 */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { SpoolBatch } from '../spool/spool-batch.ts';

/** A batch is closed at 1 MB; far above it, something is not a batch. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;
/** Level 1: about 6:1 on such events already. */
const GZIP_LEVEL = 1;

const EVENT_KEY = Buffer.from('"event":');
const INDEX_KEY = /"index":"(?:[^"\\]|\\.)*"/;
const OPENING_BRACE = 0x7b;

const gunzipAsync = promisify(gunzip);
const gzipAsync = promisify(gzip);

/** The lines of a batch. Rejects where its bytes are damaged. */
export async function unpackBatch(batch: SpoolBatch): Promise<Buffer> {
  const json = await gunzipAsync(batch.gzip, { maxOutputLength: MAX_JSON_BYTES });
  if (json.length !== batch.eventEnds.at(-1)) throw new RangeError('a batch does not end where its last event ends');
  return json;
}

export async function packLines(lines: Uint8Array): Promise<Uint8Array> {
  return await gzipAsync(lines, { level: GZIP_LEVEL });
}

/** Events [from, to), borrowed. */
export function cutLines(json: Buffer, ends: Uint32Array, from: number, to: number): Buffer {
  return json.subarray(from === 0 ? 0 : ends[from - 1], ends[to - 1]);
}

/** Events [from, to) with another index in their envelopes. */
export function cutWithIndex(json: Buffer, ends: Uint32Array, from: number, to: number, index: string): Buffer {
  const lines: Buffer[] = [];
  for (let i = from; i < to; i++) lines.push(...withIndex(cutLines(json, ends, i, i + 1), index));
  return Buffer.concat(lines);
}

/**
 * The envelope's keys stand before its event. Inside of a value a quote is escaped, so neither key can be found in one.
 */
function withIndex(line: Buffer, index: string): readonly Buffer[] {
  const eventAt = line.indexOf(EVENT_KEY);
  if (eventAt < 0 || line[0] !== OPENING_BRACE) return [line];
  const head = line.toString('latin1', 0, eventAt);
  const entry = `"index":${JSON.stringify(index)}`;
  const next = INDEX_KEY.test(head) ? head.replace(INDEX_KEY, () => entry) : `{${entry},${head.slice(1)}`;
  return [Buffer.from(next, 'latin1'), line.subarray(eventAt)];
}
