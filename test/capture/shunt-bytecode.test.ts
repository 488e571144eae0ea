/** The committed code is that of the committed source: by the source's hash everywhere, byte by byte where the same clang is. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const SOURCE = 'native/shunt/shunt.bpf.c';
const HEADER = 'native/shunt/generated/shunt-bytecode.h';

it('the code of the shunt was made from the source that is here', () => {
  const hash = createHash('sha256').update(readFileSync(SOURCE)).digest('hex');
  expect(readFileSync(HEADER, 'utf8')).toContain(`source ${hash}`);
});

it('the code of the shunt is what clang makes of the source', (ctx) => {
  const { status, stderr } = spawnSync(process.execPath, ['native/shunt/generate.mjs', '--check'], {
    encoding: 'utf8',
  });
  if (status === 2) ctx.skip(stderr.trim());
  expect(stderr).toBe('');
  expect(status).toBe(0);
});
