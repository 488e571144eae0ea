import { BlockList } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4Text, ipv6Text, macText } from '../../src/sensor/address-text.ts';
import { addressBytes } from '../../tools/make-pcap/packet-writer.ts';

function wordsOf(text: string): Int32Array {
  const view = new DataView(addressBytes(text).buffer);
  return Int32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getInt32(4 * i));
}

describe('addresses as text', () => {
  it.each(['0.0.0.0', '255.255.255.255', '192.0.2.1', '10.200.0.128'])('shows %s', (text) => {
    expect(ipv4Text(wordsOf(text)[0]!)).toBe(text);
  });

  // RFC 5952 4 and 5.
  it.each([
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:DB8:A:B:C:D:E:F', '2001:db8:a:b:c:d:e:f'],
    ['fe80:0:0:0:1:2:3:4', 'fe80::1:2:3:4'],
    ['0:0:0:0:0:ffff:c000:201', '::ffff:192.0.2.1'],
    ['0:0:0:0:0:ffff:0:0', '::ffff:0.0.0.0'],
    ['0:0:0:0:ffff:0:c000:201', '::ffff:0:c000:201'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('shows %s as %s', (long, short) => {
    expect(ipv6Text(wordsOf(long), 0)).toBe(short);
  });

  it('shows any IPv6 address as one that reads back to it', () => {
    const anyGroup = fc.oneof(fc.constant(0), fc.nat(0xffff));
    fc.assert(
      fc.property(fc.array(anyGroup, { minLength: 8, maxLength: 8 }), (groups) => {
        const long = groups.map((n) => n.toString(16)).join(':');
        const text = ipv6Text(Int32Array.of(99, ...wordsOf(long)), 1);
        // The platform's own reader is the judge.
        const list = new BlockList();
        list.addAddress(long, 'ipv6');
        expect(list.check(text, 'ipv6')).toBe(true);
        expect(text.length).toBeLessThanOrEqual(long.length + '::ffff:'.length);
      }),
    );
  });

  it('shows a MAC address in lower case with colons', () => {
    expect(macText(Uint8Array.of(9, 0x02, 0, 0x5e, 0xab, 0xcd, 0xef), 1)).toBe('02:00:5e:ab:cd:ef');
  });
});
