/**
 * The string types of ASN.1 as text, in two forms: `value` to show (safe in the sense of `bytes/text.ts`) and `escaped` for
 * a distinguished name (RFC 4514 2.4).
 *
 *     UTF8String                            UTF-8
 *     NumericString, PrintableString,       ASCII and less
 *     IA5String, VisibleString
 *     T61String (Teletex), Videotex,        by their standards escape sequences that nobody sends;
 *     GraphicString, GeneralString          read as ISO 8859-1, as OpenSSL does
 *     BMPString                             UTF-16, big-endian (by its standard without surrogates)
 *     UniversalString                       UTF-32, big-endian
 *
 * X.680 41, X.690 8.23. In `escaped`, what RFC 4514 makes special gets a backslash, and every octet of what must not leave raw
 * (controls, separators, bidirectional overrides, invalid octets) is `\NN`: a NUL is `\00`. Octets of invalid text are those of
 * the certificate, the others those of UTF-8, as 2.4 asks.
 */
import type { Cursor } from '../bytes/cursor.ts';
import { escapeUnsafe, latin1ToText, toText, utf16ToText, utf32ToText } from '../bytes/text.ts';
import { contentOf, type Element, Tag } from './der.ts';
import type { FaultList } from './faults.ts';
import { MAX_TEXT_OCTETS } from './limits.ts';

export interface DerString {
  readonly value: string;
  readonly escaped: string;
}

/** ASCII that needs no escape in either form. */
const PLAIN = /^(?![ #])[ !#-*\-./0-:=?@A-Z[\]^_`a-z{|}~]*(?<! )$/;

/** X.680 41.4, and with Go the `*` of wildcards and the `&` of firms, which are everywhere. */
const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?*&]*$/;
const NUMERIC = /^[0-9 ]*$/;

const LAST_CODE_POINT = 0x10_ffff;

/** The bytes that the element holds as a string, or null where its type is none. */
export function readString(c: Cursor, element: Element, faults: FaultList): DerString | null {
  const content = shownContent(c, element, faults);
  const { buf, pos, end } = content;
  switch (element.tag) {
    case Tag.Utf8String:
    case Tag.NumericString:
    case Tag.PrintableString:
    case Tag.Ia5String:
    case Tag.VisibleString: {
      const value = toText(buf, pos, end);
      if (!isAllowed(element.tag, value, content)) faults.add('invalid_string_char');
      return PLAIN.test(value) ? { value, escaped: value } : finish(value, utf8Points(content), faults);
    }
    case Tag.T61String:
    case Tag.VideotexString:
    case Tag.GraphicString:
    case Tag.GeneralString:
      return finish(latin1ToText(buf, pos, end), [...buf.subarray(pos, end)], faults);
    case Tag.BmpString:
      return finish(utf16ToText(buf, pos, end), utf16Points(content, faults), faults);
    case Tag.UniversalString:
      return finish(utf32ToText(buf, pos, end), utf32Points(content, faults), faults);
    default:
      return null;
  }
}

/** Text of an IA5String in an extension: names of hosts, addresses, links. */
export function readIa5(c: Cursor, element: Element, faults: FaultList): string {
  const { buf, pos, end } = shownContent(c, element, faults);
  for (let i = pos; i < end; i++) {
    if (buf[i]! >= 0x80) faults.add('invalid_string_char');
    else if (buf[i] === 0) faults.add('embedded_nul');
  }
  return toText(buf, pos, end);
}

function shownContent(c: Cursor, element: Element, faults: FaultList): Cursor {
  const content = contentOf(c, element);
  if (content.remaining <= MAX_TEXT_OCTETS) return content;
  faults.add('text_cut');
  content.end = content.pos + MAX_TEXT_OCTETS;
  return content;
}

function isAllowed(tag: number, value: string, c: Cursor): boolean {
  switch (tag) {
    case Tag.NumericString:
      return NUMERIC.test(value);
    case Tag.PrintableString:
      return PRINTABLE.test(value);
    case Tag.Ia5String:
      return c.buf.subarray(c.pos, c.end).every((octet) => octet < 0x80);
    case Tag.VisibleString:
      return c.buf.subarray(c.pos, c.end).every((octet) => octet >= 0x20 && octet < 0x7f);
    default:
      return PLAIN.test(value) || utf8Points(c).every((point) => point >= 0);
  }
}

/** Code points of a text; an octet that is part of none stands as its complement (`~octet`, negative). */
type Points = readonly number[];

function finish(value: string, points: Points, faults: FaultList): DerString {
  if (points.includes(0)) faults.add('embedded_nul');
  return { value, escaped: escapePoints(points) };
}

function utf8Points(c: Cursor): Points {
  const { buf, end } = c;
  const points: number[] = [];
  let i = c.pos;
  while (i < end) {
    const length = Math.min(utf8Length(buf[i]!), end - i);
    const point = utf8Point(buf, i, length);
    points.push(point >= 0 ? point : ~buf[i]!);
    i += point >= 0 ? length : 1;
  }
  return points;
}

function utf8Length(lead: number): number {
  return lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/** Smallest code point that needs so many octets (RFC 3629 3). */
const SMALLEST_OF_LENGTH: readonly number[] = [0, 0, 0x80, 0x800, 0x1_0000];
const LEAD_MASK: readonly number[] = [0, 0x7f, 0x1f, 0x0f, 0x07];

/** The code point in these octets; -1 if they are cut, overlong, a surrogate, or no UTF-8 at all. */
function utf8Point(buf: Uint8Array, at: number, length: number): number {
  const lead = buf[at]!;
  if (length === 1) return lead < 0x80 ? lead : -1;
  if (utf8Length(lead) !== length) return -1;
  let point = lead & LEAD_MASK[length]!;
  for (let i = 1; i < length; i++) {
    const tail = buf[at + i]!;
    if ((tail & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (tail & 0x3f);
  }
  if (lead > 0xf4 || point < SMALLEST_OF_LENGTH[length]!) return -1;
  return point > LAST_CODE_POINT || isSurrogate(point) ? -1 : point;
}

function utf16Points(c: Cursor, faults: FaultList): Points {
  const points: number[] = [];
  while (c.remaining >= 2) {
    const unit = c.u16();
    if (isSurrogate(unit)) faults.add('invalid_string_char');
    const low = c.remaining >= 2 ? (c.buf[c.pos]! << 8) | c.buf[c.pos + 1]! : 0;
    if (unit >= 0xd800 && unit < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
      points.push(0x1_0000 + ((unit & 0x3ff) << 10) + (c.u16() & 0x3ff));
    } else if (isSurrogate(unit)) {
      points.push(~(unit >> 8), ~(unit & 0xff));
    } else {
      points.push(unit);
    }
  }
  return pushRest(points, c, faults);
}

function utf32Points(c: Cursor, faults: FaultList): Points {
  const points: number[] = [];
  while (c.remaining >= 4) {
    const at = c.pos;
    const point = c.u32();
    if (point <= LAST_CODE_POINT && !isSurrogate(point)) {
      points.push(point);
    } else {
      faults.add('invalid_string_char');
      for (let i = at; i < at + 4; i++) points.push(~c.buf[i]!);
    }
  }
  return pushRest(points, c, faults);
}

/** The odd octets at the end of text in wide characters. */
function pushRest(points: number[], c: Cursor, faults: FaultList): Points {
  if (c.remaining > 0) faults.add('invalid_string_char');
  while (c.remaining > 0) points.push(~c.u8());
  return points;
}

function isSurrogate(point: number): boolean {
  return point >= 0xd800 && point <= 0xdfff;
}

/** Escapes as RFC 4514 2.4 says, and as much more as keeps the text on one line. */
function escapePoints(points: Points): string {
  let text = '';
  const last = points.length - 1;
  for (let i = 0; i <= last; i++) {
    const point = points[i]!;
    if (point < 0) text += escapeOctet(~point);
    else text += escapePoint(point, i === 0, i === last);
  }
  return text;
}

const SPECIAL = new Set(Array.from('"+,;<>\\', (char) => char.charCodeAt(0)));
const SPACE = 0x20;
const NUMBER_SIGN = 0x23;
const DELETE = 0x7f;

function escapePoint(point: number, isFirst: boolean, isLast: boolean): string {
  if (point < SPACE || point === DELETE) return escapeOctet(point);
  const char = String.fromCodePoint(point);
  if (point > DELETE) return escapeUnsafe(char) === char ? char : escapeUtf8(point);
  const isAtEdge = (point === SPACE && (isFirst || isLast)) || (point === NUMBER_SIGN && isFirst);
  return isAtEdge || SPECIAL.has(point) ? `\\${char}` : char;
}

/** The octets of UTF-8; what is unsafe lies below 0x10000. */
function escapeUtf8(point: number): string {
  const tail = escapeOctet(0x80 | (point & 0x3f));
  if (point < 0x800) return escapeOctet(0xc0 | (point >> 6)) + tail;
  return escapeOctet(0xe0 | (point >> 12)) + escapeOctet(0x80 | ((point >> 6) & 0x3f)) + tail;
}

function escapeOctet(octet: number): string {
  return ESCAPED_OCTETS[octet]!;
}

const ESCAPED_OCTETS: readonly string[] = Array.from(
  { length: 256 },
  (_, octet) => `\\${octet.toString(16).toUpperCase().padStart(2, '0')}`,
);
