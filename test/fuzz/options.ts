/** The command line of the fuzzer. */
import { parseArgs } from 'node:util';

export const USAGE = `usage: npm run fuzz -- [options]

  --inputs N       stop after N inputs of all targets together (default 10 000 000, or none with --seconds)
  --seconds N      stop after N seconds
  --seed N         seed of the mutations (default: the time); the same seed makes the same inputs
  --target A,B     only these targets, or all whose name begins so (x509)
  --index N        begin with this input of each target: --target T --seed S --index I --inputs 1 repeats one
  --no-corpus      only the captures of this project as seeds, not ../shared/corpus
  --replay FILE    run a file of test/fuzz/found through its target, and do nothing else
  --list           show the targets

exit status: 0 nothing found, 1 something found, 2 wrong usage
`;

export interface FuzzOptions {
  readonly inputs: number;
  readonly seconds: number;
  readonly seed: number;
  readonly targets: readonly string[];
  readonly firstIndex: number;
  readonly withCorpus: boolean;
  readonly replay: readonly string[];
  readonly isList: boolean;
}

const DEFAULT_INPUTS = 10_000_000;

/** Reads the arguments; a text where they can't be read. */
export function parseOptions(args: readonly string[], names: readonly string[]): FuzzOptions | string {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const inputs = readCount(values.inputs, values.seconds === undefined ? DEFAULT_INPUTS : Number.POSITIVE_INFINITY);
  const seconds = readCount(values.seconds, Number.POSITIVE_INFINITY);
  const seed = readCount(values.seed, Date.now() % 2 ** 31);
  const firstIndex = readCount(values.index, 0);
  for (const [name, number] of Object.entries({ inputs, seconds, seed, index: firstIndex })) {
    if (Number.isNaN(number)) return `--${name} wants a whole number`;
  }
  const wanted = values.target?.split(',') ?? [''];
  const unknown = wanted.find((one) => !names.some((name) => name.startsWith(one)));
  if (unknown !== undefined) return `no target begins with "${unknown}"; --list shows them`;
  return {
    inputs,
    seconds,
    seed,
    firstIndex,
    // A whole name means that target, even where others begin with it.
    targets: names.filter((name) => wanted.some((one) => (names.includes(one) ? name === one : name.startsWith(one)))),
    withCorpus: values['no-corpus'] !== true,
    replay: values.replay ?? [],
    isList: values.list === true,
  };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      inputs: { type: 'string' },
      seconds: { type: 'string' },
      seed: { type: 'string' },
      target: { type: 'string' },
      index: { type: 'string' },
      'no-corpus': { type: 'boolean' },
      replay: { type: 'string', multiple: true },
      list: { type: 'boolean' },
    },
  }).values;
}

function readCount(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const digits = text.replaceAll('_', '');
  return /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
}
