/** What a capture is to do: options over the configuration file over defaults. */
import { readdirSync } from 'node:fs';
import { escapeUnsafe } from '../bytes/text.ts';
import type { CommandArguments } from './arguments.ts';
import {
  LEAST_FLOW_BUDGET,
  LEAST_RING_MIB,
  LEAST_ROTATE_BYTES,
  LEAST_ROTATE_S,
  LOG_FORMATS,
  type LogFormat,
  MOST_FLOW_BUDGET,
  MOST_RING_MIB,
  MOST_WORKERS,
} from './capture-config.ts';
import { parseSize, parseTime, SIZE_RULE, TIME_RULE } from './parse-quantity.ts';
import { type Config, type ReplaySettings, readChoice, readNumber, resolveSettings } from './settings.ts';
import { UsageError } from './usage-error.ts';

export interface CaptureSettings extends ReplaySettings {
  readonly interface: string;
  /** Through libpcap instead of the kernel's ring, which only Linux has. */
  readonly hasLibpcap: boolean;
  readonly workers: number;
  readonly ringMib: number;
  readonly isPromiscuous: boolean;
  /** In the language of tcpdump. */
  readonly bpf: string | null;
  /** False with libpcap, as is the next. */
  readonly hasShunt: boolean;
  readonly hasXdp: boolean;
  /** Null: the shunt's default. */
  readonly flowBudgetBytes: number | null;
  readonly user: string | null;
  /** Null: until it is told to end. */
  readonly forMs: number | null;
  readonly rotateBytes: number | null;
  readonly rotateMs: number | null;
  /** Null: by what standard error is. */
  readonly logFormat: LogFormat | null;
}

const DEFAULT_RING_MIB = 64;
/** A timer of Node's has 31 bits of milliseconds: 24 days. */
const MOST_FOR_S = 2_147_483;
const MOST_ROTATE_S = 31_536_000;
/** The kernel's list; not there on other systems. */
const INTERFACES = '/sys/class/net';

/** Throws `UsageError`. */
export function resolveCapture(
  given: CommandArguments,
  config: Config,
  platform: NodeJS.Platform = process.platform,
): CaptureSettings {
  const { values, switches } = given;
  const { capture, output, log } = config;
  const hasLibpcap = switches.get('libpcap') ?? capture?.libpcap ?? platform !== 'linux';
  if (hasLibpcap) refuseRingOptions(given, config);
  const hasShunt = !hasLibpcap && (switches.get('shunt') ?? capture?.shunt ?? true);
  const hasXdp = switches.get('xdp') ?? capture?.xdp ?? false;
  if (hasXdp && !hasShunt)
    throw new UsageError('--xdp is nothing without the shunt: leave out one of --xdp, --no-shunt');
  const settings = resolveSettings(given, config);
  const rotateBytes =
    readSize(values, 'rotate-size', LEAST_ROTATE_BYTES, Number.MAX_SAFE_INTEGER) ?? output?.rotate_size ?? null;
  const rotateS = readTime(values, 'rotate-every', LEAST_ROTATE_S, MOST_ROTATE_S) ?? output?.rotate_every ?? null;
  if (settings.ndjson === null && settings.protobuf === null) {
    const idle = ['rotate-size', 'rotate-every'].find((name) => values.has(name));
    if (idle !== undefined) throw new UsageError(`--${idle} is nothing without --ndjson or --protobuf`);
  }
  const forS = readTime(values, 'for', 1, MOST_FOR_S);
  return {
    ...settings,
    interface: readInterface(given, config),
    hasLibpcap,
    workers: readNumber(values, 'workers', 1, MOST_WORKERS) ?? capture?.workers ?? 1,
    ringMib: readNumber(values, 'ring', LEAST_RING_MIB, MOST_RING_MIB) ?? capture?.ring_mib ?? DEFAULT_RING_MIB,
    isPromiscuous: switches.get('promiscuous') ?? capture?.promiscuous ?? true,
    bpf: values.get('bpf') ?? capture?.bpf ?? null,
    hasShunt,
    hasXdp,
    flowBudgetBytes:
      readSize(values, 'flow-budget', LEAST_FLOW_BUDGET, MOST_FLOW_BUDGET) ?? capture?.flow_budget ?? null,
    user: values.get('user') ?? capture?.user ?? null,
    forMs: forS === null ? null : forS * 1000,
    rotateBytes,
    rotateMs: rotateS === null ? null : rotateS * 1000,
    logFormat: readChoice(values, 'log', LOG_FORMATS) ?? log?.format ?? null,
  };
}

/** What is asked of the ring, and libpcap can't do. Defaults that a configuration writes out are no such thing. */
function refuseRingOptions({ values, switches }: CommandArguments, { capture }: Config): void {
  if (switches.get('xdp') ?? capture?.xdp ?? false) {
    throw new UsageError('--xdp is nothing with libpcap: only the ring of Linux has a shunt');
  }
  const shuntOption = switches.has('shunt')
    ? `--${switches.get('shunt') === true ? '' : 'no-'}shunt`
    : values.has('flow-budget')
      ? '--flow-budget'
      : null;
  if (shuntOption !== null) {
    throw new UsageError(`${shuntOption} is nothing with libpcap, which has no shunt`);
  }
  const workers = readNumber(values, 'workers', 1, MOST_WORKERS) ?? capture?.workers ?? 1;
  if (workers > 1) {
    throw new UsageError(`--workers ${workers}: libpcap has one queue, which one worker reads`);
  }
  if (!(switches.get('promiscuous') ?? capture?.promiscuous ?? true)) {
    throw new UsageError('--no-promiscuous: the package cap makes an interface promiscuous always');
  }
}

function readInterface({ values, paths }: CommandArguments, config: Config): string {
  const named = values.get('interface');
  if (paths.length > 1 || (paths.length === 1 && named !== undefined && named !== paths[0])) {
    const names = [...(named === undefined ? [] : [named]), ...paths].map(escapeUnsafe).join(', ');
    throw new UsageError(`one interface at a time, not ${names}; run a sensor for each`);
  }
  const name = named ?? paths[0] ?? config.capture?.interface;
  if (name === undefined) {
    throw new UsageError(`name the interface: spanglass capture --interface NAME${knownInterfaces()}`);
  }
  if (name === 'any') {
    throw new UsageError(
      `--interface any mixes links of several kinds, and has packets that pass this machine twice; name the mirror port${knownInterfaces()}`,
    );
  }
  return name;
}

function knownInterfaces(): string {
  let names: string[];
  try {
    names = readdirSync(INTERFACES);
  } catch {
    // Another system than Linux: its own tool lists them.
    return '';
  }
  return names.length === 0 ? '' : `; there are ${names.map(escapeUnsafe).join(', ')}`;
}

function readSize(values: ReadonlyMap<string, string>, name: string, least: number, most: number): number | null {
  return readQuantity(values, name, parseSize, `${SIZE_RULE}, from ${least} bytes`, least, most);
}

function readTime(values: ReadonlyMap<string, string>, name: string, least: number, most: number): number | null {
  return readQuantity(values, name, parseTime, `${TIME_RULE}, from ${least} s to ${most} s`, least, most);
}

function readQuantity(
  values: ReadonlyMap<string, string>,
  name: string,
  parse: (text: string) => number,
  rule: string,
  least: number,
  most: number,
): number | null {
  const value = values.get(name);
  if (value === undefined) return null;
  const n = parse(value);
  if (n >= least && n <= most) return n;
  throw new UsageError(`--${name} must be ${rule}, not ${escapeUnsafe(value)}`);
}
