/**
 * The lock names every platform's part of a package made of one part for each platform. npm leaves out of it what the
 * registry in use does not have, without a word, and then `npm ci` refuses the lock everywhere (docs/decisions/0005).
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';

const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({ version: z.string().optional(), optionalDependencies: z.record(z.string(), z.string()).default({}) }),
  ),
});

const { packages } = Lock.parse(JSON.parse(readFileSync('package-lock.json', 'utf8')));

/** The version that `name` has as seen from the package at `place`: its own folder first, then those around it. */
function versionSeenFrom(place: string, name: string): string | undefined {
  for (let at = place; ; at = at.slice(0, Math.max(at.lastIndexOf('/node_modules/'), 0))) {
    const found = packages[`${at}${at === '' ? '' : '/'}node_modules/${name}`];
    if (found !== undefined || at === '') return found?.version;
  }
}

it('the lock has every optional dependency, in the version asked for', () => {
  const asked = Object.entries(packages).flatMap(([place, { optionalDependencies }]) =>
    Object.entries(optionalDependencies).map(([name, range]) => ({ place, name, range })),
  );
  expect(asked.length).toBeGreaterThan(50);
  const isExact = /^\d+\.\d+\.\d+$/;
  const missing = asked.filter(({ place, name, range }) => {
    const version = versionSeenFrom(place, name);
    return version === undefined || (isExact.test(range) && version !== range);
  });
  expect(missing).toEqual([]);
});
