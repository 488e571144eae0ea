import { describe, expect, it } from 'vitest';
import { parseSessionTicket } from '../../src/tls/session-ticket.ts';
import { cursorOf, expectRobust, parseInWindow, prefixesOf, vec, wire } from '../support/parser-cases.ts';

const TLS12 = `00001c20 ${vec(2, 'a1a2a3')}`;
const TLS13 = `00015180 fad6aac5 ${vec(1, '0000')} ${vec(2, 'a1a2a3')} 0000`;

describe('parseSessionTicket', () => {
  it('reads lifetime and length in both forms', () => {
    expect(parseSessionTicket(cursorOf(TLS12), false)).toEqual({ lifetimeHint: 7200, sizeBytes: 3, fault: '' });
    expect(parseSessionTicket(cursorOf(TLS13), true)).toEqual({ lifetimeHint: 86_400, sizeBytes: 3, fault: '' });
  });

  it('reads an empty ticket, by which a server takes back its promise', () => {
    expect(parseSessionTicket(cursorOf('00000000 0000'), false)).toEqual({ lifetimeHint: 0, sizeBytes: 0, fault: '' });
  });

  it.each([
    { text: TLS12, isTls13: false },
    { text: TLS13, isTls13: true },
  ])('calls every truncation one, and is robust (TLS 1.3: $isTls13)', ({ text, isTls13 }) => {
    for (const prefix of prefixesOf(wire(text))) {
      expect(parseInWindow(prefix, (c) => parseSessionTicket(c, isTls13)).fault).toBe('truncated');
    }
    expectRobust(wire(text), (c) => parseSessionTicket(c, isTls13));
  });

  it('refuses bytes after the ticket', () => {
    expect(parseSessionTicket(cursorOf(`${TLS12} 00`), false).fault).toBe('trailing_bytes');
  });
});
