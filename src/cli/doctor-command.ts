/** `spanglass doctor`: examines every endpoint, one after the other, and says what to do. */
import { escapeUnsafe } from '../bytes/text.ts';
import { renderDiagnoses } from '../output/hec/diagnosis.ts';
import { diagnoseHec } from '../output/hec/doctor.ts';
import type { HecConfig, HecEndpointConfig } from '../output/hec/hec-config.ts';
import { Redactor } from '../output/hec/redactor.ts';
import { TokenSource } from '../output/hec/token-source.ts';
import { readArguments } from './arguments.ts';
import type { CliIo } from './cli-io.ts';
import type { CommandSpec } from './command-spec.ts';
import { resolveHec } from './delivery-settings.ts';
import { ExitCode } from './exit-code.ts';
import { readConfig } from './read-config.ts';
import { asUserErrors } from './replay-delivery.ts';
import { INDEX_NAME, INDEX_RULE } from './settings.ts';
import { UsageError } from './usage-error.ts';

/** What a request has at most. */
const PROBE_BYTES = 1024 * 1024;

/** Throws `UsageError`. */
export async function runDoctor(spec: CommandSpec, args: readonly string[], io: CliIo): Promise<ExitCode> {
  const given = readArguments(spec, args);
  if (given.paths.length > 0) throw new UsageError('doctor takes no path: spanglass doctor --hec URL');
  const config = await readConfig(given);
  const hec = await resolveHec(given, config, io.env);
  if (hec === null) throw new UsageError('name what to examine: spanglass doctor --hec URL');
  const index = given.values.get('index') ?? config.events?.index;
  if (index !== undefined && !INDEX_NAME.test(index)) throw new UsageError(`--index must be ${INDEX_RULE}`);
  const token = await readToken(hec);
  const isReadOnly = given.switches.get('read-only') ?? false;
  let hasFailed = false;
  for (const endpoint of hec.endpoints) {
    const diagnoses = await diagnoseHec({
      url: endpoint.url,
      token,
      ...(index !== undefined && { index }),
      ...(hec.proxy !== undefined && { proxy: hec.proxy }),
      ...tlsOf(hec, endpoint),
      userAgent: hec.userAgent,
      isReadOnly,
      probeBytes: PROBE_BYTES,
    });
    if (hec.endpoints.length > 1) io.stdout.write(`${escapeUnsafe(hostOf(endpoint.url))}\n`);
    io.stdout.write(`${renderDiagnoses(diagnoses).join('\n')}\n`);
    hasFailed ||= diagnoses.some(({ verdict }) => verdict === 'fail');
    if (io.interrupt.aborted) return ExitCode.Interrupted;
  }
  return hasFailed ? ExitCode.Failed : ExitCode.Ok;
}

/** The one that would be sent. Throws `UsageError` where there is none. */
function readToken(hec: HecConfig): Promise<string> {
  return asUserErrors(() => {
    const source = new TokenSource(hec, new Redactor());
    if (source.fault !== null) throw new UsageError(`${escapeUnsafe(hec.tokenFile ?? '')}: ${source.fault}`);
    return Promise.resolve(source.tokens[0] ?? '');
  });
}

/** As the sender does: the endpoint's own replace the common ones. */
function tlsOf(hec: HecConfig, endpoint: HecEndpointConfig) {
  const tls = endpoint.tls ?? hec.tls;
  return tls === undefined ? {} : { tls };
}

/** Without a password. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
