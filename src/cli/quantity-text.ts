/** Quantities for people. */

const BYTE_UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;
const BIT_UNITS = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'] as const;

/** `1,234,567` */
export function toCountText(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `1 packet`, `2,000 packets` */
export function toCountOf(n: number, noun: string): string {
  return `${toCountText(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** `412 bytes`, `1.2 MB`: thousands, as disks and links count. */
export function toBytesText(bytes: number): string {
  let n = bytes;
  let unit = 0;
  while (n >= 999.5 && unit < BYTE_UNITS.length - 1) {
    n /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || n >= 99.95 ? 0 : 1;
  return `${n.toFixed(digits)} ${BYTE_UNITS[unit]!}`;
}

/** `812 bit/s`, `2.41 Gbit/s` */
export function toBitRateText(bitsPerS: number): string {
  let n = bitsPerS;
  let unit = 0;
  while (n >= 999.5 && unit < BIT_UNITS.length - 1) {
    n /= 1000;
    unit += 1;
  }
  return `${n.toFixed(unit === 0 || n >= 99.95 ? 0 : n >= 9.995 ? 1 : 2)} ${BIT_UNITS[unit]!}`;
}

/** `0.31 s`, `42.0 s`, `3:07`, `1:02:09` */
export function toDurationText(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}
