/** Holds the differences of a report against the table of those that are explained. */
import { type CompareReport, EXTRA_EVENT, HANDSHAKE } from './compare-report.ts';
import type { KnownDifference } from './known-differences.ts';

/** What the table does not explain, and what of the table is true no longer; one line each. */
export function checkDifferences(report: CompareReport, known: readonly KnownDifference[]): string[] {
  const failures: string[] = [];
  const explained = new Set(known.flatMap(({ capture, counts }) => Object.keys(counts).map((f) => keyOf(f, capture))));
  const seen = new Set<string>();
  for (const { field, capture, detail } of report.differences) {
    seen.add(keyOf(field, capture));
    if (!explained.has(keyOf(field, capture))) failures.push(`not explained: ${capture}, ${field}: ${shorten(detail)}`);
  }
  for (const key of explained) if (!seen.has(key)) failures.push(`explained, but occurs no longer: ${key}`);
  // The list shows the first difference of a capture and field only. The counts tell whether there are more.
  const expected = sumByField(known);
  const fields = new Set([...differing(report).keys(), ...expected.keys()]);
  for (const field of fields) {
    const found = differing(report).get(field) ?? 0;
    const sum = expected.get(field) ?? 0;
    if (found !== sum) failures.push(`${field}: ${found} differences, but the table explains ${sum}`);
  }
  return failures;
}

function keyOf(field: string, capture: string): string {
  return `${capture}, ${field}`;
}

function differing(report: CompareReport): Map<string, number> {
  const counts = new Map(Array.from(report.fields, ([field, tally]) => [field, tally.differing]));
  counts.set(HANDSHAKE, report.expected - report.found);
  counts.set(EXTRA_EVENT, report.extraEvents);
  return counts;
}

function sumByField(known: readonly KnownDifference[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { counts } of known) {
    for (const [field, count] of Object.entries(counts)) sums.set(field, (sums.get(field) ?? 0) + count);
  }
  return sums;
}

/** A list of ten thousand names is one line, too. */
function shorten(detail: string): string {
  return detail.length <= 300 ? detail : `${detail.slice(0, 300)}… (${detail.length} characters)`;
}
