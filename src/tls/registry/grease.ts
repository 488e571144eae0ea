/** Whether `n` is one of the sixteen values reserved to keep peers honest: 0x0a0a, 0x1a1a, … 0xfafa (RFC 8701 2). */
export function isGrease(n: number): boolean {
  return (n & 0x0f0f) === 0x0a0a && n >> 8 === (n & 0xff);
}
