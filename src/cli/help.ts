/** The help: what it is for first, options by purpose, then what a newcomer can copy. */
import { COMMANDS, type CommandSpec, type OptionSpec } from './command-spec.ts';

const OPTION_LEN = 22;
const WIDTH = 96;

const EXIT_CODES = `Exit codes
  0    all was read and written; also when the reader of a pipe (| head) went away
  1    an output could not be written, inspect found no handshake, or doctor a fault
  2    wrong arguments or configuration; nothing was read
  3    a capture could not be read, or not to its end; the others were read
  4    not every event was delivered to Splunk: they wait in the spool, or were dropped
  130  interrupted by Ctrl-C, after the summary; a second Ctrl-C ends at once
  143  the same by SIGTERM
  A capture ends with 0 on Ctrl-C and SIGTERM: what waits in the spool then is no failure.`;

const FILTER = `Filter (EXPR)
  host IP, net IP/LEN, port N or N-M     either end; src or dst before it for one end
  src IP, dst IP/LEN                     client, server
  sni NAME                               * stands for anything: sni *.example.com; sni "" is none
  subject TEXT, issuer TEXT              a part of the name, in any case
  cert HASH                              SHA-256, SHA-1 or MD5 of any certificate, or its beginning
  version TLSv1.2, protocol tls          none where the server did not answer
  visibility WORD                        clear, encrypted_tls13, resumed, lost, truncated, none
  risk >= 3, level High, reason ID       what scoring says
  ja3 HASH, ja3s HASH, ja4 TEXT          fingerprints
  Join them with and, or, not and parentheses. Quote what holds spaces.`;

const EXAMPLES: Readonly<Record<string, string>> = {
  replay: `Examples
  spanglass replay day.pcap                            findings and a summary
  spanglass replay captures/ --ndjson events.ndjson    a folder with all below it, events to a file
  spanglass replay day.pcap.gz --min-risk 3 --ndjson - | jq .event.ssl_subject
  tcpdump -i eth1 -s 0 -U -w - tcp | spanglass replay -
  spanglass replay day.pcap -f 'dst net 192.0.2.0/24 and not (sni *.example.com or level None)'
  spanglass replay day.pcap --hec https://splunk:8088 --hec-token-file token`,
  capture: `Examples
  spanglass capture -i eth1                            findings as they come; nothing is written
  spanglass capture -i eth1 --hec https://splunk:8088 --hec-token-file token
  spanglass capture -i eth1 --ndjson events.ndjson --rotate-size "500 MB" --rotate-every "1 d"
  spanglass capture -i eth1 --workers 2 --bpf 'not net 192.0.2.0/24' --metrics 9464
  spanglass capture --config /etc/spanglass/spanglass.yaml`,
  inspect: `Examples
  spanglass inspect day.pcap                           the handshake with the highest score
  spanglass inspect day.pcap -f 'sni www.example.com'  the same among those that match
  spanglass inspect day.pcap -n 3                      the third handshake`,
  spool: `Examples
  spanglass spool status                               what waits, since when, and what was dropped
  spanglass spool drain --hec https://splunk:8088 --hec-token-file token`,
  doctor: `Examples
  spanglass doctor --hec https://splunk:8088 --hec-token-file token
  spanglass doctor --config spanglass.yaml --read-only`,
};

const PATHS = `PATH is a pcap or pcapng file, plain or compressed (gzip, zstd, lz4, xz), whatever its name; a folder, searched with
all below it; a pattern such as "2024-*/*.pcap"; or - for standard input.`;

const LIVE = `Opening an interface takes root, or CAP_NET_RAW and CAP_BPF (CAP_NET_ADMIN too with --xdp). All of that is given up
when it is open. "spanglass doctor --interface eth1" says whether a mirror port is what it should be.

Signals
  SIGTERM, SIGINT (Ctrl-C)   Take in no more, finish what is there, write it to the spool (to the files, where
                             Splunk gets nothing), and end: within 10 seconds. A second one ends at once.
  SIGHUP                     Read the configuration anew and open files of events anew. What can't change while it
                             runs is named; a configuration with a fault changes nothing.`;

export function toMainHelp(): string {
  const commands = [...COMMANDS.values()].map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`);
  return `spanglass: sees TLS handshakes in captured traffic, and which certificates are worth a look.

Usage
  spanglass COMMAND [options] [PATH…]

Commands
${commands.join('\n')}

  spanglass COMMAND --help explains a command; spanglass --version tells the version.

Try
  spanglass replay day.pcap

${EXIT_CODES}
`;
}

export function toCommandHelp(command: CommandSpec): string {
  const groups = command.groups.map(({ title, options }) => `${title}\n${options.map(toOptionHelp).join('\n')}`);
  const sections = [
    command.summary,
    `Usage\n  spanglass ${command.name} ${command.usage}`,
    ...(command.readsCaptures ? [PATHS] : []),
    ...groups,
    ...(command.isLive === true ? [LIVE] : []),
    ...(command.readsCaptures || command.isLive === true ? [FILTER] : []),
    EXAMPLES[command.name] ?? '',
    EXIT_CODES,
  ];
  return `${sections.join('\n\n')}\n`;
}

function toOptionHelp({ name, short, value, isNegatable, help }: OptionSpec): string {
  const flag = `--${isNegatable === true ? '[no-]' : ''}${name}${value === null ? '' : ` ${value}`}`;
  const left = `  ${short === undefined ? '    ' : `-${short}, `}${flag}`;
  const indent = ' '.repeat(OPTION_LEN + 6);
  return left.padEnd(indent.length) + wrap(help, indent);
}

/** Words in lines of `WIDTH`, the later ones indented. */
function wrap(text: string, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' && lines.length === 0 ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines.join(`\n${indent}`);
}
