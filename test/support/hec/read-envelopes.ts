/**
 * Reads a request's body as Splunk does, by what was measured on real servers (`hec.md`):
 *
 *     {"event":…}{"event":…}\n{"event":…}      objects one behind another, white space between them or none
 *
 * Objects are taken one by one until one can't be: those before it are indexed, it and those behind it are not. An unknown key in
 * an envelope ends the reading, too, but the answer is still 200. The number of code 7 is one more than the bad object's.
 */

export interface ReadEvent {
  readonly sensor: string;
  readonly bootId: string;
  readonly seq: number;
  readonly eventId: string | null;
}

export interface EnvelopeRead {
  /** The events before the fault; null for one that has no numbers. */
  readonly events: readonly (ReadEvent | null)[];
  readonly fault: { readonly code: number; readonly number: number } | null;
  /** An unknown key was met: what came behind is gone, and nobody is told. */
  readonly isCutShort: boolean;
}

const KNOWN_KEYS = new Set(['time', 'host', 'source', 'sourcetype', 'index', 'event', 'fields']);
const TEXT_KEYS = ['host', 'source', 'sourcetype', 'index'];

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** `allowedIndexes` of null lets every index pass. */
export function readEnvelopes(body: Buffer, allowedIndexes: ReadonlySet<string> | null): EnvelopeRead {
  const events: (ReadEvent | null)[] = [];
  let at = skipSpace(body, 0);
  if (at === body.length) return { events, fault: { code: 5, number: 0 }, isCutShort: false };
  while (at < body.length) {
    const number = events.length;
    const object = readObject(body, at);
    if (object === null) return { events, fault: { code: 6, number }, isCutShort: false };
    const code = checkEnvelope(object.value, allowedIndexes);
    if (code === 'unknown_key') return { events, fault: null, isCutShort: true };
    if (code !== 0) return { events, fault: { code, number: code === 7 ? number + 1 : number }, isCutShort: false };
    events.push(toEvent(object.value['event']));
    at = skipSpace(body, object.end);
  }
  return { events, fault: null, isCutShort: false };
}

function checkEnvelope(
  envelope: Readonly<Record<string, unknown>>,
  allowedIndexes: ReadonlySet<string> | null,
): number | 'unknown_key' {
  for (const key of Object.keys(envelope)) if (!KNOWN_KEYS.has(key)) return 'unknown_key';
  for (const key of TEXT_KEYS) if (envelope[key] !== undefined && typeof envelope[key] !== 'string') return 6;
  const { time, event, fields, index } = envelope;
  if (time !== undefined && !(typeof time === 'number' || (typeof time === 'string' && Number.isFinite(Number(time)))))
    return 6;
  if (event === undefined || event === null) return 12;
  if (typeof event === 'string' && event.trim() === '') return 13;
  if (fields !== undefined && !isFlat(fields)) return 15;
  if (typeof index === 'string' && allowedIndexes !== null && !allowedIndexes.has(index)) return 7;
  return 0;
}

/** Values, or lists of values: Splunk takes both, and nothing deeper. */
function isFlat(fields: unknown): boolean {
  if (!isRecord(fields)) return false;
  return Object.values(fields).every((value) =>
    Array.isArray(value) ? value.every((one) => typeof one !== 'object') : typeof value !== 'object',
  );
}

function toEvent(event: unknown): ReadEvent | null {
  if (!isRecord(event)) return null;
  const { sensor, boot_id, seq, event_id } = event;
  if (typeof boot_id !== 'string' || typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 0) return null;
  return {
    sensor: typeof sensor === 'string' ? sensor : '',
    bootId: boot_id,
    seq,
    eventId: typeof event_id === 'string' ? event_id : null,
  };
}

/** A line is tried whole first, as senders write them; then the object's end is searched byte by byte. */
function readObject(body: Buffer, at: number): { value: Readonly<Record<string, unknown>>; end: number } | null {
  if (body[at] !== OPEN) return null;
  const newline = body.indexOf(NEWLINE, at);
  const lineEnd = newline < 0 ? body.length : newline;
  const line = parseObject(body.toString('utf8', at, lineEnd));
  if (line !== null) return { value: line, end: lineEnd };
  const end = findObjectEnd(body, at);
  if (end < 0) return null;
  const value = parseObject(body.toString('utf8', at, end));
  return value === null ? null : { value, end };
}

/** Null for what is not one object of JSON. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    // Not JSON: this is what is being asked, and the caller answers with code 6.
    return null;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function findObjectEnd(body: Buffer, at: number): number {
  let depth = 0;
  let isText = false;
  for (let i = at; i < body.length; i++) {
    const byte = body[i]!;
    if (isText) {
      if (byte === BACKSLASH) i += 1;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if (byte === OPEN) depth += 1;
    else if (byte === CLOSE) {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return -1;
}

function skipSpace(body: Buffer, at: number): number {
  let i = at;
  while (i < body.length && (body[i] === NEWLINE || body[i] === 0x20 || body[i] === 0x0d || body[i] === 0x09)) i += 1;
  return i;
}
