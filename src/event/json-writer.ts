/**
 * Writes events as UTF-8 JSON straight into one growing buffer: no intermediate object, no text of the whole event.
 *
 * Every field is written with a comma before it, so that fragments can follow each other; whoever opens an object writes
 * its first member as a constant. Keys are constants. Values are printable ASCII nearly always, and then copied character by
 * character; the rest goes through `toSafeText`, after which only `"` and `\` need an escape.
 */
import { type AsciiRun, toAsciiRun } from './ascii-run.ts';
import type { Field, NumberedField } from './field.ts';
import type { FieldWriter, WriteItem } from './field-writer.ts';
import { LIST_CAPS, type ListCaps, MAX_TEXT_CHARS } from './limits.ts';
import { cutText, toSafeText } from './safe-text.ts';
import { toIsoSeconds } from './time-text.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const ONE = 0x31;
const LETTER_Z = 0x5a;
const LIST_START = 0x5b;
const BACKSLASH = 0x5c;
const LIST_END = 0x5d;
const OBJECT_START = 0x7b;
const OBJECT_END = 0x7d;

/** The two digits of each byte, and of each number below 100, as one 16-bit store. */
const HEX_PAIRS = Uint16Array.from({ length: 256 }, (_, n) => pairOf(n.toString(16)));
const DECIMAL_PAIRS = Uint16Array.from({ length: 100 }, (_, n) => pairOf(String(n)));

/** Room kept behind whatever is reserved, for what is written without asking: a number, a mark, the padding of a run. */
const SLACK = 32;

/** Bytes that one UTF-16 unit takes at most: 3 of UTF-8, or 2 when escaped; `\u{202e}` takes 8, its backslash escaped 9. */
const MAX_BYTES_PER_CHAR = 9;

const NO_RUN = toAsciiRun('');

export class JsonWriter implements FieldWriter {
  readonly form = 'json';
  cuts = 0;
  #buf: Buffer = Buffer.alloc(0);
  #view = new DataView(this.#buf.buffer);
  #at = 0;
  #second = -1;
  /** `2015-12-10T10:52:31.`, or nothing for a second without a date. */
  #secondText: AsciiRun = NO_RUN;

  constructor(initialBytes = 65_536) {
    this.#grow(initialBytes);
  }

  /** What was written since the last `reset`. The view dies with the next write. */
  view(): Uint8Array {
    return this.#buf.subarray(0, this.#at);
  }

  reset(): void {
    this.#at = 0;
    this.cuts = 0;
  }

  position(): number {
    return this.#at;
  }

  copyFrom(position: number): Uint8Array {
    return new Uint8Array(this.#buf.subarray(position, this.#at));
  }

  raw(fields: Uint8Array): void {
    this.#reserve(fields.length);
    this.#buf.set(fields, this.#at);
    this.#at += fields.length;
  }

  text(field: Field<'string'>, value: string): void {
    if (value.length === 0) return;
    this.#run(field.jsonKey);
    this.#string(this.#fit(value));
  }

  ascii(field: Field<'string'>, text: Uint8Array): void {
    if (text.length === 0) return;
    this.#run(field.jsonKey);
    this.#mark(QUOTE);
    this.raw(text);
    this.#mark(QUOTE);
  }

  hex(field: Field<'string'>, bytes: Uint8Array): void {
    const n = Math.min(bytes.length, MAX_TEXT_CHARS / 2);
    if (n === 0) return;
    if (n < bytes.length) this.cuts += 1;
    this.#run(field.jsonKey);
    this.#reserve(2 * n + 2);
    this.#mark(QUOTE);
    const view = this.#view;
    const at = this.#at;
    for (let i = 0; i < n; i++) view.setUint16(at + 2 * i, HEX_PAIRS[bytes[i]!]!);
    this.#at = at + 2 * n;
    this.#mark(QUOTE);
  }

  time(field: Field<'string'>, us: number): void {
    if (!(us >= 0)) return;
    const second = Math.floor(us / 1_000_000);
    // Packets come in order of time, so the text of the last second is kept.
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = toAsciiRun(toIsoSeconds(second).replace('Z', '.'));
    }
    if (this.#secondText.length === 0) return;
    this.#run(field.jsonKey);
    this.#mark(QUOTE);
    this.#run(this.#secondText);
    this.writeMicros(Math.floor(us) - second * 1_000_000);
    this.#mark(LETTER_Z);
    this.#mark(QUOTE);
  }

  numbered({ jsonStart }: NumberedField, n: number): void {
    if (!(n >= 0 && n <= Number.MAX_SAFE_INTEGER)) return;
    this.#run(jsonStart);
    this.#digits(Math.floor(n));
    this.#mark(QUOTE);
  }

  uint(field: Field<'uint32' | 'uint64'>, n: number): void {
    if (!(n >= 0 && n <= field.max)) return;
    this.#run(field.jsonKey);
    this.#digits(Math.floor(n));
  }

  int(field: Field<'int64'>, n: number): void {
    if (!(n >= -field.max && n <= field.max)) return;
    this.#run(field.jsonKey);
    if (n <= -1) this.#mark(MINUS);
    this.#digits(Math.floor(Math.abs(n)));
  }

  flag(field: Field<'bool'>, isSet: boolean): void {
    this.#run(field.jsonKey);
    this.#mark(isSet ? ONE : ZERO);
  }

  texts(field: Field<'string[]'>, values: readonly string[], caps: ListCaps = LIST_CAPS): void {
    const start = this.#at;
    let chars = 0;
    let items = 0;
    for (const value of values) {
      if (value.length === 0) continue;
      const fit = this.#fit(value);
      chars += fit.length;
      if (items === caps.maxItems || chars > caps.maxChars) {
        this.cuts += 1;
        break;
      }
      this.#nextItem(items, field.jsonKey);
      items += 1;
      this.#string(fit);
    }
    if (this.#at > start) this.#mark(LIST_END);
  }

  uints(field: Field<'uint32[]'>, values: readonly number[]): void {
    const n = Math.min(values.length, LIST_CAPS.maxItems);
    if (n === 0) return;
    if (n < values.length) this.cuts += 1;
    for (let i = 0; i < n; i++) {
      this.#nextItem(i, field.jsonKey);
      this.#digits(values[i]! >>> 0);
    }
    this.#mark(LIST_END);
  }

  messages<T>(field: Field<'message[]'>, items: readonly T[], write: WriteItem<T>): void {
    if (items.length === 0) return;
    for (let i = 0; i < items.length; i++) {
      this.#nextItem(i, field.jsonKey);
      const at = this.#at;
      write(this, items[i]!, i);
      if (this.#at === at) throw new Error('a message in an event has at least one field');
      // The comma before the first member is where the brace belongs.
      this.#buf[at] = OBJECT_START;
      this.#mark(OBJECT_END);
    }
    this.#mark(LIST_END);
  }

  /** A constant as it is: for the envelope. */
  writeRun(run: AsciiRun): void {
    this.#run(run);
  }

  writeByte(byte: number): void {
    this.#reserve(0);
    this.#mark(byte);
  }

  /** Digits of a whole number from 0, without a key: for the envelope. */
  writeDigits(n: number): void {
    this.#reserve(0);
    this.#digits(n);
  }

  /** Six digits, zeros in front: the microseconds of a time. */
  writeMicros(micros: number): void {
    this.#reserve(0);
    const high = (micros / 10_000) | 0;
    this.#pair(high);
    this.#fourDigits(micros - 10_000 * high);
  }

  #fit(value: string): string {
    if (value.length <= MAX_TEXT_CHARS) return value;
    this.cuts += 1;
    return cutText(value, MAX_TEXT_CHARS);
  }

  #run(run: AsciiRun): void {
    this.#reserve(run.length);
    const { words } = run;
    const view = this.#view;
    const at = this.#at;
    for (let i = 0; i < words.length; i++) view.setFloat64(at + 8 * i, words[i]!);
    this.#at = at + run.length;
  }

  #string(value: string): void {
    const n = value.length;
    this.#reserve(2 * n + 2);
    const buf = this.#buf;
    let at = this.#at;
    buf[at++] = QUOTE;
    for (let i = 0; i < n; i++) {
      const c = value.charCodeAt(i);
      if (c < 0x20 || c > 0x7e) {
        this.#unplainString(value);
        return;
      }
      if (c === QUOTE || c === BACKSLASH) buf[at++] = BACKSLASH;
      buf[at++] = c;
    }
    buf[at++] = QUOTE;
    this.#at = at;
  }

  /** A string that is not all printable ASCII. */
  #unplainString(value: string): void {
    const escaped = toSafeText(value).replace(/["\\]/g, '\\$&');
    this.#reserve(value.length * MAX_BYTES_PER_CHAR + 2);
    this.#mark(QUOTE);
    this.#at += this.#buf.write(escaped, this.#at, 'utf8');
    this.#mark(QUOTE);
  }

  /** A whole number from 0, without leading zeros. At most 16 digits: within the slack. */
  #digits(n: number): void {
    if (n < 100) {
      if (n < 10) this.#mark(ZERO + n);
      else this.#pair(n);
    } else if (n < 10_000) {
      const high = (n / 100) | 0;
      this.#digits(high);
      this.#pair(n - 100 * high);
    } else {
      const high = Math.floor(n / 10_000);
      this.#digits(high);
      this.#fourDigits(n - 10_000 * high);
    }
  }

  #fourDigits(n: number): void {
    const high = (n / 100) | 0;
    this.#pair(high);
    this.#pair(n - 100 * high);
  }

  #pair(n: number): void {
    this.#view.setUint16(this.#at, DECIMAL_PAIRS[n]!);
    this.#at += 2;
  }

  /** One byte, within the slack. */
  #mark(byte: number): void {
    this.#buf[this.#at++] = byte;
  }

  #nextItem(index: number, key: AsciiRun): void {
    if (index === 0) this.#run(key);
    else this.#reserve(0);
    this.#mark(index === 0 ? LIST_START : COMMA);
  }

  #reserve(n: number): void {
    const need = this.#at + n + SLACK;
    if (need > this.#buf.length) this.#grow(need);
  }

  #grow(need: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(need, 2 * this.#buf.length));
    this.#buf.copy(larger, 0, 0, this.#at);
    this.#buf = larger;
    this.#view = new DataView(larger.buffer, larger.byteOffset, larger.length);
  }
}

function pairOf(digits: string): number {
  const two = digits.padStart(2, '0');
  return (two.charCodeAt(0) << 8) | two.charCodeAt(1);
}
