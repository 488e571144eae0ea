/** The commands and their options: one table, from which arguments are read and the help is written. */

export interface OptionSpec {
  readonly name: string;
  readonly short?: string;
  /** Word for the value in the help; null for a switch. */
  readonly value: string | null;
  /** A switch that can be switched off with `--no-…`. */
  readonly isNegatable?: boolean;
  readonly help: string;
}

interface OptionGroup {
  readonly title: string;
  readonly options: readonly OptionSpec[];
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly groups: readonly OptionGroup[];
}

const SCORING_OPTION: OptionSpec = {
  name: 'scoring',
  value: 'MODE',
  help: 'refined: from proof, on any port (default). faithful: exactly as the published search computes it.',
};
const FILTER_OPTION: OptionSpec = {
  name: 'filter',
  short: 'f',
  value: 'EXPR',
  help: 'Only handshakes that match, see below. Counters count all.',
};
const CONFIG_OPTION: OptionSpec = {
  name: 'config',
  short: 'c',
  value: 'FILE',
  help: 'Settings from a YAML file (spanglass.example.yaml explains each). Options override it.',
};
const HELP_OPTION: OptionSpec = { name: 'help', short: 'h', value: null, help: 'This text.' };
const MAX_FLOWS_OPTION: OptionSpec = {
  name: 'max-flows',
  value: 'N',
  help: 'Connections followed at once; 160 bytes each. Default 262144.',
};

const REPLAY: CommandSpec = {
  name: 'replay',
  summary: 'Read captures, show findings, write one event per TLS handshake.',
  groups: [
    {
      title: 'Output',
      options: [
        {
          name: 'ndjson',
          value: 'FILE',
          help: 'Events as JSON, one envelope for Splunk HEC a line. - is standard output.',
        },
        {
          name: 'protobuf',
          value: 'FILE',
          help: 'Events as spanglass.v1.Event, each after its length. - is standard output.',
        },
        { name: 'stats', value: 'FILE', help: 'All counters as one JSON object, at the end. - is standard output.' },
        { name: 'quiet', short: 'q', value: null, help: 'No findings, no progress, no summary: only errors.' },
      ],
    },
    {
      title: 'Which events',
      options: [
        FILTER_OPTION,
        { name: 'min-risk', value: 'N', help: 'Only handshakes with a CertRiskScore of N or more (0 to 7).' },
        SCORING_OPTION,
      ],
    },
    {
      title: 'What events look like in Splunk',
      options: [
        {
          name: 'profile',
          value: 'NAME',
          help: 'Names of subject and issuer, and sourcetype: stream:ssl (default), stream:tcp, pan:traffic, cisco:asa, fortigate_traffic.',
        },
        { name: 'source', value: 'TEXT', help: "The envelope's source. Default: the profile's." },
        { name: 'index', value: 'NAME', help: "The envelope's index. Default: the token's." },
        {
          name: 'sensor',
          value: 'NAME',
          help: 'Name of this sensor, which is the host in Splunk. Default: the name of this machine.',
        },
        { name: 'hash-case', value: 'CASE', help: 'Certificate hashes in lower (default) or upper case.' },
        { name: 'community-id', value: null, isNegatable: true, help: 'With or without community_id. Default: with.' },
      ],
    },
    { title: 'Other', options: [CONFIG_OPTION, MAX_FLOWS_OPTION, HELP_OPTION] },
  ],
};

const INSPECT: CommandSpec = {
  name: 'inspect',
  summary: 'Show one handshake in full: hellos, certificates, and why it scores as it does.',
  groups: [
    {
      title: 'Which handshake',
      options: [
        FILTER_OPTION,
        {
          name: 'index',
          short: 'n',
          value: 'N',
          help: 'The Nth of those that match. Default: the one with the highest score.',
        },
        SCORING_OPTION,
      ],
    },
    { title: 'Other', options: [MAX_FLOWS_OPTION, HELP_OPTION] },
  ],
};

export const COMMANDS: ReadonlyMap<string, CommandSpec> = new Map([
  ['replay', REPLAY],
  ['inspect', INSPECT],
]);

export function optionsOf(command: CommandSpec): readonly OptionSpec[] {
  return command.groups.flatMap((group) => group.options);
}
