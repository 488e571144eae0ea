/**
 * Replays the capture corpus and compares the events with what other tools say of it.
 *
 *     node dist/tools/check-corpus.js          from the repository's root, after a build; `npm run check:corpus` does both
 *
 * It passes if
 *
 *   - of the captures without a tunnel, a proxy or STARTTLS, 99 % of the handshakes are found and 99.5 % of the values are right that two
 *     tools agree on,
 *   - captures without a handshake give no event,
 *   - every difference left in any capture of TLS over TCP, whoever states it, is in the table of known ones, and the table has no other.
 *
 * QUIC, DTLS and what lies in tunnels is counted and shown. Without a corpus there is nothing to check, and it says so. Exit
 * status: 0 all is well, or no corpus; 1 it is not.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { checkDifferences } from './check-corpus/check-differences.ts';
import { type CompareReport, EXTRA_EVENT, parseReport, shareRight } from './check-corpus/compare-report.ts';
import { KNOWN_DIFFERENCES, type KnownDifference } from './check-corpus/known-differences.ts';

const CORPUS = '../shared/corpus';
const EVENTS = 'out/corpus.ndjson';
const PROGRAM = 'dist/bin/main.js';

/** Of the exit codes of a replay: a capture of the corpus is damaged on purpose, so that not all of it can be read. */
const CAPTURE_FAILED = 3;

const MIN_FOUND_PERCENT = 99;
const MIN_RIGHT_PERCENT = 99.5;

/** Captures that each run must have looked at: as many as the corpus has. */
const CAPTURES = { negative: 5, plain: 140, tls: 199, all: 254 };

/** Not TLS over TCP: later work. */
const OTHER_TRANSPORTS = ['proto:quic', 'proto:dtls'];
const NEGATIVE = 'no-handshake(negative)';
/** What the acceptance of the replay leaves out. */
const ACCEPTANCE_SKIPS = [...OTHER_TRANSPORTS, 'tunnel:openvpn', 'starttls:gridftp', NEGATIVE];
const AGREED = ['--list', `${CORPUS}/shared.txt`, '--min-sources', '2'];

/** VLAN tags are no tunnel: they are decoded like any other header. */
const WRAPPED = /^(?:tunnel:(?!vlan|qinq)|proxy:|starttls:)/;

const failures: string[] = [];

if (existsSync(CORPUS)) {
  replay();
  checkAgreed();
  checkNegatives();
  checkAll();
  for (const failure of failures) console.log(`FAILED: ${failure}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
} else console.log(`skipped: ${CORPUS} is not there`);

function replay(): void {
  const args = [PROGRAM, 'replay', `${CORPUS}/pcaps`, '--ndjson', EVENTS, '--quiet'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0 && status !== CAPTURE_FAILED) throw new Error(`the replay ended with ${status}:\n${stderr}`);
}

/** Captures that only show what the sensor must do by itself, by values that tools agree on. */
function checkAgreed(): void {
  const wrapped = wrappedFeatures();
  const plain = compare(...AGREED, '--skip-feature', [...ACCEPTANCE_SKIPS, ...wrapped].join(','));
  show(`without ${wrapped.length} kinds of tunnel, proxy and STARTTLS`, plain);
  requireCaptures(plain, CAPTURES.plain);
  const foundPercent = (100 * plain.found) / plain.expected;
  if (!(foundPercent >= MIN_FOUND_PERCENT)) failures.push(`only ${percent(foundPercent)} of the handshakes were found`);
  if (!(shareRight(plain) >= MIN_RIGHT_PERCENT))
    failures.push(`only ${percent(shareRight(plain))} of the values are right`);
  show('with them', compare(...AGREED, '--skip-feature', ACCEPTANCE_SKIPS.join(',')));
}

function checkNegatives(): void {
  const negative = compare('--only-feature', NEGATIVE);
  console.log(`without a handshake: ${negative.captures} captures, ${negative.extraEvents} events`);
  requireCaptures(negative, CAPTURES.negative);
  if (negative.extraEvents > 0) failures.push(`${negative.extraEvents} events of captures that have no handshake`);
}

/** Whatever any tool states. */
function checkAll(): void {
  const tls = compare('--skip-feature', OTHER_TRANSPORTS.join(','));
  const all = compare();
  show('all TLS over TCP, whoever states it', tls);
  show('all of the corpus, QUIC and DTLS too', all);
  requireCaptures(tls, CAPTURES.tls);
  requireCaptures(all, CAPTURES.all);
  if (all.otherEvents > 0) failures.push(`${all.otherEvents} events of captures that the corpus does not know`);
  if (all.unparsableLines > 0) failures.push(`${all.unparsableLines} lines are no JSON`);

  // The report on TLS knows nothing of events beside QUIC, so those come from the one on all.
  const extra = all.differences.filter(({ field }) => field === EXTRA_EVENT);
  const differences = [...tls.differences.filter(({ field }) => field !== EXTRA_EVENT), ...extra];
  failures.push(...checkDifferences({ ...tls, extraEvents: all.extraEvents, differences }, KNOWN_DIFFERENCES));
  console.log('\ndifferences, and why');
  for (const reason of new Set(KNOWN_DIFFERENCES.map((known) => known.reason))) {
    console.log(`  ${reason}`);
    for (const known of KNOWN_DIFFERENCES) if (known.reason === reason) console.log(`    ${lineOf(known)}`);
  }
}

function lineOf({ capture, counts }: KnownDifference): string {
  const fields = Object.entries(counts).map(([field, count]) => (count === 1 ? field : `${field} x ${count}`));
  return `${capture}: ${fields.join(', ')}`;
}

function compare(...options: readonly string[]): CompareReport {
  const args = [`${CORPUS}/compare.mjs`, '--events', EVENTS, '--verbose', ...options];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (stderr !== '') throw new Error(`compare.mjs failed:\n${stderr}`);
  return parseReport(stdout);
}

function show(what: string, report: CompareReport): void {
  const { captures, expected, found } = report;
  const handshakes = `${found} of ${expected} handshakes (${percent((100 * found) / expected)})`;
  console.log(`${what}: ${captures} captures, ${handshakes}, ${percent(shareRight(report))} of the values right`);
}

function percent(value: number): string {
  return `${value.toFixed(2)} %`;
}

function requireCaptures(report: CompareReport, least: number): void {
  if (report.captures < least) failures.push(`${report.captures} captures were compared, of at least ${least}`);
}

/** The features of the corpus that stand for something around TLS. */
function wrappedFeatures(): string[] {
  const files = readdirSync(`${CORPUS}/expected`, { recursive: true, encoding: 'utf8' });
  const features = files.filter((file) => file.endsWith('.json')).flatMap(featuresOf);
  return [...new Set(features)].filter((feature) => WRAPPED.test(feature)).toSorted();
}

function featuresOf(file: string): string[] {
  const capture: unknown = JSON.parse(readFileSync(path.join(CORPUS, 'expected', file), 'utf8'));
  if (typeof capture !== 'object' || capture === null || !('features' in capture)) return [];
  return Array.isArray(capture.features) ? capture.features.map(String) : [];
}
