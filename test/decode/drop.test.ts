import { describe, expect, it } from 'vitest';
import { DROP_NAMES, Drop } from '../../src/decode/drop.ts';

describe('Drop', () => {
  it('counts from zero without a gap, so that counters are an array', () => {
    expect(Object.values(Drop)).toEqual(DROP_NAMES.map((_, i) => i));
  });

  it('names every reason once, in words joined by underscores', () => {
    expect(new Set(DROP_NAMES).size).toBe(DROP_NAMES.length);
    expect(DROP_NAMES[Drop.Decoded]).toBe('decoded');
    expect(DROP_NAMES[Drop.IpBadHeaderLength]).toBe('ip_bad_header_length');
    expect(DROP_NAMES[Drop.TcpBadOffset]).toBe('tcp_bad_offset');
    expect(DROP_NAMES.every((name) => /^[a-z0-9]+(_[a-z0-9]+)*$/.test(name))).toBe(true);
  });
});
