/**
 * One field of an event: its name in JSON, its tag in protobuf, and what it may hold. The table of all fields is generated
 * from `proto/` (`generated/fields.ts`), so that no name or number is typed by hand twice.
 */
import { type AsciiRun, toAsciiRun } from './ascii-run.ts';

export type FieldKind = 'string' | 'bool' | 'uint32' | 'uint64' | 'int64' | 'string[]' | 'uint32[]' | 'message[]';

export interface Field<K extends FieldKind> {
  readonly name: string;
  readonly kind: K;
  readonly id: number;
  /** Field number and wire type, as a protobuf writer puts them before the value. */
  readonly tag: number;
  /** `,"name":` */
  readonly jsonKey: AsciiRun;
  /** Largest number the field may hold. */
  readonly max: number;
}

const VARINT = 0;
const LENGTH_DELIMITED = 2;

const WIRE_TYPE: Readonly<Record<FieldKind, number>> = {
  string: LENGTH_DELIMITED,
  bool: VARINT,
  uint32: VARINT,
  uint64: VARINT,
  int64: VARINT,
  'string[]': LENGTH_DELIMITED,
  'uint32[]': LENGTH_DELIMITED,
  'message[]': LENGTH_DELIMITED,
};

export function defineField<K extends FieldKind>(name: string, id: number, kind: K): Field<K> {
  return {
    name,
    kind,
    id,
    tag: ((id << 3) | WIRE_TYPE[kind]) >>> 0,
    jsonKey: toAsciiRun(`,"${name}":`),
    max: kind === 'uint32' || kind === 'uint32[]' ? 0xffff_ffff : Number.MAX_SAFE_INTEGER,
  };
}

/** The same field under another name in JSON. Protobuf knows only its number. */
export function renameField<K extends FieldKind>(field: Field<K>, name: string): Field<K> {
  return name === field.name ? field : defineField(name, field.id, field.kind);
}

/** A text field whose value is a constant and a number, as an id is. */
export interface NumberedField {
  readonly field: Field<'string'>;
  readonly prefix: string;
  /** `,"name":"prefix` */
  readonly jsonStart: AsciiRun;
}

/** `prefix` is printable ASCII without `"` and `\`. */
export function defineNumbered(field: Field<'string'>, prefix: string): NumberedField {
  return { field, prefix, jsonStart: toAsciiRun(`,"${field.name}":"${prefix}`) };
}
