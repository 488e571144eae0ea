/**
 * Finds the fields of a certificate; `certificate-layout.ts` has the grammar.
 *
 * Fields are told by their place, so one with a wrong tag is still found; where a length lies and the places slip,
 * `resync.ts` looks for them by their shape. What is inside a field is not looked at here. RFC 5280 4.1.
 */
import { Cursor } from '../bytes/cursor.ts';
import { emptyLayout, type Layout } from './certificate-layout.ts';
import {
  contentOf,
  contextTag,
  type Element,
  expectEnd,
  peekTag,
  readElement,
  readExpected,
  readOptional,
  Tag,
} from './der.ts';
import { FaultList } from './faults.ts';
import { resyncLayout } from './resync.ts';

const VERSION = contextTag(0, true);
const ISSUER_UNIQUE_ID = contextTag(1, false);
const SUBJECT_UNIQUE_ID = contextTag(2, false);
const EXTENSIONS = contextTag(3, true);

/** Finds the fields, and records what is wrong with the frame they stand in. */
export function findLayout(der: Uint8Array, faults: FaultList): Layout {
  const layout = emptyLayout();
  const c = new Cursor(der);
  const outer = readExpected(c, Tag.Sequence, faults);
  expectEnd(c, faults);
  if (outer !== null) {
    const inner = contentOf(c, outer);
    layout.tbs = readExpected(inner, Tag.Sequence, faults);
    if (layout.tbs !== null) placeFields(contentOf(c, layout.tbs), layout, faults);
    layout.outerAlgorithm = readExpected(inner, Tag.Sequence, faults);
    layout.signature = readExpected(inner, Tag.BitString, faults);
    expectEnd(inner, faults);
  }
  if (!isPlausible(der, layout)) resyncLayout(der, layout);
  return layout;
}

function placeFields(c: Cursor, layout: Layout, faults: FaultList): void {
  layout.version = isVersionNext(c) ? readExpected(c, VERSION, faults) : null;
  layout.serial = readExpected(c, Tag.Integer, faults);
  layout.innerAlgorithm = readExpected(c, Tag.Sequence, faults);
  layout.issuer = readExpected(c, Tag.Sequence, faults);
  layout.validity = readExpected(c, Tag.Sequence, faults);
  layout.subject = readExpected(c, Tag.Sequence, faults);
  layout.publicKey = readExpected(c, Tag.Sequence, faults);
  const issuerId = readOptional(c, ISSUER_UNIQUE_ID, faults);
  const subjectId = readOptional(c, SUBJECT_UNIQUE_ID, faults);
  layout.uniqueIds = issuerId !== null || subjectId !== null;
  layout.extensions = readOptional(c, EXTENSIONS, faults);
  expectEnd(c, faults);
}

/** The version has its tag, or has lost it and stands before an INTEGER that is the serial number. */
function isVersionNext(c: Cursor): boolean {
  const tag = peekTag(c);
  if (tag === VERSION) return true;
  if (tag === Tag.Integer) return false;
  const ahead = new Cursor(c.buf, c.pos, c.end);
  readElement(ahead, new FaultList());
  return peekTag(ahead) === Tag.Integer;
}

/** The fields that follow one another by place have the shape that place asks for. */
function isPlausible(der: Uint8Array, layout: Layout): boolean {
  const { issuer, validity, subject, publicKey } = layout;
  if (issuer === null || validity === null || subject === null || publicKey === null) return false;
  if (issuer.isCut || validity.isCut || subject.isCut) return false;
  const first = der[validity.contentAt];
  const isValidity = first === Tag.UtcTime || first === Tag.GeneralizedTime;
  return isValidity && isName(der, issuer) && isName(der, subject) && isPublicKey(der, publicKey);
}

function isName(der: Uint8Array, name: Element): boolean {
  return name.contentEnd === name.contentAt || der[name.contentAt] === Tag.Set;
}

function isPublicKey(der: Uint8Array, key: Element): boolean {
  return key.tag === Tag.Sequence && der[key.contentAt] === Tag.Sequence;
}
