/**
 * Where bytes look as if they held a length. Grammars differ, and one thing they have in common: a length field ends where
 * something else ends. So a field of 1 to 4 bytes (big-endian) counts whose value reaches exactly to the end of the input, or to
 * the beginning or end of a field that counts already.
 */

export interface LengthField {
  readonly at: number;
  readonly width: number;
}

/** Fields that are worth lying about; a long input would otherwise be searched for ever. */
const MAX_FIELDS = 256;
const MAX_SEARCHED_BYTES = 8192;

const known = new WeakMap<Uint8Array, readonly LengthField[]>();

/** The fields of a seed. Found once, so the bytes must not change. */
export function lengthFieldsOf(seed: Uint8Array): readonly LengthField[] {
  let fields = known.get(seed);
  if (fields === undefined) {
    fields = findLengthFields(seed);
    known.set(seed, fields);
  }
  return fields;
}

export function findLengthFields(bytes: Uint8Array): LengthField[] {
  const fields: LengthField[] = [];
  const ends = new Set([bytes.length]);
  const last = Math.min(bytes.length, MAX_SEARCHED_BYTES);
  // Inside out: a pass finds the fields that end where those of the pass before began.
  for (let pass = 0; pass < 3; pass++) {
    const before = fields.length;
    for (let at = 0; at < last && fields.length < MAX_FIELDS; at++) {
      const width = widthOfField(bytes, at, ends);
      if (width === 0 || fields.some((field) => field.at === at)) continue;
      fields.push({ at, width });
    }
    for (const { at } of fields.slice(before)) ends.add(at);
    if (fields.length === before) break;
  }
  return fields;
}

/** Bytes of the widest length field at `at`, or 0. */
function widthOfField(bytes: Uint8Array, at: number, ends: ReadonlySet<number>): number {
  let value = 0;
  let found = 0;
  for (let width = 1; width <= 4 && at + width <= bytes.length; width++) {
    value = value * 256 + bytes[at + width - 1]!;
    if (value > 0 && ends.has(at + width + value)) found = width;
  }
  return found;
}
