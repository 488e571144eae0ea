/** What a configuration that is read anew changes: what takes effect, and what needs a restart for it. */
import type { LivePatch } from '../sensor/live-options.ts';
import type { CaptureSettings } from './capture-settings.ts';
import type { Config } from './settings.ts';

/** Settings that take effect while it runs, as the configuration names them. */
const LIVE_PATHS = new Set(['filter', 'scoring.mode', 'scoring.min_risk']);

/** Only what is another than before. */
export function toPatch(before: CaptureSettings, now: CaptureSettings): LivePatch {
  return {
    ...(now.filter !== before.filter && { filter: now.filter }),
    ...(now.minRisk !== before.minRisk && { minRisk: now.minRisk }),
    ...(now.scoring !== before.scoring && { scoring: now.scoring }),
  };
}

/** Names, never values: a token may be among them. */
export function needRestart(before: Config, now: Config): readonly string[] {
  const [old, fresh] = [flatten(before), flatten(now)];
  const paths = new Set([...old.keys(), ...fresh.keys()]);
  return [...paths].filter((path) => !LIVE_PATHS.has(path) && old.get(path) !== fresh.get(path)).toSorted();
}

/** Leaves by their path; a list is a leaf. */
function flatten(value: unknown, path = '', leaves = new Map<string, string>()): Map<string, string> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) flatten(inner, path === '' ? key : `${path}.${key}`, leaves);
  } else if (value !== undefined) {
    leaves.set(path, JSON.stringify(value));
  }
  return leaves;
}
