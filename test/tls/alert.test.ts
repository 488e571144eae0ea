import { describe, expect, it } from 'vitest';
import { parseAlert } from '../../src/tls/alert.ts';
import { cursorOf, expectRobust, wire } from '../support/parser-cases.ts';

describe('parseAlert', () => {
  it('reads level and description', () => {
    expect(parseAlert(cursorOf('02 28'), true)).toEqual({ fromClient: true, level: 2, description: 40 });
    expect(parseAlert(cursorOf('01 00'), false)).toEqual({ fromClient: false, level: 1, description: 0 });
  });

  it.each([
    ['an empty record', ''],
    ['half an alert', '02'],
    ['an encrypted alert', '02 28 00112233445566'],
    ['a level that does not exist', '03 28'],
  ])('refuses %s', (_, text) => {
    expect(parseAlert(cursorOf(text), true)).toBeNull();
  });

  it('never throws, nor reads outside its window', () => {
    expectRobust(wire('02 28'), (c) => parseAlert(c, true));
  });
});
