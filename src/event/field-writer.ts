/**
 * What the parts of an event write to. One code describes an event; JSON and protobuf are two writers.
 *
 * A value that is not known is not written: empty text, an empty list, a negative `uint`, a NaN `int`. So callers hand over
 * what they have. Text is made safe here, at the exit, whoever made it: what `bytes/text.ts` calls unsafe is escaped.
 */
import type { Field, NumberedField } from './field.ts';
import type { ListCaps } from './limits.ts';

/** Writes the fields of one message of a list. */
export type WriteItem<T> = (w: FieldWriter, item: T, index: number) => void;

export interface FieldWriter {
  readonly form: 'json' | 'proto';
  /** Texts and lists that were cut at a cap so far. */
  cuts: number;

  text(field: Field<'string'>, value: string): void;
  /** Text as bytes: printable ASCII without `"` and `\`. */
  ascii(field: Field<'string'>, text: Uint8Array): void;
  /** Bytes as lower-case hex text. */
  hex(field: Field<'string'>, bytes: Uint8Array): void;
  /** Microseconds since 1970 as ISO 8601 text. */
  time(field: Field<'string'>, us: number): void;
  /** A constant text and a decimal number behind it. */
  numbered(field: NumberedField, n: number): void;
  uint(field: Field<'uint32' | 'uint64'>, n: number): void;
  int(field: Field<'int64'>, n: number): void;
  flag(field: Field<'bool'>, isSet: boolean): void;
  /** Empty texts in the list are left out. Caps are `LIST_CAPS` unless given. */
  texts(field: Field<'string[]'>, values: readonly string[], caps?: ListCaps): void;
  uints(field: Field<'uint32[]'>, values: readonly number[]): void;
  messages<T>(field: Field<'message[]'>, items: readonly T[], write: WriteItem<T>): void;

  /** Where the next field goes. */
  position(): number;
  /** A copy of what was written since. */
  copyFrom(position: number): Uint8Array;
  /** Appends fields as `copyFrom` gave them. */
  raw(fields: Uint8Array): void;
}
