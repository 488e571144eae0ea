/**
 * Wire bytes as text that is safe to show and to send.
 *
 * The result is valid Unicode with no control character in it. What can't be shown is escaped, visibly and without
 * loss: a byte that is not part of valid UTF-8 becomes `\xNN`, a control character (C0, DEL, C1, line and
 * paragraph separators, bidirectional overrides) `\u{N}`, and a backslash itself stays. A NUL inside a name is an attack and
 * must be seen, so it is `\u{0}`. Values are copied; nothing here keeps the caller's buffer.
 */

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Characters that are never sent raw: controls, separators that split log lines, and bidirectional overrides. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]|[\ud800-\udfff]/gu;

/** Longest ASCII text for which a loop beats the decoder. */
const SHORT_TEXT = 64;

/** Bytes that claim to be UTF-8 (or ASCII) as text. */
export function toText(buf: Uint8Array, at = 0, end: number = buf.length): string {
  if (end - at <= SHORT_TEXT) {
    let text = '';
    let i = at;
    for (; i < end; i++) {
      const byte = buf[i]!;
      if (byte < 0x20 || byte > 0x7e) break;
      text += String.fromCharCode(byte);
    }
    if (i === end) return text;
  }
  const view = buf.subarray(at, end);
  try {
    return escapeUnsafe(strict.decode(view));
  } catch {
    // Not UTF-8: `TextDecoder` says so only by throwing.
    return decodeLossless(view);
  }
}

/** Bytes of ISO 8859-1, the usual content of a T61String, as text. */
export function latin1ToText(buf: Uint8Array, at = 0, end: number = buf.length): string {
  let text = '';
  for (let i = at; i < end; i++) text += String.fromCharCode(buf[i]!);
  return escapeUnsafe(text);
}

/** Big-endian UTF-16 (BMPString) as text; a lone surrogate and an odd last byte are escaped. */
export function utf16ToText(buf: Uint8Array, at = 0, end: number = buf.length): string {
  let text = '';
  let i = at;
  for (; i + 1 < end; i += 2) text += String.fromCharCode((buf[i]! << 8) | buf[i + 1]!);
  const shown = escapeUnsafe(text);
  return i < end ? shown + escapeByte(buf[i]!) : shown;
}

/** Big-endian UTF-32 (UniversalString) as text; impossible code points and trailing bytes are escaped. */
export function utf32ToText(buf: Uint8Array, at = 0, end: number = buf.length): string {
  let text = '';
  let i = at;
  for (; i + 3 < end; i += 4) {
    const code = ((buf[i]! << 24) | (buf[i + 1]! << 16) | (buf[i + 2]! << 8) | buf[i + 3]!) >>> 0;
    if (code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff)) text += `\\u{${code.toString(16)}}`;
    else text += escapeUnsafe(String.fromCodePoint(code));
  }
  for (; i < end; i++) text += escapeByte(buf[i]!);
  return text;
}

/** Text from elsewhere with every unsafe character escaped. */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

function escapeByte(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

/** Decodes what is valid UTF-8 and escapes each byte that is not. */
function decodeLossless(view: Uint8Array): string {
  let out = '';
  let runAt = 0;
  let i = 0;
  while (i < view.length) {
    const n = sequenceLength(view, i);
    if (n > 0) {
      i += n;
      continue;
    }
    out += escapeUnsafe(strict.decode(view.subarray(runAt, i))) + escapeByte(view[i]!);
    i += 1;
    runAt = i;
  }
  return out + escapeUnsafe(strict.decode(view.subarray(runAt)));
}

/** Length of the well-formed UTF-8 sequence at `i`, or 0 (RFC 3629 4: no overlong forms, no surrogates). */
function sequenceLength(view: Uint8Array, i: number): number {
  const a = view[i]!;
  if (a < 0x80) return 1;
  const b = view[i + 1] ?? 0;
  if (a >= 0xc2 && a <= 0xdf) return isTail(b) ? 2 : 0;
  const c = view[i + 2] ?? 0;
  if (a >= 0xe0 && a <= 0xef) {
    const low = a === 0xe0 ? 0xa0 : 0x80;
    const high = a === 0xed ? 0x9f : 0xbf;
    return b >= low && b <= high && isTail(c) ? 3 : 0;
  }
  if (a >= 0xf0 && a <= 0xf4) {
    const low = a === 0xf0 ? 0x90 : 0x80;
    const high = a === 0xf4 ? 0x8f : 0xbf;
    return b >= low && b <= high && isTail(c) && isTail(view[i + 3] ?? 0) ? 4 : 0;
  }
  return 0;
}

function isTail(byte: number): boolean {
  return byte >= 0x80 && byte <= 0xbf;
}
