/** A capture cut at every byte of its first 3 KB, through the whole program: what is there is read, and what is missing is told. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ExitCode } from '../../src/cli/exit-code.ts';
import { PCAPS, runFake } from '../cli/fake-io.ts';

const CUTS = 3072;

/** All that may be said of a cut capture. */
const MESSAGES = [
  /: empty; no packet was written to it, not even the header of a capture$/,
  /: not a packet capture; it begins with .+, which looks like the beginning of a capture; the rest is missing\. spanglass reads /,
  /: ends inside the header of a pcap file, \d+ of 24 bytes$/,
  /: ends inside a (?:record header|block|packet), \d+ of \d+ bytes, at offset \d+; it was cut, .+; (?:1 packet was|\d+ packets were) read$/,
  /: ends inside a block header, \d+ bytes into it, at offset \d+; it was cut, .+; (?:1 packet was|\d+ packets were) read$/,
];

const root = mkdtempSync(path.join(tmpdir(), 'spanglass-cuts-'));

afterAll(() => rmSync(root, { recursive: true, force: true }));

it.each(['tls12-ecdhe-rsa-chain.pcap', 'vlan-ipv6.pcapng'])(
  '%s cut at every byte gives one clear message each',
  async (name) => {
    const bytes = readFileSync(path.join(PCAPS, name));
    const folder = path.join(root, name);
    mkdirSync(folder);
    for (let size = 0; size <= CUTS; size++)
      writeFileSync(path.join(folder, `${size}-${name}`), bytes.subarray(0, size));
    const { code, stdout, stderr } = await runFake(['replay', folder]);
    const lines = stderr.trimEnd().split('\n');
    expect(code).toBe(ExitCode.CaptureFailed);
    expect(lines.filter((line) => !MESSAGES.some((message) => message.test(line)))).toEqual([]);
    // At the end of the header and of each packet nothing is missing.
    const whole = CUTS + 1 - lines.length;
    expect(whole).toBeGreaterThan(5);
    expect(whole).toBeLessThan(20);
    expect(new Set(lines.map((line) => line.slice(0, line.indexOf(': ', 12)))).size).toBe(lines.length);
    // Where the ClientHello is whole there is a handshake.
    expect(stdout).toMatch(/^ {2}handshakes {4}[\d,]{4,}$/m);
  },
);
