/**
 * The bytes that decide a hello's shape, gathered in one buffer: the key under which the shape is cached, and the input
 * from which it is built on a miss.
 *
 *     transport           1          an index of HELLO_TRANSPORTS
 *     legacy_version      2
 *     cipher_suites       2 + n
 *     compression         1 + n
 *     has_extensions      1          0: nothing follows
 *     extension, repeated until the end
 *       type              2
 *       content           depends on the type
 *         supported_versions, supported_groups, ec_point_formats, signature_algorithms, ALPN, psk_key_exchange_modes:
 *                         2 + n      the extension's body as sent
 *         key_share       1 + 2 n    groups, without the keys
 *         ECH, ESNI       1          an index of ECH_KINDS
 *         others          0
 *
 * Each part is as long as what it came from or shorter, so a key needs no more room than its hello. The buffer is reused;
 * who keeps a key copies it.
 */

import type { EchKind, HelloTransport } from './hello-shape.ts';

/** Room for the parts of a key that the hello may have been cut before. */
const FIXED_ROOM = 16;

export const HELLO_TRANSPORTS: readonly HelloTransport[] = ['t', 'd', 'q'];

export const ECH_KINDS: readonly EchKind[] = ['none', 'ech', 'grease_or_outer', 'inner', 'esni'];

export class HelloShapeKey {
  bytes: Uint8Array = new Uint8Array(1024);
  /** The same memory, for comparing and hashing four bytes at a time. */
  words: Int32Array = new Int32Array(this.bytes.buffer);
  len = 0;
  /** GREASE among the extensions: the client redraws it, so the shape will hardly be met again. */
  hasGrease = false;

  /** Begins a new key, for a hello of at most `helloLen` bytes. */
  reset(helloLen: number): this {
    const room = helloLen + FIXED_ROOM;
    if (room > this.bytes.length) {
      // Rounded up to a multiple of 4 KiB, so that a rising series of hellos does not reallocate each time.
      this.bytes = new Uint8Array((room + 4095) & ~4095);
      this.words = new Int32Array(this.bytes.buffer);
    }
    this.len = 0;
    this.hasGrease = false;
    return this;
  }

  u8(n: number): void {
    this.bytes[this.len++] = n;
  }

  u16(n: number): void {
    const { bytes, len } = this;
    bytes[len] = n >> 8;
    bytes[len + 1] = n;
    this.len = len + 2;
  }

  copy(buf: Uint8Array, at: number, end: number): void {
    const { bytes } = this;
    let { len } = this;
    for (let i = at; i < end; i++) bytes[len++] = buf[i]!;
    this.len = len;
  }

  /** Zeroes what follows the key in its last word, and returns how many words it fills. */
  seal(): number {
    const { bytes, len } = this;
    const end = (len + 3) & ~3;
    for (let i = len; i < end; i++) bytes[i] = 0;
    return end >> 2;
  }

  /** Hash of the first `words` words; not secret, so an attacker can make keys collide. */
  hash(words: number): number {
    const { words: key } = this;
    let h = this.len;
    for (let i = 0; i < words; i++) {
      h = Math.imul(h ^ key[i]!, 0x9e37_79b1);
      h ^= h >>> 15;
    }
    return h;
  }
}
