import type { CommandArguments } from './arguments.ts';
import type { Config } from './settings.ts';

/** What `--config` names; empty without it, and then nothing is loaded. Throws `UsageError`. */
export async function readConfig({ values }: CommandArguments): Promise<Config> {
  const path = values.get('config');
  if (path === undefined) return {};
  const { readConfigFile } = await import('./config-file.ts');
  return readConfigFile(path);
}
