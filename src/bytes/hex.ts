/** Bytes as lower-case hexadecimal text, and back. */

const DIGITS = '0123456789abcdef';
const PAIRS: readonly string[] = Array.from({ length: 256 }, (_, i) => DIGITS.charAt(i >> 4) + DIGITS.charAt(i & 15));

/** Copies `buf[at, end)` to text, two digits a byte, no separators. */
export function toHex(buf: Uint8Array, at = 0, end: number = buf.length): string {
  let out = '';
  for (let i = at; i < end; i++) out += PAIRS[buf[i]!]!;
  return out;
}

/** A 16-bit wire number as four digits: `0x1301` is `1301`. */
export function toHex16(n: number): string {
  return PAIRS[(n >> 8) & 0xff]! + PAIRS[n & 0xff]!;
}

/** Reads hexadecimal text; white space and colons between the digits are allowed. Throws on anything else. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/[\s:]+/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) throw new TypeError(`not hexadecimal: ${text}`);
  const out = new Uint8Array(digits.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return out;
}
