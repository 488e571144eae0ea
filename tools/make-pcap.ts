/**
 * Makes the captures of `pcaps/` from real handshakes on the loopback address, without privileges.
 *
 *     node dist/tools/make-pcap.js [--out <folder>] [--only <name>...] [--list]
 *
 * Clients and servers are OpenSSL and Node; a recorder between them writes down what passes, and the packets around it are
 * written by us (see pcaps/README.md). What can't be made here is named, and the file that is there is kept. Beside the
 * captures the tool writes `expected.json` and the table of `README.md`.
 */

import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { buildCapture, type Capture, captureFile } from './make-pcap/capture.ts';
import { countPackets } from './make-pcap/capture-writer.ts';
import { CERTIFICATE_CAPTURES } from './make-pcap/captures-certificates.ts';
import { DAMAGED_CAPTURES } from './make-pcap/captures-damaged.ts';
import { REFUSAL_CAPTURES } from './make-pcap/captures-refusals.ts';
import { VERSION_CAPTURES } from './make-pcap/captures-versions.ts';
import { Lab, withLabFolder } from './make-pcap/lab.ts';
import { findPostQuantumNode } from './make-pcap/node-peer.ts';
import { opensslVersion } from './make-pcap/openssl.ts';

const CAPTURES: readonly Capture[] = [
  ...VERSION_CAPTURES,
  ...CERTIFICATE_CAPTURES,
  ...REFUSAL_CAPTURES,
  ...DAMAGED_CAPTURES,
];

const TABLE_BEGIN = '<!-- captures: written by tools/make-pcap -->';
const TABLE_END = '<!-- end of captures -->';

interface Arguments {
  readonly out: string;
  readonly only?: readonly string[];
  readonly list?: boolean;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function main(): Promise<number> {
  const program = new Command('make-pcap')
    .description('Makes captures from real TLS handshakes on the loopback address.')
    .option('--out <folder>', 'where the captures go', 'pcaps')
    .option('--only <name...>', 'make these and leave the others')
    .option('--list', 'name the captures and what they show, and make none')
    .parse();
  const { out, only, list } = program.opts<Arguments>();
  const unknown = (only ?? []).filter((name) => !CAPTURES.some((capture) => capture.name === name));
  if (unknown.length > 0) program.error(`no such capture: ${unknown.join(', ')}`, { exitCode: 2 });
  if (list) {
    for (const { name, shows } of CAPTURES) say(`${name.padEnd(30)} ${shows}`);
    return 0;
  }
  await mkdir(out, { recursive: true });
  const wanted = CAPTURES.filter((capture) => !only || only.includes(capture.name));
  const failures = await makeCaptures(wanted, out);
  await writeExpected(out);
  await writeTable(out);
  return failures === 0 ? 0 : 1;
}

/** Makes the captures one after the other and returns how many failed. */
async function makeCaptures(captures: readonly Capture[], out: string): Promise<number> {
  const version = await opensslVersion();
  if (version === null) {
    say('skipped everything: there is no openssl program here; the captures that exist are kept');
    return 0;
  }
  const node = captures.some((capture) => capture.needs === 'ml-kem') ? await findPostQuantumNode() : null;
  say(`made by ${version}, Node ${process.versions.node}${node ? ', and a Node with ML-KEM' : ''}`);
  let failures = 0;
  await withLabFolder(async (folder, authority) => {
    for (const capture of captures) {
      if (capture.needs === 'ml-kem' && node === null) {
        say(
          `skipped  ${capture.name}: needs Node 24 (npx node@24), which is not to be had; the file that exists is kept`,
        );
        continue;
      }
      try {
        const bytes = await buildCapture(capture, new Lab(capture.name, folder, authority, node));
        await writeFile(join(out, captureFile(capture)), bytes);
        say(`written  ${captureFile(capture)}: ${countPackets(bytes)} packets, ${bytes.length} bytes`);
      } catch (error) {
        failures += 1;
        say(`failed   ${capture.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  });
  return failures;
}

/** What a sensor should say of every capture, for tests. */
async function writeExpected(out: string): Promise<void> {
  const expected = Object.fromEntries(CAPTURES.map((capture) => [captureFile(capture), capture.expected]));
  await writeFile(join(out, 'expected.json'), `${JSON.stringify(expected, null, 2)}\n`);
}

/** Renews the table between the marks of the folder's README.md, if there is one with marks. */
async function writeTable(out: string): Promise<void> {
  const path = join(out, 'README.md');
  if (!existsSync(path)) return;
  const text = await readFile(path, 'utf8');
  const from = text.indexOf(TABLE_BEGIN);
  const to = text.indexOf(TABLE_END);
  if (from < 0 || to < from) return;
  const rows = [['capture', 'packets', 'handshakes', 'shows', 'should give']];
  for (const capture of CAPTURES) {
    const file = join(out, captureFile(capture));
    const packets = existsSync(file) ? String(countPackets(await readFile(file))) : '-';
    const handshakes = String(capture.expected.length);
    rows.push([`\`${captureFile(capture)}\``, packets, handshakes, capture.shows, summary(capture)]);
  }
  const table = `${TABLE_BEGIN}\n\n${formatTable(rows)}\n\n`;
  await writeFile(path, text.slice(0, from) + table + text.slice(to));
}

/** A Markdown table with its columns aligned, as the formatter wants it. The first row is the head. */
function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return lines.toSpliced(1, 0, rule).join('\n');
}

/** The expected handshakes as one cell: equal ones are counted, names stand in `expected.json`. */
function summary(capture: Capture): string {
  const counts = new Map<string, number>();
  for (const { ssl_version, cert_visibility } of capture.expected) {
    const line = `${ssl_version ?? 'no version'}, \`${cert_visibility}\``;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  const lines = [...counts].map(([line, count]) => (count > 1 ? `${count} x ${line}` : line));
  return lines.length === 0 ? 'no event' : lines.join('; ');
}

process.exitCode = await main();
