import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS, optionsOf } from '../../src/cli/command-spec.ts';
import { ExitCode } from '../../src/cli/exit-code.ts';
import { TERM_KEYS } from '../../src/sensor/filter-term.ts';
import { makeFolder, PCAPS, runFake } from './fake-io.ts';

const DOC = readFileSync('docs/operating.md', 'utf8');

describe('docs/operating.md', () => {
  it('has every option, term of the filter, and exit code', () => {
    const names = optionsOf(COMMANDS.get('replay')!).map((option) => option.name);
    for (const name of names.filter((one) => one !== 'help')) {
      expect(DOC).toMatch(new RegExp(`\`--(\\[no-\\])?${name}\\b`));
    }
    for (const key of TERM_KEYS.keys()) expect(DOC).toContain(`\`${key} `);
    for (const code of Object.values(ExitCode)) expect(DOC).toMatch(new RegExp(`^\\| ${code} +\\|`, 'm'));
  });

  it('has every field of the statistics', async () => {
    const file = join(makeFolder(), 'stats.json');
    await runFake(['replay', PCAPS, '--quiet', '--stats', file]);
    const stats: Record<string, unknown> = JSON.parse(readFileSync(file, 'utf8'));
    const section = DOC.slice(DOC.indexOf('## Statistics'));
    for (const [group, fields] of Object.entries(stats)) {
      expect(section).toContain(`\`${group}`);
      const names = typeof fields === 'object' && fields !== null ? Object.keys(fields) : [];
      for (const name of names) expect(section).toMatch(new RegExp(`\`(${group}\\.)?${name}\``));
    }
  });
});
