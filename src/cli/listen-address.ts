/** `[HOST:]PORT` of `--metrics`. Without a host only this machine can connect: metrics tell an attacker what the sensor misses. */
import { escapeUnsafe } from '../bytes/text.ts';
import type { CommandArguments } from './arguments.ts';
import type { Config } from './settings.ts';
import { UsageError } from './usage-error.ts';

export interface ListenAddress {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

export const LISTEN_RULE = '[HOST:]PORT, as 9464, 0.0.0.0:9464 or [::]:9464';
const LOOPBACK = '127.0.0.1';

/** Null where it is none. */
export function parseListenAddress(text: string): ListenAddress | null {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]\s/]+):)?(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const port = Number(match[2]);
  if (port > 65_535) return null;
  return { host: (match[1] ?? LOOPBACK).replace(/^\[|\]$/g, ''), port };
}

/** Null where it was not asked for. Throws `UsageError`. */
export function resolveListen({ values }: CommandArguments, config: Config): ListenAddress | null {
  const text = values.get('metrics') ?? config.metrics?.listen;
  if (text === undefined) return null;
  const address = parseListenAddress(text);
  if (address === null) throw new UsageError(`--metrics must be ${LISTEN_RULE}, not ${escapeUnsafe(text)}`);
  return address;
}
