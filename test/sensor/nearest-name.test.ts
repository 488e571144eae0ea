import { describe, expect, it } from 'vitest';
import { nearestName } from '../../src/sensor/nearest-name.ts';

const NAMES = ['ndjson', 'protobuf', 'min-risk', 'filter'];

describe('nearestName', () => {
  it('finds the name behind a letter too few, too many, wrong, or swapped', () => {
    expect(nearestName('ndjsn', NAMES)).toBe('ndjson');
    expect(nearestName('protobuff', NAMES)).toBe('protobuf');
    expect(nearestName('min-rist', NAMES)).toBe('min-risk');
    expect(nearestName('fitler', NAMES)).toBe('filter');
    expect(nearestName('FILTER', NAMES)).toBe('filter');
  });

  it('suggests nothing where nothing is near', () => {
    expect(nearestName('xyzzy', NAMES)).toBeNull();
    expect(nearestName('', NAMES)).toBeNull();
    expect(nearestName('filter'.repeat(10), NAMES)).toBeNull();
  });
});
