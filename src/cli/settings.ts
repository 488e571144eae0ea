/** What a replay or a capture is to do: options over the configuration file over defaults. Nothing of it comes from elsewhere. */
import { hostname } from 'node:os';
import { escapeUnsafe } from '../bytes/text.ts';
import type { HashCase } from '../event/certificate-part.ts';
import { PROFILES, type ProfileName } from '../event/profile.ts';
import { MAX_FLOWS } from '../flow/limits.ts';
import { ScoringMode } from '../score/score.ts';
import { nearestName } from '../sensor/nearest-name.ts';
import type { CommandArguments } from './arguments.ts';
import type { CaptureConfig } from './capture-config.ts';
import type { DeliveryConfig } from './delivery-config.ts';
import { UsageError } from './usage-error.ts';

/** A configuration file, as written; docs/operating.md has the reference. Absent is not set. */
export interface Config extends DeliveryConfig, CaptureConfig {
  readonly sensor?: { readonly name?: string | undefined } | undefined;
  readonly scoring?: { readonly mode?: ScoringMode | undefined; readonly min_risk?: number | undefined } | undefined;
  readonly filter?: string | undefined;
  readonly events?:
    | {
        readonly profile?: ProfileName | undefined;
        readonly source?: string | undefined;
        readonly index?: string | undefined;
        readonly hash_case?: HashCase | undefined;
        readonly community_id?: boolean | undefined;
      }
    | undefined;
  readonly output?:
    | {
        readonly ndjson?: string | undefined;
        readonly protobuf?: string | undefined;
        readonly stats?: string | undefined;
        /** Live only. Bytes and seconds. */
        readonly rotate_size?: number | undefined;
        readonly rotate_every?: number | undefined;
      }
    | undefined;
  readonly flows?: { readonly max?: number | undefined } | undefined;
}

/** What both commands are told. */
export interface ReplaySettings {
  readonly ndjson: string | null;
  readonly protobuf: string | null;
  readonly stats: string | null;
  readonly isQuiet: boolean;
  readonly scoring: ScoringMode;
  readonly minRisk: number;
  readonly filter: string | null;
  /** Where the filter was written, for an error. */
  readonly filterOrigin: string;
  readonly profile: ProfileName;
  readonly source: string | null;
  readonly index: string | null;
  readonly hashCase: HashCase;
  readonly hasCommunityId: boolean;
  readonly sensor: string;
  readonly maxFlows: number;
}

export const SCORING_MODES: readonly ScoringMode[] = Object.values(ScoringMode);
export const PROFILE_NAMES: readonly ProfileName[] = Object.keys(PROFILES).filter(isProfileName);
export const HASH_CASES: readonly HashCase[] = ['lower', 'upper'];
export const MAX_RISK = 7;
/** Fewer would end handshakes of an ordinary link before they are done. */
export const MIN_FLOWS = 16;
/** 160 bytes each: 2.5 GiB. */
export const MOST_FLOWS = 16_777_216;
/** Splunk refuses others with code 7, "incorrect index", and the events with it. */
export const INDEX_NAME = /^[a-z0-9][a-z0-9_-]*$/;
export const INDEX_RULE = 'lower-case letters, digits, _ and -, the first of them a letter or a digit';

/** Throws `UsageError` for a value that can't be used. */
export function resolveSettings({ values, switches }: CommandArguments, config: Config): ReplaySettings {
  const { events, output, scoring } = config;
  const index = values.get('index') ?? events?.index ?? null;
  if (index !== null && !INDEX_NAME.test(index)) throw new UsageError(`--index must be ${INDEX_RULE}`);
  return {
    ndjson: values.get('ndjson') ?? output?.ndjson ?? null,
    protobuf: values.get('protobuf') ?? output?.protobuf ?? null,
    stats: values.get('stats') ?? output?.stats ?? null,
    isQuiet: switches.get('quiet') ?? false,
    scoring: readChoice(values, 'scoring', SCORING_MODES) ?? scoring?.mode ?? ScoringMode.Refined,
    minRisk: readNumber(values, 'min-risk', 0, MAX_RISK) ?? scoring?.min_risk ?? 0,
    filter: values.get('filter') ?? config.filter ?? null,
    filterOrigin: values.has('filter') ? '--filter' : 'filter in the configuration',
    profile: readChoice(values, 'profile', PROFILE_NAMES) ?? events?.profile ?? 'stream:ssl',
    source: values.get('source') ?? events?.source ?? null,
    index,
    hashCase: readChoice(values, 'hash-case', HASH_CASES) ?? events?.hash_case ?? 'lower',
    hasCommunityId: switches.get('community-id') ?? events?.community_id ?? true,
    sensor: values.get('sensor') ?? config.sensor?.name ?? hostname(),
    maxFlows: readNumber(values, 'max-flows', MIN_FLOWS, MOST_FLOWS) ?? config.flows?.max ?? MAX_FLOWS,
  };
}

export function readChoice<T extends string>(
  values: ReadonlyMap<string, string>,
  name: string,
  choices: readonly T[],
): T | null {
  const value = values.get(name);
  if (value === undefined) return null;
  const choice = choices.find((one) => one === value);
  if (choice !== undefined) return choice;
  const near = nearestName(value, choices);
  const hint = near === null ? '' : `; did you mean ${near}?`;
  throw new UsageError(`--${name} must be one of ${choices.join(', ')}, not ${escapeUnsafe(value)}${hint}`);
}

export function readNumber(
  values: ReadonlyMap<string, string>,
  name: string,
  least: number,
  most: number,
): number | null {
  const value = values.get(name);
  if (value === undefined) return null;
  const n = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (n >= least && n <= most) return n;
  throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, not ${escapeUnsafe(value)}`);
}

function isProfileName(name: string): name is ProfileName {
  return Object.hasOwn(PROFILES, name);
}
