/**
 * Times as text. Seconds and microseconds count from 1970; what is no time of the years 0 to 9999 gives empty text, which no
 * writer writes.
 */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

const YEAR_0 = -62_167_219_200;
const YEAR_10000 = 253_402_300_800;

function isWritable(seconds: number): boolean {
  return seconds >= YEAR_0 && seconds < YEAR_10000;
}

/** `2023-06-27T18:17:14Z` */
export function toIsoSeconds(seconds: number): string {
  if (!isWritable(seconds)) return '';
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

/** `Apr 25 09:12:30 2013 GMT`, as OpenSSL prints it: a day below 10 has a space before it. */
export function toOpensslTime(seconds: number): string {
  if (!isWritable(seconds)) return '';
  const date = new Date(seconds * 1000);
  const day = String(date.getUTCDate()).padStart(2, ' ');
  const year = date.getUTCFullYear();
  return `${MONTHS[date.getUTCMonth()]!} ${day} ${date.toISOString().slice(11, 19)} ${year} GMT`;
}

/** `2015-12-10T10:52:31.062802Z`. Packets come in order of time, so the text of the last second is kept. */
export class MicrosClock {
  #second = -1;
  #text = '';

  toIso(us: number): string {
    if (!(us >= 0)) return '';
    const second = Math.floor(us / 1_000_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = toIsoSeconds(second).replace('Z', '.');
    }
    // The leading 1 keeps the zeros.
    return this.#text === '' ? '' : `${this.#text}${String(1_000_000 + Math.floor(us) - second * 1_000_000).slice(1)}Z`;
  }
}
