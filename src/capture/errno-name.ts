import { constants } from 'node:os';

/** `EPERM` for 1: what the addon's error numbers are called on this system. */
export function errnoName(errno: number): string {
  const found = Object.entries(constants.errno).find(([, number]) => number === errno);
  return found?.[0] ?? `error ${errno}`;
}
