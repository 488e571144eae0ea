/**
 * Server names that were read before, by their bytes. Clients ask for few names, again and again; handing out the same text
 * each time saves making it, and whoever looks things up by it finds its hash computed.
 *
 * A table with one place for each hash: a name that collides takes the place. So it is bounded by construction, and an
 * attacker who makes names collide gets a table that never helps.
 */
import { toText } from '../bytes/text.ts';
import { SERVER_NAME_PLACES } from './limits.ts';

interface KnownName {
  readonly bytes: Uint8Array;
  readonly text: string;
}

export class ServerNames {
  readonly #places: (KnownName | undefined)[] = Array.from({ length: SERVER_NAME_PLACES });

  /** `buf[at, end)` as text: ASCII letters in lower case, what can't be shown escaped. */
  read(buf: Uint8Array, at: number, end: number): string {
    let h = end - at;
    for (let i = at; i < end; i++) h = Math.imul(h ^ buf[i]!, 0x0100_0193);
    const place = (h ^ (h >>> 15)) & (SERVER_NAME_PLACES - 1);
    const known = this.#places[place];
    if (known !== undefined && isEqual(known.bytes, buf, at, end)) return known.text;
    const text = toText(buf, at, end).replace(/[A-Z]+/g, (upper) => upper.toLowerCase());
    this.#places[place] = { bytes: buf.slice(at, end), text };
    return text;
  }
}

function isEqual(bytes: Uint8Array, buf: Uint8Array, at: number, end: number): boolean {
  if (bytes.length !== end - at) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== buf[at + i]) return false;
  return true;
}
