import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLike } from '../../src/score/like.ts';
import { MAX_LIKE_LEN } from '../../src/score/limits.ts';
import { runSearch } from '../support/spl/run-search.ts';

describe('like', () => {
  it.each([
    ['www.example.com', '%example.com', true],
    ['www.example.com', 'example.com', false],
    ['example.com', '%example.com', true],
    ['', '%', true],
    ['', '', true],
    ['a', '', false],
    ['', '_', false],
    ['abc', 'a_c', true],
    ['ac', 'a_c', false],
    ['abc', '%%%', true],
    ['abc', '%_%_%_%', true],
    ['abc', '%_%_%_%_', false],
    ['ABC', '%abc', false],
    ['mississippi', '%iss%ip%', true],
    ['mississippi', '%iss%iss%iss%', false],
    ['a.b', 'a\\.b', false],
    ['a%b', 'a\\%b', false],
    ['aXb', 'a.b', false],
  ])('of %j and %j is %j', (text, pattern, expected) => {
    expect(isLike(text, pattern)).toBe(expected);
  });

  it('is what the definition says, for any text and pattern', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', '.'), maxLength: 14 });
    fc.assert(
      fc.property(letters, letters, (text, pattern) => {
        const spl = 'index=x | where like(text, pattern)';
        const found = runSearch(spl, [{ index: 'x', text, pattern }]);
        expect(isLike(text, pattern)).toBe(found.length === 1);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes no exponential time for a pattern full of wildcards', () => {
    const text = 'a'.repeat(MAX_LIKE_LEN);
    const startedAt = performance.now();
    expect(isLike(text, `${'%a'.repeat(500)}%b`)).toBe(false);
    expect(isLike(text, `%${'a_'.repeat(256)}b`)).toBe(false);
    expect(isLike(text, '%'.repeat(1_000_000))).toBe(true);
    expect(isLike(text, '_'.repeat(1_000_000))).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it('refuses a text beyond its cap unless the pattern is a plain end', () => {
    const text = `${'a'.repeat(MAX_LIKE_LEN)}.net`;
    expect(isLike(text, '%.net')).toBe(true);
    expect(isLike(text, '%.n_t')).toBe(false);
  });
});
