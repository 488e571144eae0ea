/**
 * What `compare.mjs` of the corpus prints, read back into numbers.
 *
 *     pcaps 199, handshakes expected 705, found 690, reversed direction 0, extra events 0, events with no known pcap 192, …
 *     field                       match  missing    wrong disputed    extra   match%
 *     (handshake)                   690       15        0        0        0     97.9
 *     …
 *     failing pcaps by field
 *     sni:
 *        mercury/tls_sgt: missing, want "wsstet-pov-rtp1.cpoc.co" on tcp 10.1.1.150:39312 > 64.100.1.197:443
 *
 * The list (with `--verbose`) shows the first difference of each capture and field; the table counts all of them. What can't be read is
 * an error: a check that understood nothing must not pass.
 */

interface FieldTally {
  readonly match: number;
  /** Missing and wrong ones. */
  readonly differing: number;
}

interface Difference {
  readonly field: string;
  readonly capture: string;
  readonly detail: string;
}

export interface CompareReport {
  readonly captures: number;
  readonly expected: number;
  readonly found: number;
  readonly extraEvents: number;
  /** Events of captures that the run did not look at. */
  readonly otherEvents: number;
  readonly unparsableLines: number;
  /** By field; whole handshakes are not among them. */
  readonly fields: ReadonlyMap<string, FieldTally>;
  readonly differences: readonly Difference[];
}

/** The rows of the table that are no field. */
export const HANDSHAKE = '(handshake)';
export const EXTRA_EVENT = '(extra event)';

const SUMMARY =
  /^pcaps (\d+), handshakes expected (\d+), found (\d+), reversed direction \d+, extra events (\d+), events with no known pcap (\d+), unparsable lines (\d+)$/;
const ROW = /^(\S.*?) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(?:[\d.]+|-)$/;
const LIST_TITLE = 'failing pcaps by field';

/** Reads a report printed with `--verbose`. Throws where it is none. */
export function parseReport(text: string): CompareReport {
  const lines = text.split('\n');
  const summary = SUMMARY.exec(lines[0]!);
  const titleAt = lines.indexOf(LIST_TITLE);
  if (summary === null || titleAt < 0) throw new Error(`this is no report of compare.mjs: ${lines[0]!.slice(0, 200)}`);
  const [captures, expected, found, extraEvents, otherEvents, unparsableLines] = summary.slice(1).map(Number);
  return {
    captures: captures!,
    expected: expected!,
    found: found!,
    extraEvents: extraEvents!,
    otherEvents: otherEvents!,
    unparsableLines: unparsableLines!,
    fields: readTable(lines.slice(2, titleAt)),
    differences: readDifferences(lines.slice(titleAt + 1)),
  };
}

/** Right ones of all values that were compared, in percent; NaN where there was none. */
export function shareRight(report: CompareReport): number {
  const tallies = [...report.fields.values()];
  const match = tallies.reduce((sum, tally) => sum + tally.match, 0);
  const differing = tallies.reduce((sum, tally) => sum + tally.differing, 0);
  return (100 * match) / (match + differing);
}

function readTable(lines: readonly string[]): Map<string, FieldTally> {
  const fields = new Map<string, FieldTally>();
  for (const line of lines) {
    if (line === '') continue;
    const row = ROW.exec(line);
    if (row === null) throw new Error(`this is no row of a table: ${line.slice(0, 200)}`);
    const [name, match, missing, wrong] = row.slice(1);
    if (name === HANDSHAKE || name === EXTRA_EVENT) continue;
    fields.set(name!, { match: Number(match), differing: Number(missing) + Number(wrong) });
  }
  return fields;
}

function readDifferences(lines: readonly string[]): Difference[] {
  const differences: Difference[] = [];
  let field = '';
  for (const line of lines) {
    if (line === '') break;
    if (!line.startsWith('   ')) {
      field = line.replace(/:$/, '');
      continue;
    }
    const colon = line.indexOf(': ');
    differences.push({ field, capture: line.slice(3, colon), detail: line.slice(colon + 2) });
  }
  return differences;
}
