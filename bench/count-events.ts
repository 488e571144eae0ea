/** What the sensor wrote, counted from the file: handshakes, and those that show the server's certificates. */
import { closeSync, openSync, readSync } from 'node:fs';

export interface EventCount {
  readonly handshakes: number;
  readonly chains: number;
}

const READ_BYTES = 8 * 1024 * 1024;
const LINE_END = 0x0a;
/** A line about the sensor itself. */
const IS_HEALTH = Buffer.from('"sourcetype":"spanglass:health"');
const SHOWS_CHAIN = Buffer.from('"cert_visibility":"clear"');

/** Counts the lines of an NDJSON file, whatever its size. */
export function countEvents(path: string): EventCount {
  const fd = openSync(path, 'r');
  let buf = Buffer.alloc(READ_BYTES);
  let kept = 0;
  let handshakes = 0;
  let chains = 0;
  try {
    for (let got = readSync(fd, buf, kept, buf.length - kept, null); got > 0; ) {
      const end = kept + got;
      // Only whole lines are counted; what is left of the last one moves to the front.
      const lineEnd = buf.lastIndexOf(LINE_END, end - 1);
      const lines = buf.subarray(0, lineEnd + 1);
      handshakes += occurrences(lines, Buffer.of(LINE_END)) - occurrences(lines, IS_HEALTH);
      chains += occurrences(lines, SHOWS_CHAIN);
      buf.copyWithin(0, lineEnd + 1, end);
      kept = end - (lineEnd + 1);
      if (kept === buf.length) buf = Buffer.concat([buf, Buffer.alloc(buf.length)]);
      got = readSync(fd, buf, kept, buf.length - kept, null);
    }
  } finally {
    closeSync(fd);
  }
  if (kept > 0) throw new Error(`${path} ends within a line`);
  return { handshakes, chains };
}

function occurrences(bytes: Buffer, wanted: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + wanted.length)) count += 1;
  return count;
}
