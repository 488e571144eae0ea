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
  /** What follows the name in the usage. */
  readonly usage: string;
  /** Its help explains paths and filters. */
  readonly readsCaptures: boolean;
  /** Its help explains filters and signals: it runs until it is told to end. */
  readonly isLive?: boolean;
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
const METRICS_OPTION: OptionSpec = {
  name: 'metrics',
  value: '[HOST:]PORT',
  help: 'Serve /metrics and /healthz while it runs; without HOST to this machine only.',
};
const MAX_FLOWS_OPTION: OptionSpec = {
  name: 'max-flows',
  value: 'N',
  help: 'Connections followed at once; 160 bytes each. Default 262144.',
};

const HEC_OPTION: OptionSpec = {
  name: 'hec',
  value: 'URLS',
  help: 'HTTP Event Collector, https://HOST:8088; several with commas between them.',
};
const TOKEN_FILE_OPTION: OptionSpec = {
  name: 'hec-token-file',
  value: 'FILE',
  help: 'Its token, one a line; read anew when it changes. Or in SPANGLASS_HEC_TOKEN.',
};
const WAIT_OPTION: OptionSpec = {
  name: 'hec-wait',
  value: 'SECONDS',
  help: 'Give up waiting when nothing was delivered for so long; events stay in the spool. Default 60.',
};
const SPOOL_OPTION: OptionSpec = {
  name: 'spool',
  value: 'DIR',
  help: 'Where events for Splunk wait on disk. Default: spanglass/spool in $XDG_STATE_HOME or ~/.local/state.',
};

const NDJSON_OPTION: OptionSpec = {
  name: 'ndjson',
  value: 'FILE',
  help: 'Events as JSON, one envelope for Splunk HEC a line. - is standard output.',
};
const PROTOBUF_OPTION: OptionSpec = {
  name: 'protobuf',
  value: 'FILE',
  help: 'Events as spanglass.v1.Event, each after its length. - is standard output.',
};
const STATS_OPTION: OptionSpec = {
  name: 'stats',
  value: 'FILE',
  help: 'All counters as one JSON object, at the end. - is standard output.',
};

const WHICH_EVENTS: OptionGroup = {
  title: 'Which events',
  options: [
    FILTER_OPTION,
    { name: 'min-risk', value: 'N', help: 'Only handshakes with a CertRiskScore of N or more (0 to 7).' },
    SCORING_OPTION,
  ],
};
const LOOK_OF_EVENTS: OptionGroup = {
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
};

const OTHER: OptionGroup = {
  title: 'Other',
  options: [CONFIG_OPTION, METRICS_OPTION, MAX_FLOWS_OPTION, HELP_OPTION],
};

const REPLAY: CommandSpec = {
  name: 'replay',
  usage: '[options] PATH…',
  readsCaptures: true,
  summary: 'Read captures, show findings, write one event per TLS handshake.',
  groups: [
    {
      title: 'Output',
      options: [
        NDJSON_OPTION,
        PROTOBUF_OPTION,
        STATS_OPTION,
        { name: 'quiet', short: 'q', value: null, help: 'No findings, no progress, no summary: only errors.' },
      ],
    },
    { title: 'Delivery to Splunk', options: [HEC_OPTION, TOKEN_FILE_OPTION, WAIT_OPTION, SPOOL_OPTION] },
    WHICH_EVENTS,
    LOOK_OF_EVENTS,
    OTHER,
  ],
};

const CAPTURE: CommandSpec = {
  name: 'capture',
  usage: '--interface NAME [options]',
  readsCaptures: false,
  isLive: true,
  summary: 'Watch an interface, such as a mirror port; show findings, deliver one event per TLS handshake.',
  groups: [
    {
      title: 'Interface',
      options: [
        { name: 'interface', short: 'i', value: 'NAME', help: 'Where the mirrored packets come in.' },
        {
          name: 'workers',
          value: 'N',
          help: 'Threads, each with a ring of its own, that share the flows. Default 1; see docs/operating.md.',
        },
        { name: 'ring', value: 'MIB', help: 'Memory for packets of each worker, in MiB. Default 64.' },
        {
          name: 'promiscuous',
          value: null,
          isNegatable: true,
          help: 'Take in packets for other machines, as on a mirror port all are. Default: yes.',
        },
        { name: 'bpf', value: 'EXPR', help: 'Only packets that match, in the language of tcpdump. Needs libpcap.' },
        {
          name: 'shunt',
          value: null,
          isNegatable: true,
          help: 'Let the kernel drop what no handshake needs. Default: yes, where it can.',
        },
        {
          name: 'xdp',
          value: null,
          isNegatable: true,
          help: 'Drop it in the driver, and for everybody: only for an interface used for nothing else. Default: no.',
        },
        {
          name: 'flow-budget',
          value: 'BYTES',
          help: 'Bytes of each direction of a connection after which the kernel drops the rest. Default 131072.',
        },
        {
          name: 'libpcap',
          value: null,
          isNegatable: true,
          help: "Read through libpcap, slower: npm i --no-save cap. Default: only where there is no ring, which is Linux's.",
        },
        {
          name: 'user',
          value: 'NAME',
          help: 'Become this user when the interface is open: a name, or UID:GID. Default: spanglass, where it exists.',
        },
        { name: 'for', value: 'TIME', help: 'End after so long: seconds, or "10 min", "2 h", "1 d".' },
      ],
    },
    {
      title: 'Output',
      options: [
        NDJSON_OPTION,
        PROTOBUF_OPTION,
        {
          name: 'rotate-size',
          value: 'BYTES',
          help: 'Set files of events aside when they are so large: bytes, or "500 MB", "2 GB".',
        },
        { name: 'rotate-every', value: 'TIME', help: 'Set them aside after so long: "1 h", "1 d".' },
        STATS_OPTION,
        { name: 'quiet', short: 'q', value: null, help: 'No findings, no status, no summary: only what goes wrong.' },
        {
          name: 'log',
          value: 'FORM',
          help: 'text: lines for people (default on a terminal). json: objects (default elsewhere). To standard error.',
        },
      ],
    },
    { title: 'Delivery to Splunk', options: [HEC_OPTION, TOKEN_FILE_OPTION, SPOOL_OPTION] },
    WHICH_EVENTS,
    LOOK_OF_EVENTS,
    OTHER,
  ],
};

const INSPECT: CommandSpec = {
  name: 'inspect',
  usage: '[options] PATH…',
  readsCaptures: true,
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

const SPOOL: CommandSpec = {
  name: 'spool',
  usage: 'status|drain [options]',
  readsCaptures: false,
  summary: 'Show what waits in the spool, or deliver it to Splunk.',
  groups: [
    {
      title: 'spool status and spool drain',
      options: [SPOOL_OPTION, CONFIG_OPTION, HELP_OPTION],
    },
    {
      title: 'spool status',
      options: [{ name: 'json', value: null, help: 'As one JSON object.' }],
    },
    { title: 'spool drain', options: [HEC_OPTION, TOKEN_FILE_OPTION, WAIT_OPTION] },
  ],
};

const DOCTOR: CommandSpec = {
  name: 'doctor',
  usage: '--interface NAME|--hec URLS [options]',
  readsCaptures: false,
  summary: 'Find out in seconds what is wrong with a mirror port or the way to Splunk, and what to do about it.',
  groups: [
    {
      title: 'Mirror port',
      options: [
        {
          name: 'interface',
          short: 'i',
          value: 'NAME',
          help: 'The interface, its traffic, and what this machine allows.',
        },
        { name: 'seconds', value: 'N', help: 'How long to look at its traffic, 0 to 600. Default 5.' },
      ],
    },
    {
      title: 'Way to Splunk',
      options: [
        HEC_OPTION,
        TOKEN_FILE_OPTION,
        { name: 'index', value: 'NAME', help: "Whether events may go to this index. Default: the token's own." },
        {
          name: 'read-only',
          value: null,
          help: 'Write no event; then index, acknowledgement and load balancer are not examined.',
        },
      ],
    },
    {
      title: 'Other',
      options: [{ name: 'json', value: null, help: 'Findings as one JSON object.' }, CONFIG_OPTION, HELP_OPTION],
    },
  ],
};

export const COMMANDS: ReadonlyMap<string, CommandSpec> = new Map([
  ['replay', REPLAY],
  ['capture', CAPTURE],
  ['inspect', INSPECT],
  ['spool', SPOOL],
  ['doctor', DOCTOR],
]);

export function optionsOf(command: CommandSpec): readonly OptionSpec[] {
  return command.groups.flatMap((group) => group.options);
}
