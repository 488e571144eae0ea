/** Text from wire bytes: valid Unicode, nothing in it that could hide or split a line, and nothing read beside the window. */
import { escapeUnsafe, latin1ToText, toText, utf16ToText, utf32ToText } from '../../src/bytes/text.ts';
import { type FuzzTarget, promise } from './fuzz-target.ts';
import type { Samples } from './samples.ts';
import { readInWindow } from './window.ts';

const READERS = [toText, latin1ToText, utf16ToText, utf32ToText];

/** With the flag `u` a surrogate matches only where it stands alone. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/u;

export function checkText(text: string): void {
  promise(!UNSAFE.test(text), 'text that is not safe to show');
}

const text: FuzzTarget = {
  name: 'bytes.text',
  weight: 150,
  maxBytes: 512,
  seeds: ({ certificates }: Samples) => [
    ...[
      'www.example.com',
      'xn--bcher-kva.example',
      'bücher.example',
      '漢字',
      '😀 and more than sixty-four characters, to leave the short path behind',
      '\u202egpj.exe',
      'a\0b',
      '\ufeffbom',
    ].map((value) => new TextEncoder().encode(value)),
    Uint8Array.of(0xc0, 0x80, 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80, 0xff),
    Uint8Array.of(0xd8, 0x00, 0xdc, 0x00, 0xdc, 0x00, 0x00, 0x41, 0x00),
    ...certificates.slice(0, 20).map((der) => der.slice(0, 256)),
  ],
  run(bytes) {
    for (const read of READERS) {
      const shown = readInWindow(bytes, (buf, at, end) => read(buf, at, end));
      checkText(shown);
      promise(escapeUnsafe(shown) === shown, 'safe text is escaped again');
      promise(shown.length <= bytes.length * 10, 'text much longer than its bytes');
    }
  },
};

export const BYTES_TARGETS: readonly FuzzTarget[] = [text];
