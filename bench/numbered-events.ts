/**
 * Real events, made once and then only renumbered: a generator that costs next to nothing beside what it feeds.
 *
 *     "seq":10000000,"event_id":"<boot>-10000000", … "flow_id":"<boot>-f10000000" …
 *           ────────                  ────────                         ────────   eight digits, written over
 *
 * The builder makes each from the facts of a capture, with another client address. One that is longer than wanted loses its longest
 * fields, but not those that tell connections apart. As a few captures repeat what a network does not, every hash and session id is
 * replaced by one of its own: for gzip that is harder than real events, whose certificates and clients come again and again.
 */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { EventBuilder } from '../src/event/build-event.ts';
import type { EventFacts } from '../src/event/event-facts.ts';
import { JsonWriter } from '../src/event/json-writer.ts';
import { PROFILES } from '../src/event/profile.ts';
import { loadRoomInputs } from './room-inputs.ts';

/** A `seq` has eight digits from the first event to the last of an hour. */
export const FIRST_SEQ = 10_000_000;
const DIGITS = Buffer.from(String(FIRST_SEQ));
const NINE = 0x39;
const ZERO = 0x30;

/** Far more than gzip looks back, so that it does not meet the same event again. */
const TEMPLATES = 2048;
/** Shorter ones, by this share of what is wanted, are left out. */
const MIN_SHARE = 0.8;
/** Hashes, serial numbers, session ids; and the microseconds of a time. */
const CHANGING = /[0-9a-f]{32,}|(?<=:\d\d\.|"time":\d{10}\.)\d{6}/g;
/** Never left out: what the accounting reads, and what a short event would be about. */
const KEPT = new Set([
  'boot_id',
  'seq',
  'event_id',
  'flow_id',
  'src_ip',
  'dest_ip',
  'community_id',
  'ssl_server_name',
  'ssl_subject',
  'ssl_issuer',
  'ssl_session_id',
  'ssl_cert_sha256',
  'ja3',
  'ja3s',
]);

interface Template {
  readonly line: Buffer;
  /** Where the eight digits are. */
  readonly at: readonly number[];
}

export class NumberedEvents {
  readonly meanBytes: number;
  /** Of the next event. */
  seq: number = FIRST_SEQ;
  readonly #templates: readonly Template[];
  readonly #digits: Buffer = Buffer.from(DIGITS);

  constructor(lines: readonly Buffer[]) {
    this.#templates = lines.map((line) => ({ line, at: findDigits(line) }));
    this.meanBytes = lines.reduce((sum, { length }) => sum + length, 0) / lines.length;
  }

  /** The next event, valid until the same template comes again. */
  next(): Buffer {
    const { line, at } = this.#templates[this.seq % this.#templates.length]!;
    const digits = this.#digits;
    for (const from of at) for (let i = 0; i < digits.length; i++) line[from + i] = digits[i]!;
    this.seq += 1;
    let place = digits.length - 1;
    for (; place > 0 && digits[place] === NINE; place--) digits[place] = ZERO;
    digits[place]! += 1;
    return line;
  }
}

/** Events of all captures in a folder, none longer than `maxBytes`. */
export async function loadEvents(captures: string, bootId: string, maxBytes: number): Promise<NumberedEvents> {
  const facts: EventFacts[] = [];
  for (const name of readdirSync(captures).toSorted()) {
    if (/\.pcap(ng)?$/.test(name)) facts.push(...(await loadRoomInputs(path.join(captures, name))).facts);
  }
  const builder = new EventBuilder({ sensor: 'bench', bootId }, PROFILES['stream:ssl']);
  const writer = new JsonWriter();
  const build = (of: EventFacts, client: number): Buffer => {
    const { connection } = of;
    const isIpv4 = connection.srcIp.includes('.');
    const srcIp = isIpv4 ? `198.18.${client >> 8}.${client & 0xff}` : connection.srcIp;
    writer.reset();
    builder.writeJson({ ...of, seq: FIRST_SEQ, connection: { ...connection, srcIp, flowId: FIRST_SEQ } }, writer);
    const line = Buffer.from(writer.view()).toString();
    return shorten(
      line.replace(CHANGING, (old, at: number) => strangeDigits(`${client} ${at}`, old)),
      maxBytes,
    );
  };
  const long = facts.filter((of) => build(of, 0).length >= MIN_SHARE * maxBytes);
  if (long.length === 0) throw new Error(`no event of ${captures} has ${maxBytes} bytes`);
  return new NumberedEvents(Array.from({ length: TEMPLATES }, (_, i) => build(long[i % long.length]!, i)));
}

function strangeDigits(seed: string, old: string): string {
  const strange = createHash('sha512').update(seed).digest();
  const hex = strange.toString('hex').slice(0, old.length);
  return old.length < 32 ? hex.replace(/[a-f]/g, (letter) => String(letter.charCodeAt(0) % 10)) : hex;
}

function shorten(line: string, maxBytes: number): Buffer {
  if (Buffer.byteLength(line) <= maxBytes) return Buffer.from(line);
  // The builder wrote it.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const envelope = JSON.parse(line) as { event: Record<string, unknown> };
  const sizes = Object.entries(envelope.event)
    .filter(([key]) => !KEPT.has(key))
    .map(([key, value]) => [key, Buffer.byteLength(JSON.stringify(value)) + key.length + 4] as const)
    .toSorted(([, a], [, b]) => b - a);
  let over = Buffer.byteLength(JSON.stringify(envelope)) + 1 - maxBytes;
  for (const [key, size] of sizes) {
    // The longest that does not take more than it must, so that lengths stay near what is wanted.
    if (over <= 0) break;
    if (size > over + (1 - MIN_SHARE) * maxBytes) continue;
    over -= size;
    delete envelope.event[key];
  }
  return Buffer.from(`${JSON.stringify(envelope)}\n`);
}

function findDigits(line: Buffer): number[] {
  const at: number[] = [];
  for (let from = line.indexOf(DIGITS); from >= 0; from = line.indexOf(DIGITS, from + DIGITS.length)) at.push(from);
  return at;
}
