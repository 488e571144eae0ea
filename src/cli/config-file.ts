/**
 * The configuration file: YAML, checked by a schema. Every problem is told with file, line, column and the path of the
 * field, all of them at once, so that a file is right after one correction. An unknown key is a problem: it is a slip of the finger, and
 * the setting it was meant to be would be missing silently. Throws `UsageError`.
 *
 * Loaded only when there is such a file: the two libraries cost more time than a small replay.
 */
import { readFileSync } from 'node:fs';
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { escapeUnsafe } from '../bytes/text.ts';
import { HEC_SCHEMA } from '../output/hec/hec-schema.ts';
import { MIN_SPOOL_BYTES } from '../output/spool/limits.ts';
import { FilterError, parseFilter } from '../sensor/filter.ts';
import { nearestName } from '../sensor/nearest-name.ts';
import {
  LEAST_FLOW_BUDGET,
  LEAST_RING_MIB,
  LEAST_ROTATE_BYTES,
  LEAST_ROTATE_S,
  LOG_FORMATS,
  MOST_FLOW_BUDGET,
  MOST_RING_MIB,
  MOST_WORKERS,
} from './capture-config.ts';
import { DURABILITIES, SPOOL_POLICIES } from './delivery-config.ts';
import { LISTEN_RULE, parseListenAddress } from './listen-address.ts';
import { sizeBytes, timeSeconds } from './quantity-schema.ts';
import {
  type Config,
  HASH_CASES,
  INDEX_NAME,
  INDEX_RULE,
  MAX_RISK,
  MIN_FLOWS,
  MOST_FLOWS,
  PROFILE_NAMES,
  SCORING_MODES,
} from './settings.ts';
import { UsageError } from './usage-error.ts';

/** Far beyond any real one; a capture given by mistake is not read whole. */
const MAX_CONFIG_BYTES = 1024 * 1024;

const text = z.string().min(1, 'must not be empty');

const CONFIG_SCHEMA = z.strictObject({
  sensor: z.strictObject({ name: text }).partial().optional(),
  scoring: z
    .strictObject({ mode: z.enum(SCORING_MODES), min_risk: z.int().min(0).max(MAX_RISK) })
    .partial()
    .optional(),
  filter: text.superRefine(checkFilter).optional(),
  events: z
    .strictObject({
      profile: z.enum(PROFILE_NAMES),
      source: text,
      index: z.string().regex(INDEX_NAME, `must be ${INDEX_RULE}`),
      hash_case: z.enum(HASH_CASES),
      community_id: z.boolean(),
    })
    .partial()
    .optional(),
  output: z
    .strictObject({
      ndjson: text,
      protobuf: text,
      stats: text,
      rotate_size: atLeast(sizeBytes, LEAST_ROTATE_BYTES, 'bytes'),
      rotate_every: atLeast(timeSeconds, LEAST_ROTATE_S, 'seconds'),
    })
    .partial()
    .optional(),
  capture: z
    .strictObject({
      interface: text,
      libpcap: z.boolean(),
      workers: z.int().min(1).max(MOST_WORKERS),
      ring_mib: z.int().min(LEAST_RING_MIB).max(MOST_RING_MIB),
      promiscuous: z.boolean(),
      bpf: text,
      shunt: z.boolean(),
      xdp: z.boolean(),
      flow_budget: atLeast(sizeBytes, LEAST_FLOW_BUDGET, 'bytes').refine(
        (bytes) => bytes <= MOST_FLOW_BUDGET,
        `must be ${MOST_FLOW_BUDGET} bytes or less`,
      ),
      user: text,
    })
    .partial()
    .optional(),
  log: z
    .strictObject({ format: z.enum(LOG_FORMATS) })
    .partial()
    .optional(),
  flows: z
    .strictObject({ max: z.int().min(MIN_FLOWS).max(MOST_FLOWS) })
    .partial()
    .optional(),
  // The endpoints may be on the command line.
  hec: HEC_SCHEMA.partial({ endpoints: true })
    .extend({ wait: z.number().min(0).optional() })
    .optional(),
  spool: z
    .strictObject({
      path: text,
      durability: z.enum(DURABILITIES),
      max_bytes: atLeast(sizeBytes, MIN_SPOOL_BYTES, 'bytes'),
      max_age: timeSeconds,
      min_free_disk: sizeBytes,
      policy: z.enum(SPOOL_POLICIES),
    })
    .partial()
    .optional(),
  health: z.strictObject({ interval: timeSeconds }).partial().optional(),
  metrics: z
    .strictObject({
      listen: z
        .union([z.int(), z.string()], { error: `must be ${LISTEN_RULE}` })
        .transform(String)
        .refine((address) => parseListenAddress(address) !== null, `must be ${LISTEN_RULE}`),
    })
    .partial()
    .optional(),
}) satisfies z.ZodType<Config>;

function atLeast(quantity: typeof sizeBytes, least: number, unit: string) {
  return quantity.refine((n) => n >= least, `must be ${least} ${unit} or more`);
}

export function readConfigFile(path: string): Config {
  return parseConfig(readText(path), escapeUnsafe(path));
}

/** `name` is the file's, for messages. */
export function parseConfig(yaml: string, name: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines, prettyErrors: false });
  const problems = document.errors.map(({ pos, message }) => at(name, lines, pos[0], message));
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  // An empty file sets nothing.
  const result = CONFIG_SCHEMA.safeParse(toPlain(document, name) ?? {});
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const offset = offsetOfKey(document, issue.path, key);
        problems.push(at(name, lines, offset, refuseKey([...issue.path, key], key)));
      }
    } else {
      const field = issue.path.length === 0 ? '' : `${escapeUnsafe(issue.path.join('.'))}: `;
      problems.push(at(name, lines, offsetOf(document, issue.path), `${field}${sentenceOf(issue, document)}`));
    }
  }
  throw new UsageError(problems.join('\n'));
}

type Document = ReturnType<typeof parseDocument>;
type Path = readonly PropertyKey[];

/** Throws only where aliases would make a small file huge. */
function toPlain(document: Document, name: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new UsageError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readText(path: string): string {
  const shown = escapeUnsafe(path);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${shown}: the configuration can't be read: ${escapeUnsafe(reason)}`);
  }
  if (bytes.length > MAX_CONFIG_BYTES)
    throw new UsageError(`${shown}: too large for a configuration, ${bytes.length} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // `TextDecoder` says so only by throwing.
    throw new UsageError(`${shown}: not a configuration: its bytes are not UTF-8 text`);
  }
}

function at(name: string, lines: LineCounter, offset: number, sentence: string): string {
  const { line, col } = lines.linePos(offset);
  return `${name}:${Math.max(1, line)}:${Math.max(1, col)}: ${sentence}`;
}

/** Of what is at the path, or of the group in which it is missing. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node)) return node.range?.[0] ?? 0;
  }
  return document.contents?.range?.[0] ?? 0;
}

function offsetOfKey(document: Document, path: Path, key: string): number {
  const parent = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isMap(parent)) return 0;
  for (const pair of parent.items) {
    if (isScalar(pair.key) && String(pair.key.value) === key) return pair.key.range?.[0] ?? 0;
  }
  return parent.range?.[0] ?? 0;
}

function refuseKey(path: Path, key: string): string {
  const known = keysAt(path.slice(0, -1));
  const near = nearestName(key, known);
  const cure = near === null ? `known here: ${known.join(', ')}` : `did you mean ${near}?`;
  return `${escapeUnsafe(path.join('.'))}: there is no such setting; ${cure}`;
}

function keysAt(path: Path): readonly string[] {
  let schema: unknown = CONFIG_SCHEMA;
  for (const key of path) {
    if (schema instanceof z.ZodArray) schema = schema.element;
    else schema = schema instanceof z.ZodObject ? Reflect.get(schema.shape, key) : undefined;
    while (schema instanceof z.ZodOptional) schema = schema.unwrap();
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  int: 'a whole number',
  number: 'a whole number',
  boolean: 'true or false',
  object: 'a group of settings',
  array: 'a list',
};

function sentenceOf(issue: z.core.$ZodIssue, document: Document): string {
  if (issue.code === 'invalid_type') {
    const isMissing = issue.path.length > 0 && document.getIn(issue.path) === undefined;
    return isMissing ? 'is missing' : `must be ${KINDS[issue.expected] ?? issue.expected}`;
  }
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'too_small' && isNumeric(issue.origin))
    return `must be ${issue.inclusive === true ? `${issue.minimum} or more` : `more than ${issue.minimum}`}`;
  if (issue.code === 'too_big' && isNumeric(issue.origin)) return `must be ${issue.maximum} or less`;
  return issue.message;
}

function isNumeric(origin: string): boolean {
  return origin === 'number' || origin === 'int';
}

function checkFilter(filter: string, context: z.RefinementCtx): void {
  try {
    parseFilter(filter);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
}
