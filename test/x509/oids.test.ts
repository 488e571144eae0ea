import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { ATTRIBUTE_TYPES, CURVES, KEY_ALGORITHMS, KEY_PURPOSES, SIGNATURE_ALGORITHMS } from '../../src/x509/oids.ts';

/** Short and long name by OID, as `openssl list -objects` prints them: `SN = LN, 1.2.3`, or `SN = 1.2.3` where they are one. */
function opensslNames(): Map<string, { short: string; long: string }> {
  const names = new Map<string, { short: string; long: string }>();
  for (const line of spawnSync('openssl', ['list', '-objects'], { encoding: 'utf8' }).stdout?.split('\n') ?? []) {
    const match = /^(.+?) = (?:(.+), )?([0-9.]+)$/.exec(line);
    if (match !== null) names.set(match[3]!, { short: match[1]!, long: match[2] ?? match[1]! });
  }
  return names;
}

const names = opensslNames();
const reason = names.size > 0 ? '' : ' (skipped: openssl is not installed)';

describe.skipIf(names.size === 0)(`a name${reason}`, () => {
  it.each(Array.from(ATTRIBUTE_TYPES))('of the attribute %s is %s, as OpenSSL has it or RFC 4514', (oid, name) => {
    expect(name).toBe(name === 'STREET' ? 'STREET' : names.get(oid)?.short);
  });

  it.each(Array.from(KEY_PURPOSES))('of the purpose %s is %s, as OpenSSL has it', (oid, name) => {
    expect(name).toBe(names.get(oid)?.short);
  });

  it.each(Array.from(CURVES))('of the curve %s is as OpenSSL has it', (oid, { name }) => {
    expect(name).toBe(names.get(oid)?.long);
  });

  // OpenSSL before 3.5 does not know the post-quantum algorithms; what it does not know it can't confirm.
  it.each(Array.from(SIGNATURE_ALGORITHMS))('of the signature algorithm %s is as OpenSSL has it', (oid, { name }) => {
    expect(name).toBe(names.get(oid)?.long ?? name);
  });

  it.each(Array.from(KEY_ALGORITHMS))('of the key algorithm %s is as OpenSSL has it', (oid, { name }) => {
    expect(name).toBe(names.get(oid)?.long ?? name);
  });

  it('is missing in OpenSSL for post-quantum algorithms at most', () => {
    const oids = [...SIGNATURE_ALGORITHMS.keys(), ...KEY_ALGORITHMS.keys(), ...CURVES.keys()];
    const unknown = oids.filter((oid) => !names.has(oid));
    expect(unknown.filter((oid) => !/^2\.16\.840\.1\.101\.3\.4\.(3\.(1[7-9]|2\d|3[01])|4\.[1-3])$/.test(oid))).toEqual(
      [],
    );
  });
});

it('is unique within its table', () => {
  for (const table of [ATTRIBUTE_TYPES, KEY_PURPOSES]) expect(new Set(table.values()).size).toBe(table.size);
  const named = [CURVES, SIGNATURE_ALGORITHMS, KEY_ALGORITHMS].map((table) =>
    [...table.values()].map((row) => row.name),
  );
  for (const names of named) expect(new Set(names).size).toBe(names.length);
});
