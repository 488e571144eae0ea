import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutText, displayWidth, fitText } from '../../src/cli/display-text.ts';

describe('displayWidth', () => {
  it.each([
    ['', 0],
    ['abc', 3],
    ['Köln', 4],
    ['Ko\u0308ln', 4],
    ['東京', 4],
    ['ｱ', 1],
    ['Ａ', 2],
    ['한국', 4],
    ['😀', 2],
    ['…', 1],
  ])('%j takes %i cells', (text, cells) => {
    expect(displayWidth(text)).toBe(cells);
  });
});

describe('fitText', () => {
  it('fills with spaces, and shortens in the middle', () => {
    expect(fitText('abc', 5)).toBe('abc  ');
    expect(fitText('abcdefgh', 5)).toBe('ab…gh');
    expect(fitText('abcdefgh', 4)).toBe('ab…h');
    expect(fitText('abcdefgh', 1)).toBe('…');
    expect(fitText('abcdefgh', 0)).toBe('');
    expect(fitText('東京都港区', 6)).toBe('東…区 ');
  });

  it('gives exactly the width that was asked for, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 30 }), (text, width) => {
        expect(displayWidth(fitText(text, width))).toBe(width);
        expect(displayWidth(cutText(text, width))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe('cutText', () => {
  it('cuts the end', () => {
    expect(cutText('abcdef', 6)).toBe('abcdef');
    expect(cutText('abcdef', 5)).toBe('abcd…');
    expect(cutText('東京都', 4)).toBe('東…');
    expect(cutText('abc', 0)).toBe('');
  });
});
