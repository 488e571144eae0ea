import { describe, expect, it } from 'vitest';
import { buildJa3sText, buildJa3Text, hashJa3 } from '../../src/tls/ja3.ts';

describe('JA3', () => {
  it('gives the two examples of its publication', () => {
    const withExtensions = buildJa3Text({
      legacyVersion: 769,
      cipherSuites: [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
      extensions: [0, 10, 11],
      groups: [23, 24, 25],
      pointFormats: [0],
    });
    expect(withExtensions).toBe('769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0');
    expect(hashJa3(withExtensions)).toBe('ada70206e40642a3e4461f35503241d5');
    const without = buildJa3Text({
      legacyVersion: 769,
      cipherSuites: [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99],
      extensions: null,
      groups: [],
      pointFormats: [],
    });
    expect(without).toBe('769,4-5-10-9-100-98-3-6-19-18-99,,,');
    expect(hashJa3(without)).toBe('de350869b8c85de67a350c8d186f11e6');
  });

  it('leaves out GREASE, first, last or alone', () => {
    const text = buildJa3Text({
      legacyVersion: 771,
      cipherSuites: [0x0a0a, 4865, 0x1a1a],
      extensions: [0xfafa],
      groups: [29, 0x2a2a],
      pointFormats: [0, 1],
    });
    expect(text).toBe('771,4865,,29,0-1');
  });
});

describe('JA3S', () => {
  it('joins version, suite and extensions in order', () => {
    expect(buildJa3sText(771, 4865, [51, 43])).toBe('771,4865,51-43');
    expect(hashJa3('771,4865,51-43')).toBe('eb1d94daa7e0344597e756a1fb6e7054');
  });

  it('leaves the list empty where there is none', () => {
    expect(buildJa3sText(769, 57, null)).toBe('769,57,');
  });
});
