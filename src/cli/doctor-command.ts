/** `spanglass doctor`: examines an interface, and every endpoint, one after the other, and says what to do. */
import { escapeUnsafe } from '../bytes/text.ts';
import type { Check } from '../sensor/check.ts';
import { examineInterface } from '../sensor/examine-interface.ts';
import { type CommandArguments, readArguments } from './arguments.ts';
import type { CliIo } from './cli-io.ts';
import type { CommandSpec } from './command-spec.ts';
import { type Examined, renderChecks, toJson } from './doctor-text.ts';
import { ExitCode } from './exit-code.ts';
import { readConfig } from './read-config.ts';
import { type Config, readNumber } from './settings.ts';
import { UsageError } from './usage-error.ts';

/** Of looking at traffic. A slow network may need a minute to show both directions. */
const DEFAULT_SECONDS = 5;
const MOST_SECONDS = 600;

const WHAT = 'spanglass doctor --interface NAME, or --hec URL';

/** Options that belong to one of the two examinations. */
const HEC_OPTIONS = ['hec', 'hec-token-file', 'index'] as const;

/** Throws `UsageError`. */
export async function runDoctor(spec: CommandSpec, args: readonly string[], io: CliIo): Promise<ExitCode> {
  const given = readArguments(spec, args);
  if (given.paths.length > 0) throw new UsageError(`doctor takes no path: ${WHAT}`);
  const seconds = readNumber(given.values, 'seconds', 0, MOST_SECONDS) ?? DEFAULT_SECONDS;
  const config = await readConfig(given);
  const name = interfaceOf(given, config);
  if (name === null && given.values.has('seconds'))
    throw new UsageError('--seconds is nothing without --interface NAME');
  const endpoints = wantsHec(given) ? await prepareHec(given, config, io) : [];
  if (name === null && endpoints.length === 0) throw new UsageError(`name what to examine: ${WHAT}`);

  const subjects: Subject[] = [];
  if (name !== null) {
    const examine = () => examineInterface({ interface: name, seconds, signal: io.interrupt });
    subjects.push({ kind: 'interface', name: escapeUnsafe(name), examine });
  }
  subjects.push(...endpoints);
  const examined: Examined[] = [];
  const isJson = given.switches.get('json') ?? false;
  for (const { kind, name: shown, examine } of subjects) {
    const findings = await examine();
    examined.push({ kind, name: shown, findings });
    if (!isJson) {
      if (subjects.length > 1) io.stdout.write(`${shown}\n`);
      io.stdout.write(renderChecks(findings));
    }
    if (io.interrupt.aborted) break;
  }
  if (isJson) io.stdout.write(toJson(examined));
  if (io.interrupt.aborted) return ExitCode.Interrupted;
  const hasFailed = examined.some(({ findings }) => findings.some(({ verdict }) => verdict === 'fail'));
  return hasFailed ? ExitCode.Failed : ExitCode.Ok;
}

interface Subject {
  readonly kind: Examined['kind'];
  readonly name: string;
  readonly examine: () => Promise<readonly Check[]>;
}

/** Who names an endpoint and no interface asks about the endpoint alone, whatever else is configured. */
function interfaceOf({ values }: CommandArguments, config: Config): string | null {
  const named = values.get('interface');
  if (named !== undefined) return named;
  return HEC_OPTIONS.some((name) => values.has(name)) ? null : (config.capture?.interface ?? null);
}

/** And the other way round. What is idle without an endpoint is said by those who read it. */
function wantsHec({ values, switches }: CommandArguments): boolean {
  if (HEC_OPTIONS.some((name) => values.has(name)) || switches.has('read-only')) return true;
  return !values.has('interface');
}

/** Nothing of delivery is loaded where only an interface is examined. */
async function prepareHec(given: CommandArguments, config: Config, io: CliIo): Promise<Subject[]> {
  const { endpointsToExamine } = await import('./doctor-hec.ts');
  const endpoints = await endpointsToExamine(given, config, io);
  return endpoints.map(({ name, examine }) => ({ kind: 'hec', name, examine }));
}
