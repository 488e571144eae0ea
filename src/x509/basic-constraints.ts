/**
 * BasicConstraints: whether the key may sign certificates, and how many may follow.
 *
 *     BasicConstraints   SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER (0..MAX) OPTIONAL }
 *
 * RFC 5280 4.2.1.9.
 */
import type { Cursor } from '../bytes/cursor.ts';
import type { BasicConstraints } from './certificate.ts';
import { contentOf, expectEnd, readExpected, readOptional, Tag } from './der.ts';
import { readBoolean } from './der-boolean.ts';
import { readSmallInteger } from './der-integer.ts';
import type { FaultList } from './faults.ts';

/** A path length that does not fit stands for "any". */
const HUGE_PATH_LEN = 0x7fff_ffff;

/** Reads the value of a BasicConstraints extension. */
export function readBasicConstraints(c: Cursor, faults: FaultList): BasicConstraints {
  const sequence = readExpected(c, Tag.Sequence, faults);
  expectEnd(c, faults);
  if (sequence === null) return { isCa: false, pathLen: -1 };
  const inner = contentOf(c, sequence);
  const flag = readOptional(inner, Tag.Boolean, faults);
  const isCa = flag !== null && readBoolean(contentOf(inner, flag), faults);
  if (flag !== null && !isCa) faults.add('der_default_encoded');
  const length = readOptional(inner, Tag.Integer, faults);
  expectEnd(inner, faults);
  if (length === null) return { isCa, pathLen: -1 };
  const pathLen = readSmallInteger(contentOf(inner, length), faults);
  if (pathLen >= 0) return { isCa, pathLen };
  faults.add('bad_extension');
  return { isCa, pathLen: Number.isNaN(pathLen) ? HUGE_PATH_LEN : 0 };
}
