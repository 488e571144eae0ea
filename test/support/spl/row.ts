/**
 * An event as a search sees it: flat fields, each a text or several.
 *
 * Splunk's JSON extraction makes text of every scalar, leaves null out, calls a member of an object `outer.inner` and an
 * element of an array `name{}`. What eval computes is kept as a number or a text.
 */
export type Scalar = string | number;
export type FieldValue = Scalar | readonly Scalar[];
export type Row = Readonly<Record<string, FieldValue>>;

/** The fields that Splunk would extract of one JSON event. */
export function toRow(event: Record<string, unknown>): Row {
  const row: Record<string, FieldValue> = {};
  for (const [name, value] of Object.entries(event)) addField(row, name, value);
  return row;
}

function addField(row: Record<string, FieldValue>, name: string, value: unknown): void {
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) {
    for (const element of value) addField(row, `${name}{}`, element);
    return;
  }
  if (typeof value === 'object') {
    for (const [inner, innerValue] of Object.entries(value)) addField(row, `${name}.${inner}`, innerValue);
    return;
  }
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw new TypeError(`${name} is a ${typeof value}, which JSON can't hold`);
  }
  const text = String(value);
  const before = row[name];
  row[name] = before === undefined ? text : [...valuesOf(before), text];
}

/** The values of a field, whether one or several; none of an absent one. */
export function valuesOf(value: FieldValue | undefined): readonly Scalar[] {
  if (value === undefined) return [];
  return typeof value === 'object' ? value : [value];
}

const NUMERIC = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

/** The number that eval sees in a value; null where it sees text. */
export function toNumber(value: Scalar): number | null {
  if (typeof value === 'number') return value;
  return NUMERIC.test(value) ? Number(value) : null;
}

/** Order of two values: by number if both are numbers, else by code unit. */
export function compare(a: Scalar, b: Scalar): number {
  const x = toNumber(a);
  const y = toNumber(b);
  if (x !== null && y !== null) return x - y;
  const s = String(a);
  const t = String(b);
  return s < t ? -1 : s > t ? 1 : 0;
}
