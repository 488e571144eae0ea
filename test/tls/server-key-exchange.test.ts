import { describe, expect, it } from 'vitest';
import { parseServerKeyExchange } from '../../src/tls/server-key-exchange.ts';
import { cursorOf, expectRobust, wire } from '../support/parser-cases.ts';

const ECDHE_RSA = 0xc02f;
const ECDH_ANON = 0xc018;
const ECDHE_PSK = 0xc035;
const DHE_RSA = 0x0033;
const NAMED_CURVE = '03 001d 02 a1a2';

describe('parseServerKeyExchange', () => {
  it('finds the named curve of an ephemeral exchange', () => {
    expect(parseServerKeyExchange(cursorOf(NAMED_CURVE), ECDHE_RSA)).toEqual({ group: 0x1d, fault: '' });
    expect(parseServerKeyExchange(cursorOf(NAMED_CURVE), ECDH_ANON)).toEqual({ group: 0x1d, fault: '' });
  });

  it('skips the identity hint of ECDHE_PSK', () => {
    expect(parseServerKeyExchange(cursorOf(`0002 6869 ${NAMED_CURVE}`), ECDHE_PSK)).toEqual({ group: 0x1d, fault: '' });
  });

  it('has no group for an explicit curve, another exchange or an unknown suite', () => {
    expect(parseServerKeyExchange(cursorOf('01 00'), ECDHE_RSA)).toEqual({ group: -1, fault: '' });
    expect(parseServerKeyExchange(cursorOf(NAMED_CURVE), DHE_RSA)).toEqual({ group: -1, fault: '' });
    expect(parseServerKeyExchange(cursorOf(NAMED_CURVE), 0xabcd)).toEqual({ group: -1, fault: '' });
  });

  it('calls a message that ends before the curve truncated, and is robust', () => {
    for (const text of ['', '03', '03 00']) {
      expect(parseServerKeyExchange(cursorOf(text), ECDHE_RSA)).toEqual({ group: -1, fault: 'truncated' });
    }
    for (const suite of [ECDHE_RSA, ECDHE_PSK]) {
      expectRobust(wire(NAMED_CURVE), (c) => parseServerKeyExchange(c, suite));
    }
  });
});
