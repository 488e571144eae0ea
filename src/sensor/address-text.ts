/** Addresses as text: IPv4 dotted, IPv6 as RFC 5952 has it, MAC in lower case with colons. */

/** Texts remembered, a power of two: the servers and clients of a busy minute. About 100 bytes each. */
const PLACES = 4096;

const BYTES: readonly string[] = Array.from({ length: 256 }, (_, i) => String(i));
const HEX_PAIRS: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** An address in a signed 32-bit integer, network order. */
export function ipv4Text(addr: number): string {
  return `${BYTES[addr >>> 24]!}.${BYTES[(addr >>> 16) & 255]!}.${BYTES[(addr >>> 8) & 255]!}.${BYTES[addr & 255]!}`;
}

/** An address in four signed 32-bit integers, network order. The longest run of zero groups is shortened (RFC 5952 4.2). */
export function ipv6Text(words: Int32Array, at: number): string {
  let bestAt = -1;
  let bestLen = 1;
  let runAt = -1;
  for (let i = 0; i < 8; i++) {
    if (group(words, at, i) !== 0) {
      runAt = -1;
      continue;
    }
    if (runAt < 0) runAt = i;
    if (i - runAt + 1 > bestLen) {
      bestAt = runAt;
      bestLen = i - runAt + 1;
    }
  }
  if (bestAt === 0 && bestLen === 5 && group(words, at, 5) === 0xffff) return `::ffff:${ipv4Text(words[at + 3]!)}`;
  let text = '';
  for (let i = 0; i < 8; i++) {
    if (i === bestAt) {
      text += '::';
      i += bestLen - 1;
      continue;
    }
    if (text !== '' && !text.endsWith(':')) text += ':';
    text += group(words, at, i).toString(16);
  }
  return text;
}

/** Six bytes. */
export function macText(buf: Uint8Array, at: number): string {
  let text = HEX_PAIRS[buf[at]!]!;
  for (let i = 1; i < 6; i++) text += `:${HEX_PAIRS[buf[at + i]!]!}`;
  return text;
}

function group(words: Int32Array, at: number, i: number): number {
  const word = words[at + (i >> 1)]!;
  return (i & 1) === 0 ? word >>> 16 : word & 0xffff;
}

/**
 * Texts of addresses that were met before. One place for each hash, so it is bounded by construction; an address that is met
 * again gets the same text, which costs a quarter of making it.
 */
export class AddressTexts {
  readonly #words = new Int32Array(PLACES * 4);
  readonly #texts: string[] = Array.from({ length: PLACES }, () => '');
  readonly #v4Words = new Int32Array(PLACES);
  readonly #v4Texts: string[] = Array.from({ length: PLACES }, () => '');
  #mac = new Uint8Array(12);
  #macTexts: readonly [string, string] = [macText(this.#mac, 0), macText(this.#mac, 6)];

  ipv4(addr: number): string {
    const place = (Math.imul(addr, 0x9e37_79b1) >>> 20) & (PLACES - 1);
    if (this.#v4Words[place] !== addr || this.#v4Texts[place] === '') {
      this.#v4Words[place] = addr;
      this.#v4Texts[place] = ipv4Text(addr);
    }
    return this.#v4Texts[place]!;
  }

  /** Four words, network order. */
  ipv6(words: Int32Array, at: number): string {
    let h = 0;
    for (let i = 0; i < 4; i++) h = Math.imul(h ^ words[at + i]!, 0x9e37_79b1);
    const place = (h >>> 20) & (PLACES - 1);
    let isKnown = this.#texts[place] !== '';
    for (let i = 0; i < 4; i++) isKnown &&= this.#words[4 * place + i] === words[at + i];
    if (!isKnown) {
      for (let i = 0; i < 4; i++) this.#words[4 * place + i] = words[at + i]!;
      this.#texts[place] = ipv6Text(words, at);
    }
    return this.#texts[place]!;
  }

  /** Destination and source of an Ethernet header; neighbours on a link are few. */
  macs(buf: Uint8Array, at: number): readonly [destination: string, source: string] {
    let isKnown = true;
    for (let i = 0; i < 12; i++) isKnown &&= this.#mac[i] === buf[at + i];
    if (!isKnown) {
      this.#mac = buf.slice(at, at + 12);
      this.#macTexts = [macText(buf, at), macText(buf, at + 6)];
    }
    return this.#macTexts;
  }
}
