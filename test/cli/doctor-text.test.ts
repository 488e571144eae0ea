import { describe, expect, it } from 'vitest';
import { renderChecks, toJson } from '../../src/cli/doctor-text.ts';
import { check } from '../../src/sensor/check.ts';

const FINDINGS = [check('link', 'ok', 'eth1 is up'), check('gro', 'warn', 'GRO is on', 'ethtool -K eth1 gro off')];

describe('what the doctor found', () => {
  it('is a line for each finding, and the cure under it', () => {
    expect(renderChecks(FINDINGS)).toBe(
      'ok    eth1 is up. (link)\nwarn  GRO is on. (gro)\n      ethtool -K eth1 gro off\n',
    );
  });

  it('is one JSON object for scripts, with the worst verdict of all and of each', () => {
    const json = toJson([
      { kind: 'interface', name: 'eth1', findings: FINDINGS },
      { kind: 'hec', name: 'splunk:8088', findings: [check('refused', 'fail', 'Nobody listens', 'Is HEC enabled?')] },
    ]);
    expect(JSON.parse(json)).toEqual({
      verdict: 'fail',
      examined: [
        { kind: 'interface', name: 'eth1', verdict: 'warn', findings: FINDINGS },
        {
          kind: 'hec',
          name: 'splunk:8088',
          verdict: 'fail',
          findings: [{ id: 'refused', verdict: 'fail', seen: 'Nobody listens.', cure: 'Is HEC enabled?' }],
        },
      ],
    });
  });
});
