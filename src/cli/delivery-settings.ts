/** Where and how events are delivered: options over the environment over the configuration file over defaults. */
import { homedir } from 'node:os';
import path from 'node:path';
import { escapeUnsafe } from '../bytes/text.ts';
import type { HecConfig } from '../output/hec/hec-config.ts';
import type { OpenSpoolOptions } from '../output/spool/open-spool.ts';
import type { SpoolPolicy } from '../output/spool/sink-account.ts';
import type { DeliveryPatience } from '../sensor/delivery-wait.ts';
import type { CommandArguments } from './arguments.ts';
import type { CliIo } from './cli-io.ts';
import type { HecFileSettings } from './delivery-config.ts';
import { type Config, readNumber } from './settings.ts';
import { UsageError } from './usage-error.ts';

/** Name of the variable with the token. Nothing else of the environment, but for `token_env`, is looked at. */
export const TOKEN_VARIABLE = 'SPANGLASS_HEC_TOKEN';
/** Seconds without progress after which a wait ends. */
const DEFAULT_WAIT_S = 60;
const MAX_WAIT_S = 31_536_000;
/** Seconds between two health events. */
const DEFAULT_HEALTH_S = 60;

export interface DeliverySettings {
  readonly hec: HecConfig;
  readonly spool: Omit<OpenSpoolOptions, 'sensor' | 'sinks'>;
  readonly policy: SpoolPolicy;
  readonly patience: DeliveryPatience;
  readonly healthMs: number;
}

/** Null where nothing is to be delivered. Loads what checks the settings only otherwise. Throws `UsageError`. */
export async function resolveDelivery(
  given: CommandArguments,
  config: Config,
  env: CliIo['env'],
): Promise<DeliverySettings | null> {
  const hec = await resolveHec(given, config, env);
  if (hec === null) return null;
  const waitS = readNumber(given.values, 'hec-wait', 0, MAX_WAIT_S) ?? config.hec?.wait ?? null;
  return {
    hec,
    spool: resolveSpool(given, config, env),
    policy: config.spool?.policy ?? 'pause',
    patience: {
      idleMs: (waitS ?? DEFAULT_WAIT_S) * 1000,
      // Until it is sent again, and what that may take.
      ackMs: waitS === null ? hec.ackTimeoutMs + DEFAULT_WAIT_S * 1000 : waitS * 1000,
    },
    healthMs: resolveHealth(config),
  };
}

/** Milliseconds; 0: none. A timer takes 31 bits, and more than one event a second says nothing new. */
export function resolveHealth(config: Config): number {
  const seconds = config.health?.interval ?? DEFAULT_HEALTH_S;
  return seconds === 0 ? 0 : Math.min(Math.max(1, seconds) * 1000, 2 ** 31 - 1);
}

/** As the sink takes it; null where no endpoint is named. */
export async function resolveHec(
  given: CommandArguments,
  config: Config,
  env: CliIo['env'],
): Promise<HecConfig | null> {
  const urls = given.values.get('hec');
  const endpoints = urls === undefined ? config.hec?.endpoints : urls.split(',').map(readUrl);
  if (endpoints === undefined) {
    const idle = ['hec-token-file', 'hec-wait', 'spool'].find((name) => given.values.has(name));
    if (idle !== undefined) throw new UsageError(`--${idle} is nothing without --hec URL`);
    return null;
  }
  const { toHecConfig } = await import('../output/hec/hec-schema.ts');
  const { readVersion } = await import('./version.ts');
  const { wait: _, ...settings } = config.hec ?? {};
  const folder = spoolFolder(given, config, env);
  return toHecConfig(
    { ...withToken(settings, given, env), endpoints },
    {
      quarantineFile: path.join(path.dirname(folder), `${path.basename(folder)}-quarantine.ndjson`),
      userAgent: `spanglass/${readVersion()}`,
      env,
    },
  );
}

/** `path`, or where programs keep their state: https://specifications.freedesktop.org/basedir-spec. */
export function spoolFolder({ values }: CommandArguments, config: Config, env: CliIo['env']): string {
  const named = values.get('spool') ?? config.spool?.path;
  if (named !== undefined) return named;
  const state = env['XDG_STATE_HOME'] ?? '';
  return path.join(path.isAbsolute(state) ? state : path.join(homedir(), '.local', 'state'), 'spanglass', 'spool');
}

export function resolveSpool(given: CommandArguments, config: Config, env: CliIo['env']): DeliverySettings['spool'] {
  const { durability, max_bytes: maxBytes, max_age: maxAge, min_free_disk: minFreeBytes } = config.spool ?? {};
  return {
    folder: spoolFolder(given, config, env),
    ...(durability !== undefined && { durability }),
    ...(maxBytes !== undefined && { maxBytes }),
    ...(maxAge !== undefined && { maxAgeMs: maxAge * 1000 }),
    ...(minFreeBytes !== undefined && { minFreeBytes }),
  };
}

function readUrl(text: string): { url: string } {
  const url = text.trim();
  const shown = escapeUnsafe(withoutPassword(url));
  if (!/^https?:\/\//.test(url)) throw new UsageError(`--hec must be a URL, not ${shown}; write https://${shown}`);
  if (!URL.canParse(url)) throw new UsageError(`--hec ${shown} is no URL; write https://HOST:8088`);
  return { url };
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//');
}

/** One source only, the nearest: a token left in the file must not be taken for the one that was just named. */
function withToken(
  settings: Omit<HecFileSettings, 'endpoints' | 'wait'>,
  { values }: CommandArguments,
  env: CliIo['env'],
): Omit<HecFileSettings, 'endpoints' | 'wait'> {
  const file = values.get('hec-token-file');
  const token = env[TOKEN_VARIABLE] ?? '';
  if (file === undefined && token === '') return settings;
  const { token: _, token_env: __, token_file: ___, old_token: ____, ...rest } = settings;
  return file === undefined ? { ...rest, token } : { ...rest, token_file: file };
}
