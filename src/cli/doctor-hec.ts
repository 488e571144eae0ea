/** The endpoints that the doctor examines, as a replay or a capture with the same settings would use them. */
import { escapeUnsafe } from '../bytes/text.ts';
import { diagnoseHec } from '../output/hec/doctor.ts';
import type { HecConfig, HecEndpointConfig } from '../output/hec/hec-config.ts';
import { Redactor } from '../output/hec/redactor.ts';
import { TokenSource } from '../output/hec/token-source.ts';
import type { Check } from '../sensor/check.ts';
import type { CommandArguments } from './arguments.ts';
import type { CliIo } from './cli-io.ts';
import { resolveHec } from './delivery-settings.ts';
import { asUserErrors } from './replay-delivery.ts';
import { type Config, INDEX_NAME, INDEX_RULE } from './settings.ts';
import { UsageError } from './usage-error.ts';

/** What a request has at most. */
const PROBE_BYTES = 1024 * 1024;

export interface EndpointExamination {
  /** Host and port, without a password. */
  readonly name: string;
  readonly examine: () => Promise<readonly Check[]>;
}

/** Empty where none is named. Throws `UsageError`. */
export async function endpointsToExamine(
  given: CommandArguments,
  config: Config,
  io: CliIo,
): Promise<readonly EndpointExamination[]> {
  const hec = await resolveHec(given, config, io.env);
  if (hec === null) return [];
  const index = given.values.get('index') ?? config.events?.index;
  if (index !== undefined && !INDEX_NAME.test(index)) throw new UsageError(`--index must be ${INDEX_RULE}`);
  const token = await readToken(hec);
  const isReadOnly = given.switches.get('read-only') ?? false;
  return hec.endpoints.map((endpoint) => ({
    name: escapeUnsafe(hostOf(endpoint.url)),
    examine: async () => {
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
      return diagnoses.map(({ id, verdict, sentence, cure }) => ({ id, verdict, seen: sentence, cure }));
    },
  }));
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
