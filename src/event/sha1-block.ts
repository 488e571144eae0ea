/**
 * SHA-1 (FIPS 180-4 6.1) of a message that fits one block, for Community IDs.
 *
 * `node:crypto` would do, but for 16 bytes the way there and back costs more than twice the hash, and every event pays it. An
 * identifier needs no security; the test compares with `node:crypto`.
 */

const BLOCK_BYTES = 64;

/** A message leaves room for the padding bit and the length. */
export const MAX_MESSAGE_BYTES = 55;

const schedule = new Int32Array(80);

/**
 * Hashes `block[0, len)` into `digest`, 20 bytes. `block` has 64 bytes, and those from `len` on are overwritten by the padding.
 */
export function writeSha1(block: Uint8Array, len: number, digest: Uint8Array): void {
  block.fill(0, len, BLOCK_BYTES);
  block[len] = 0x80;
  block[62] = (len * 8) >> 8;
  block[63] = len * 8;
  const w = schedule;
  for (let i = 0; i < 16; i++) {
    w[i] = (block[4 * i]! << 24) | (block[4 * i + 1]! << 16) | (block[4 * i + 2]! << 8) | block[4 * i + 3]!;
  }
  for (let i = 16; i < 80; i++) {
    const x = w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!;
    w[i] = (x << 1) | (x >>> 31);
  }
  let a = 0x6745_2301;
  let b = 0xefcd_ab89 | 0;
  let c = 0x98ba_dcfe | 0;
  let d = 0x1032_5476;
  let e = 0xc3d2_e1f0 | 0;
  for (let i = 0; i < 80; i++) {
    let mixed: number;
    if (i < 20) mixed = ((b & c) | (~b & d)) + 0x5a82_7999;
    else if (i < 40) mixed = (b ^ c ^ d) + 0x6ed9_eba1;
    else if (i < 60) mixed = ((b & c) | (b & d) | (c & d)) + (0x8f1b_bcdc | 0);
    else mixed = (b ^ c ^ d) + (0xca62_c1d6 | 0);
    const next = (((a << 5) | (a >>> 27)) + mixed + e + w[i]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  writeWord(digest, 0, a + 0x6745_2301);
  writeWord(digest, 4, b + (0xefcd_ab89 | 0));
  writeWord(digest, 8, c + (0x98ba_dcfe | 0));
  writeWord(digest, 12, d + 0x1032_5476);
  writeWord(digest, 16, e + (0xc3d2_e1f0 | 0));
}

function writeWord(out: Uint8Array, at: number, word: number): void {
  out[at] = word >>> 24;
  out[at + 1] = word >>> 16;
  out[at + 2] = word >>> 8;
  out[at + 3] = word;
}
