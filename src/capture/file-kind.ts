/** What a file that is no capture probably is, and what to do about it: for the message that refuses it. */

import { toHex } from '../bytes/hex.ts';
import { probeCompression } from './compressed.ts';

/** Bytes shown of a refused file. */
const SHOWN_BYTES = 16;
/** Bytes of a file that have to be printable before it is called text. */
const TEXT_BYTES = 64;

interface FileKind {
  /** First bytes as hexadecimal; `at` is where they stand. */
  readonly magic: string;
  readonly at?: number;
  readonly what: string;
  readonly cure: string;
}

const UNPACK = 'unpack it first';
const CONVERT = 'convert it with: editcap -F pcapng IN OUT';

const KINDS: readonly FileKind[] = [
  { magic: '736e6f6f70000000', what: 'a snoop capture', cure: CONVERT },
  { magic: '474d4255', what: 'a Microsoft Network Monitor capture', cure: CONVERT },
  { magic: '52545353', what: 'a Microsoft Network Monitor 1 capture', cure: CONVERT },
  { magic: '6970747261636520', what: 'an AIX iptrace capture', cure: CONVERT },
  { magic: '5452534e4946462064617461', what: 'a Network General Sniffer capture', cure: CONVERT },
  { magic: '1c0001ac', what: 'an IXIA capture', cure: CONVERT },
  { magic: '1c0005ac', what: 'an IXIA capture', cure: CONVERT },
  { magic: '0d0a0d0a', what: 'a pcapng capture that was transferred as text', cure: 'transfer it again as binary' },
  { magic: '0a0a0a0a', what: 'a pcapng capture that was transferred as text', cure: 'transfer it again as binary' },
  { magic: '425a68', what: 'bzip2', cure: 'read it with: bzip2 -dc FILE | spanglass replay -' },
  { magic: '504b0304', what: 'a ZIP archive', cure: UNPACK },
  { magic: '377abcaf271c', what: 'a 7-Zip archive', cure: UNPACK },
  { magic: '526172211a07', what: 'a RAR archive', cure: UNPACK },
  { magic: '7573746172', at: 257, what: 'a tar archive', cure: UNPACK },
  { magic: '1f9d', what: 'compress (.Z)', cure: 'read it with: zcat FILE | spanglass replay -' },
  { magic: '7f454c46', what: 'an ELF program', cure: '' },
  { magic: '4d5a', what: 'a Windows program', cure: '' },
  { magic: '25504446', what: 'a PDF document', cure: '' },
  { magic: '53514c69746520666f726d6174', what: 'an SQLite database', cure: '' },
  { magic: '0000000000000000', what: 'zeros: its space was allocated and never written', cure: 'capture again' },
];

/** How pcap and pcapng begin. A file too short to go on (to the byte order of a pcapng) may be one that was cut. */
const CAPTURE_STARTS = ['a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1', '0a0d0d0a'];
const CUT_BYTES = 12;

/** `begins with 7f 45 4c 46 … ".ELF…", which looks like an ELF program`; for bytes that are neither pcap nor pcapng. */
export function describeBytes(buf: Uint8Array, at: number, end: number): string {
  const shownEnd = Math.min(end, at + SHOWN_BYTES);
  let hex = '';
  let text = '';
  for (let i = at; i < shownEnd; i++) {
    const byte = buf[i]!;
    hex += (i > at ? ' ' : '') + toHex(buf, i, i + 1);
    text += byte >= 0x20 && byte <= 0x7e ? String.fromCharCode(byte) : '.';
  }
  const guess = guessKind(buf, at, end);
  return `begins with ${hex} "${text}"${guess === '' ? '' : `, which looks like ${guess}`}`;
}

/** An empty text where nothing comes to mind. */
function guessKind(buf: Uint8Array, at: number, end: number): string {
  if (isCutCapture(buf, at, end)) return 'the beginning of a capture; the rest is missing';
  const compression = probeCompression(buf, at, end);
  if (compression !== null) return `${compression} inside another compression; unpack it once`;
  for (const kind of KINDS) {
    const from = at + (kind.at ?? 0);
    const to = from + kind.magic.length / 2;
    if (to <= end && toHex(buf, from, to) === kind.magic)
      return kind.cure === '' ? kind.what : `${kind.what}; ${kind.cure}`;
  }
  return isText(buf, at, Math.min(end, at + TEXT_BYTES)) ? guessText(buf, at, end) : '';
}

function isCutCapture(buf: Uint8Array, at: number, end: number): boolean {
  const start = toHex(buf, at, Math.min(end, at + 4));
  return end > at && end - at < CUT_BYTES && CAPTURE_STARTS.some((magic) => magic.startsWith(start));
}

function guessText(buf: Uint8Array, at: number, end: number): string {
  let i = at;
  while (i < end && buf[i]! <= 0x20) i++;
  const first = i < end ? String.fromCharCode(buf[i]!) : '';
  if (first === '{' || first === '[') return 'JSON';
  if (first === '<') return 'HTML or XML, perhaps an error page saved in place of the download';
  return 'text';
}

/** Printable ASCII, UTF-8 and white space. */
function isText(buf: Uint8Array, at: number, end: number): boolean {
  for (let i = at; i < end; i++) {
    const byte = buf[i]!;
    if (byte === 0x7f || (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)) return false;
  }
  return end > at;
}
