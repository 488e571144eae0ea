/**
 * Reads the arguments of a command by its table. `node:util` splits them; what is wrong with them is said here, because a
 * user needs the cure as well. A later option overrides an earlier one. Throws `UsageError`.
 */
import { parseArgs } from 'node:util';
import { escapeUnsafe } from '../bytes/text.ts';
import { nearestName } from '../sensor/nearest-name.ts';
import { type CommandSpec, type OptionSpec, optionsOf } from './command-spec.ts';
import { UsageError } from './usage-error.ts';

export interface CommandArguments {
  /** Options that take a value. */
  readonly values: ReadonlyMap<string, string>;
  /** Switches, as they were left. */
  readonly switches: ReadonlyMap<string, boolean>;
  readonly paths: readonly string[];
}

export function readArguments(command: CommandSpec, args: readonly string[]): CommandArguments {
  const specs = new Map(optionsOf(command).map((spec) => [spec.name, spec]));
  const values = new Map<string, string>();
  const switches = new Map<string, boolean>();
  const paths: string[] = [];
  for (const token of split(specs, args)) {
    if (token.kind === 'positional') paths.push(token.value);
    if (token.kind !== 'option') continue;
    const negated = token.name.startsWith('no-') ? specs.get(token.name.slice(3)) : undefined;
    if (negated?.isNegatable === true) {
      if (token.value !== undefined) throw new UsageError(`--${token.name} takes no value`);
      switches.set(negated.name, false);
      continue;
    }
    const spec = specs.get(token.name);
    if (spec === undefined) throw refuseUnknown(command, specs, token.rawName);
    if (spec.value === null) {
      if (token.value !== undefined) throw new UsageError(`--${spec.name} takes no value`);
      switches.set(spec.name, true);
    } else {
      values.set(spec.name, requireValue(spec, spec.value, token.value, token.inlineValue === true));
    }
  }
  return { values, switches, paths };
}

function split(specs: ReadonlyMap<string, OptionSpec>, args: readonly string[]) {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {};
  for (const { name, short, value } of specs.values()) {
    options[name] = { type: value === null ? 'boolean' : 'string', ...(short !== undefined && { short }) };
  }
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

/** An option after an option is a forgotten value far more often than a file of that name. */
function requireValue(spec: OptionSpec, word: string, value: string | undefined, isInline: boolean): string {
  if (value === undefined || value === '') throw new UsageError(`--${spec.name} needs a value: --${spec.name} ${word}`);
  if (isInline || value === '-' || !value.startsWith('-')) return value;
  const shown = escapeUnsafe(value);
  throw new UsageError(
    `--${spec.name} needs a value, but ${shown} follows; write --${spec.name}=${shown} if that is the value`,
  );
}

function refuseUnknown(command: CommandSpec, specs: ReadonlyMap<string, OptionSpec>, rawName: string): UsageError {
  const name = rawName.replace(/^-+/, '');
  const names = [...specs.keys()];
  const near = nearestName(name, names) ?? names.find((one) => one.startsWith(`${name}-`)) ?? null;
  const cure = near === null ? `spanglass ${command.name} --help lists them` : `did you mean --${near}?`;
  return new UsageError(`there is no option ${escapeUnsafe(rawName)}; ${cure}`);
}
