import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS, optionsOf } from '../../src/cli/command-spec.ts';
import { ExitCode } from '../../src/cli/exit-code.ts';
import { TERM_KEYS } from '../../src/sensor/filter-term.ts';
import { makeFolder, PCAPS, runFake } from './fake-io.ts';
import { readSpool } from './read-spool.ts';

const DOC = readFileSync('docs/operating.md', 'utf8');

describe('docs/operating.md', () => {
  it('has every option, term of the filter, and exit code', () => {
    const names = [...COMMANDS.values()].flatMap(optionsOf).map((option) => option.name);
    for (const name of names.filter((one) => one !== 'help')) {
      expect(DOC).toMatch(new RegExp(`\`--(\\[no-\\])?${name}\\b`));
    }
    for (const key of TERM_KEYS.keys()) expect(DOC).toContain(`\`${key} `);
    for (const code of Object.values(ExitCode)) expect(DOC).toMatch(new RegExp(`^\\| ${code} +\\|`, 'm'));
  });

  it('has every field of the statistics and of a health event', async () => {
    const folder = makeFolder();
    const file = join(folder, 'stats.json');
    // Nobody is there, so that the health event is found in the spool.
    const delivery = ['--hec', 'http://127.0.0.1:9', '--hec-wait', '0', '--spool', join(folder, 'spool')];
    const env = { SPANGLASS_HEC_TOKEN: 'test-token' };
    await runFake(['replay', PCAPS, '--quiet', '--stats', file, ...delivery], { env });
    const stats: Record<string, unknown> = JSON.parse(readFileSync(file, 'utf8'));
    const section = DOC.slice(DOC.indexOf('## Statistics'));
    for (const [group, fields] of Object.entries(stats)) {
      expect(section).toContain(`\`${group}`);
      const names = typeof fields === 'object' && fields !== null ? Object.keys(fields) : [];
      for (const name of names) expect(section).toMatch(new RegExp(`\`(${group}\\.)?${name}\``));
    }
    const health = (await readSpool(join(folder, 'spool'))).filter(
      ({ sourcetype }) => sourcetype === 'spanglass:health',
    );
    expect(health).toHaveLength(1);
    const common = new Set(['sensor', 'event_id', 'vendor_product']);
    const names = Object.keys(health[0]!.event).filter((name) => !common.has(name));
    for (const name of names) expect(DOC).toContain(`\`${name}\``);
  });
});
