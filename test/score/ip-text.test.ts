import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toIpKey } from '../../src/score/ip-text.ts';

describe('an address in text', () => {
  it.each([
    ['192.0.2.1', 'v4:c0000201'],
    ['0.0.0.0', 'v4:00000000'],
    ['255.255.255.255', 'v4:ffffffff'],
    ['2001:DB8:0:0:8:800:200C:417A', 'v6:20010db80000000000080800200c417a'],
    ['2001:db8::8:800:200c:417a', 'v6:20010db80000000000080800200c417a'],
    ['::', `v6:${'0'.repeat(32)}`],
    ['::1', `v6:${'1'.padStart(32, '0')}`],
    ['1::', `v6:0001${'0'.repeat(28)}`],
    ['[2001:db8::1]', 'v6:20010db8000000000000000000000001'],
    ['::ffff:192.0.2.1', 'v6:00000000000000000000ffffc0000201'],
    ['64:ff9b::192.0.2.33', 'v6:0064ff9b0000000000000000c0000221'],
    ['1:2:3:4:5:6:192.0.2.1', 'v6:000100020003000400050006c0000201'],
  ])('%s has the key %s', (text, key) => {
    expect(toIpKey(text)).toBe(key);
  });

  it.each([
    ['', 'nothing'],
    ['1.2.3', 'three parts'],
    ['1.2.3.4.5', 'five parts'],
    ['1.2.3.256', 'a part over 255'],
    ['01.2.3.4', 'a leading zero'],
    ['1.2.3.x', 'a letter'],
    ['1:2:3:4:5:6:7', 'seven groups'],
    ['1:2:3:4:5:6:7:8:9', 'nine groups'],
    ['1:2:3:4:5:6:7::8', 'a run of zeros for no group'],
    ['1::2::3', 'two runs of zeros'],
    [':::', 'three colons'],
    ['1:2:3:4:5:6:7:', 'a colon at its end'],
    ['12345::', 'a group of five digits'],
    ['fe80::1%eth0', 'a zone'],
    ['192.0.2.1::', 'a dotted part that is not last'],
    ['192.0.2.1:443', 'a port'],
    ['[192.0.2.1]', 'brackets around IPv4'],
    ['[::1', 'one bracket'],
    ['example.com', 'letters'],
    [`::${'1'.repeat(60)}`, 'more text than any address'],
  ])('refuses %j: %s', (text) => {
    expect(toIpKey(text)).toBe('');
  });

  it('has one key however it is written', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), fc.nat(7), (groups, zeros) => {
        const some = groups.map((group, i) => (i < zeros ? 0 : group));
        const full = some.map((group) => group.toString(16).padStart(4, '0')).join(':');
        const short = some.map((group) => group.toString(16).toUpperCase()).join(':');
        const runless =
          zeros === 0
            ? short
            : `::${some
                .slice(zeros)
                .map((g) => g.toString(16))
                .join(':')}`;
        expect(new Set([toIpKey(full), toIpKey(short), toIpKey(runless)]).size).toBe(1);
        expect(toIpKey(full)).toHaveLength(35);
      }),
    );
  });

  it('never throws', () => {
    const text = fc.string({ unit: fc.constantFrom(':', '.', '[', ']', '0', '1', 'f', '25', '%'), maxLength: 30 });
    fc.assert(fc.property(text, (text) => /^(?:|v4:[0-9a-f]{8}|v6:[0-9a-f]{32})$/.test(toIpKey(text))));
  });
});
