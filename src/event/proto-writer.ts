/** Writes events in protobuf: the same fields as `JsonWriter`, by number. */
import protobuf from 'protobufjs/minimal.js';

import { toHex } from '../bytes/hex.ts';
import type { Field, NumberedField } from './field.ts';
import type { FieldWriter, WriteItem } from './field-writer.ts';
import { LIST_CAPS, type ListCaps, MAX_TEXT_CHARS } from './limits.ts';
import { cutText, toSafeText } from './safe-text.ts';
import { MicrosClock } from './time-text.ts';

export class ProtoWriter implements FieldWriter {
  readonly form = 'proto';
  cuts = 0;
  readonly #clock = new MicrosClock();
  readonly #out = protobuf.Writer.create();

  reset(): void {
    this.#out.reset();
    this.cuts = 0;
  }

  /** A copy of what was written since the last `reset`. */
  finish(): Uint8Array {
    return new Uint8Array(this.#out.finish(true));
  }

  position(): number {
    return this.#out.finish(true).length;
  }

  copyFrom(position: number): Uint8Array {
    return new Uint8Array(this.#out.finish(true).subarray(position));
  }

  raw(fields: Uint8Array): void {
    this.#out.raw(fields);
  }

  text(field: Field<'string'>, value: string): void {
    if (value.length === 0) return;
    this.#out.uint32(field.tag).string(toSafeText(this.#fit(value)));
  }

  ascii(field: Field<'string'>, text: Uint8Array): void {
    if (text.length > 0) this.#out.uint32(field.tag).bytes(text);
  }

  hex(field: Field<'string'>, bytes: Uint8Array): void {
    this.text(field, toHex(bytes));
  }

  time(field: Field<'string'>, us: number): void {
    this.text(field, this.#clock.toIso(us));
  }

  numbered({ field, prefix }: NumberedField, n: number): void {
    if (!(n >= 0 && n <= Number.MAX_SAFE_INTEGER)) return;
    this.text(field, `${prefix}${Math.floor(n)}`);
  }

  uint(field: Field<'uint32' | 'uint64'>, n: number): void {
    if (!(n >= 0 && n <= field.max)) return;
    this.#out.uint32(field.tag);
    if (n <= 0xffff_ffff) this.#out.uint32(n);
    else this.#out.uint64(Math.floor(n));
  }

  int(field: Field<'int64'>, n: number): void {
    if (!(n >= -field.max && n <= field.max)) return;
    this.#out.uint32(field.tag).int64(Math.sign(n) * Math.floor(Math.abs(n)));
  }

  flag(field: Field<'bool'>, isSet: boolean): void {
    this.#out.uint32(field.tag).bool(isSet);
  }

  texts(field: Field<'string[]'>, values: readonly string[], caps: ListCaps = LIST_CAPS): void {
    let chars = 0;
    let items = 0;
    for (const value of values) {
      if (value.length === 0) continue;
      const fit = this.#fit(value);
      chars += fit.length;
      if (items === caps.maxItems || chars > caps.maxChars) {
        this.cuts += 1;
        return;
      }
      items += 1;
      this.#out.uint32(field.tag).string(toSafeText(fit));
    }
  }

  uints(field: Field<'uint32[]'>, values: readonly number[]): void {
    const n = Math.min(values.length, LIST_CAPS.maxItems);
    if (n === 0) return;
    if (n < values.length) this.cuts += 1;
    this.#out.uint32(field.tag).fork();
    for (let i = 0; i < n; i++) this.#out.uint32(values[i]!);
    this.#out.ldelim();
  }

  messages<T>(field: Field<'message[]'>, items: readonly T[], write: WriteItem<T>): void {
    for (let i = 0; i < items.length; i++) {
      this.#out.uint32(field.tag).fork();
      write(this, items[i]!, i);
      this.#out.ldelim();
    }
  }

  #fit(value: string): string {
    if (value.length <= MAX_TEXT_CHARS) return value;
    this.cuts += 1;
    return cutText(value, MAX_TEXT_CHARS);
  }
}
