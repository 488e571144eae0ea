/** What a replay and a capture ask of their outputs. */
import { escapeUnsafe } from '../bytes/text.ts';
import type { EventOptions } from '../event/build-event.ts';
import type { CliIo } from './cli-io.ts';
import type { ReplaySettings } from './settings.ts';
import { UsageError } from './usage-error.ts';

export const STDOUT_NAME = '-';

/** Kind and name of each that is asked for. */
export function outputNames({ ndjson, protobuf, stats }: ReplaySettings): readonly [string, string][] {
  const names = { ndjson, protobuf, stats };
  return Object.entries(names).filter((entry): entry is [string, string] => entry[1] !== null);
}

export function isStdoutTaken(settings: ReplaySettings): boolean {
  return outputNames(settings).some(([, name]) => name === STDOUT_NAME);
}

/** Throws `UsageError`. */
export function refuseSharedOutputs(settings: ReplaySettings, io: CliIo): void {
  const byName = new Map<string, string>();
  for (const [kind, name] of outputNames(settings)) {
    const other = byName.get(name);
    if (other !== undefined) {
      const where = name === STDOUT_NAME ? 'standard output' : escapeUnsafe(name);
      throw new UsageError(`--${other} and --${kind} can't both go to ${where}`);
    }
    byName.set(name, kind);
  }
  if (settings.protobuf === STDOUT_NAME && io.stdout.isTTY === true) {
    throw new UsageError('--protobuf - writes binary: send it to a file or a pipe, not to the terminal');
  }
}

export function toEventOptions(settings: ReplaySettings): EventOptions {
  return {
    ...(settings.source !== null && { source: settings.source }),
    ...(settings.index !== null && { index: settings.index }),
    hashCase: settings.hashCase,
    communityId: settings.hasCommunityId,
  };
}
