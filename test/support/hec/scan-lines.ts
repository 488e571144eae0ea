/**
 * Counts the events of a body without parsing it: for benchmarks, where a server that parses would measure itself.
 *
 *     … "boot_id":"<id>" … "seq":<digits> … \n
 *
 * A quote inside a JSON text is escaped, so the bytes `"seq":` can only be a key. Sensor, ids and the envelope are not looked at.
 */
import type { ReadEvent } from './read-envelopes.ts';

const BOOT_KEY = Buffer.from('"boot_id":"');
const SEQ_KEY = Buffer.from('"seq":');
const NEWLINE = 0x0a;
const QUOTE = 0x22;
const ZERO = 0x30;

/** One entry for each line; null for a line without numbers. Events of the same boot share its text. */
export function scanLines(body: Buffer): (ReadEvent | null)[] {
  const events: (ReadEvent | null)[] = [];
  let bootId = '';
  let bootBytes = BOOT_KEY;
  let at = 0;
  while (at < body.length) {
    const newline = body.indexOf(NEWLINE, at);
    const end = newline < 0 ? body.length : newline;
    if (end > at) {
      const line = body.subarray(at, end);
      let seqAt = line.indexOf(SEQ_KEY);
      if (bootId === '' || line.indexOf(bootBytes) < 0) {
        const bootAt = line.indexOf(BOOT_KEY);
        const bootEnd = bootAt < 0 ? -1 : line.indexOf(QUOTE, bootAt + BOOT_KEY.length);
        if (bootEnd < 0) seqAt = -1;
        else {
          bootId = line.toString('latin1', bootAt + BOOT_KEY.length, bootEnd);
          bootBytes = Buffer.from(`"boot_id":"${bootId}"`);
        }
      }
      events.push(
        seqAt < 0 ? null : { sensor: '', bootId, seq: readDigits(line, seqAt + SEQ_KEY.length), eventId: null },
      );
    }
    at = end + 1;
  }
  return events;
}

function readDigits(line: Buffer, from: number): number {
  let value = 0;
  for (let i = from; i < line.length; i++) {
    const digit = line[i]! - ZERO;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return value;
}
