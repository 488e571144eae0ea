/** What the tests of message parsers share: wire text, windows with foreign bytes around them, and bad input. */

import * as fc from 'fast-check';
import { expect } from 'vitest';
import { Cursor } from '../../src/bytes/cursor.ts';
import { fromHex, toHex } from '../../src/bytes/hex.ts';

/** Hexadecimal text with `# comments` to the end of the line. */
export function wire(text: string): Uint8Array {
  return fromHex(text.replace(/#.*$/gm, ''));
}

/** Hexadecimal parts, in front of them their length in `lenBytes` bytes. */
export function vec(lenBytes: number, ...parts: readonly string[]): string {
  const body = toHex(wire(parts.join(' ')));
  return (body.length / 2).toString(16).padStart(2 * lenBytes, '0') + body;
}

export function extension(type: number, ...parts: readonly string[]): string {
  return type.toString(16).padStart(4, '0') + vec(2, ...parts);
}

export function cursorOf(text: string): Cursor {
  return new Cursor(wire(text));
}

/** Every proper prefix, the empty one first. */
export function prefixesOf(message: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: message.length }, (_, n) => message.subarray(0, n));
}

/** Parses the message between two different kinds of foreign bytes: a parser that looks outside sees a difference. */
export function parseInWindow<T>(message: Uint8Array, parse: (c: Cursor) => T): T {
  const results = [0x00, 0xff].map((fill) => {
    const buf = new Uint8Array(message.length + 2 * MARGIN).fill(fill);
    buf.set(message, MARGIN);
    const c = new Cursor(buf, MARGIN, MARGIN + message.length);
    const result = parse(c);
    expect(c.pos).toBeGreaterThanOrEqual(MARGIN);
    expect(c.pos).toBeLessThanOrEqual(MARGIN + message.length);
    return result;
  });
  expect(results[1]).toEqual(results[0]);
  return results[0]!;
}

/** Arbitrary bytes, and the message with some of its bytes changed and its end cut off. */
export function hostileForms(message: Uint8Array): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(message.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  const changed = fc.tuple(changes, fc.nat(message.length)).map(([list, end]) => {
    const out = message.slice();
    for (const [at, byte] of list) out[at] = byte;
    return end % 4 === 0 ? out.subarray(0, end) : out;
  });
  return fc.oneof(fc.uint8Array({ maxLength: 200 }), changed);
}

/** Every truncation and many hostile forms of a message: no throw, nothing read outside the window. */
export function expectRobust(message: Uint8Array, parse: (c: Cursor) => unknown): void {
  for (const prefix of prefixesOf(message)) parseInWindow(prefix, parse);
  fc.assert(fc.property(hostileForms(message), (form) => void parseInWindow(form, parse)));
}

const MARGIN = 40;
