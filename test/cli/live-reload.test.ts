import { describe, expect, it } from 'vitest';
import { readArguments } from '../../src/cli/arguments.ts';
import { resolveCapture } from '../../src/cli/capture-settings.ts';
import { COMMANDS } from '../../src/cli/command-spec.ts';
import { needRestart, toPatch } from '../../src/cli/live-reload.ts';
import type { Config } from '../../src/cli/settings.ts';

function settingsOf(config: Config, ...args: readonly string[]) {
  return resolveCapture(readArguments(COMMANDS.get('capture')!, ['-i', 'eth1', ...args]), config);
}

describe('a reload', () => {
  it('patches only what is another than before', () => {
    const before = settingsOf({ filter: 'port 443', scoring: { min_risk: 2 } });
    expect(toPatch(before, before)).toEqual({});
    const now = settingsOf({ scoring: { min_risk: 3, mode: 'faithful' } });
    expect(toPatch(before, now)).toEqual({ filter: null, minRisk: 3, scoring: 'faithful' });
  });

  it('changes nothing that an option overrides', () => {
    const before = settingsOf({ filter: 'port 443' }, '--filter', 'port 25');
    expect(toPatch(before, settingsOf({ filter: 'port 8443' }, '--filter', 'port 25'))).toEqual({});
  });

  it('names what needs a restart, in all depths, and never a value', () => {
    const before: Config = {
      filter: 'port 443',
      scoring: { mode: 'refined' },
      capture: { interface: 'eth1', workers: 1 },
      hec: { endpoints: [{ url: 'https://a:8088' }], token: 'old' },
    };
    const now: Config = {
      filter: 'port 8443',
      scoring: { mode: 'faithful' },
      capture: { interface: 'eth1', workers: 2 },
      hec: { endpoints: [{ url: 'https://b:8088' }], token: 'new' },
      metrics: { listen: '9464' },
    };
    expect(needRestart(before, now)).toEqual(['capture.workers', 'hec.endpoints', 'hec.token', 'metrics.listen']);
    expect(needRestart(before, before)).toEqual([]);
  });
});
