/**
 * pcapng timestamps: 64-bit ticks of a unit that each interface chooses, as whole microseconds since 1970.
 *
 *     if_tsresol   1   0..127: a tick is 10^-n s;  128 + n: a tick is 2^-n s;  6 where absent
 *     if_tsoffset  8   signed seconds added to every timestamp
 *
 * draft-ietf-opsawg-pcapng 4.2. A double holds 53 bits and nanoseconds since 1970 take 61, so the two halves of the ticks are
 * divided by hand, each step below 2^53. The result is the exact quotient, rounded down; microseconds fit until 2255. A damaged
 * interface can claim any time: one before 1970 becomes 0, one that does not fit the last that does.
 */

const TWO_32 = 4_294_967_296;
const US_PER_SEC = 1_000_000;

export interface TickUnit {
  /** One of `TickKind`. */
  readonly kind: TickKind;
  /** `Coarse`: microseconds a tick. `Decimal`: ticks a microsecond, at most 10^6. `Binary`: the exponent. */
  readonly scale: number;
  /** `Decimal`: what is left to divide by for units below 10^-12 s. */
  readonly rest: number;
  readonly offsetUs: number;
}

const TickKind = { Micros: 0, Coarse: 1, Decimal: 2, Binary: 3 } as const;
type TickKind = (typeof TickKind)[keyof typeof TickKind];

/** Reads `if_tsresol`; `offsetSec` is `if_tsoffset`. */
export function toTickUnit(resolution: number, offsetSec: number): TickUnit {
  const offsetUs = offsetSec * US_PER_SEC;
  const n = resolution & 0x7f;
  if (resolution >= 0x80) return { kind: TickKind.Binary, scale: n, rest: 1, offsetUs };
  if (n === 6) return { kind: TickKind.Micros, scale: 1, rest: 1, offsetUs };
  if (n < 6) return { kind: TickKind.Coarse, scale: 10 ** (6 - n), rest: 1, offsetUs };
  return { kind: TickKind.Decimal, scale: 10 ** Math.min(n - 6, 6), rest: 10 ** Math.max(n - 12, 0), offsetUs };
}

/** Ticks as microseconds. `high` and `low` are unsigned 32-bit numbers. */
export function ticksToUs(unit: TickUnit, high: number, low: number): number {
  const us = (unit.kind === TickKind.Micros ? high * TWO_32 + low : divide(unit, high, low)) + unit.offsetUs;
  return us >= 0 && us <= Number.MAX_SAFE_INTEGER ? us : us < 0 ? 0 : Number.MAX_SAFE_INTEGER;
}

function divide(unit: TickUnit, high: number, low: number): number {
  const { kind, scale, rest } = unit;
  if (kind === TickKind.Coarse) return (high * TWO_32 + low) * scale;
  if (kind === TickKind.Binary) return binaryToUs(scale, high, low);
  // high = quotient * scale + left, and left * 2^32 + low stays below 2^52 because scale is at most 10^6.
  const quotient = Math.floor(high / scale);
  const left = high - quotient * scale;
  const us = quotient * TWO_32 + Math.floor((left * TWO_32 + low) / scale);
  return rest === 1 ? us : Math.floor(us / rest);
}

/** Ticks of 2^-n seconds. Products of a 32-bit number and 10^6 stay below 2^52. */
function binaryToUs(n: number, high: number, low: number): number {
  if (n <= 32) {
    const ticksPerSec = 2 ** n;
    const lowSec = Math.floor(low / ticksPerSec);
    const sec = high * 2 ** (32 - n) + lowSec;
    return sec * US_PER_SEC + Math.floor(((low - lowSec * ticksPerSec) * US_PER_SEC) / ticksPerSec);
  }
  const highPerSec = 2 ** (n - 32);
  const sec = Math.floor(high / highPerSec);
  const highPart = (high - sec * highPerSec) * US_PER_SEC + Math.floor((low * US_PER_SEC) / TWO_32);
  return sec * US_PER_SEC + Math.floor(highPart / highPerSec);
}
