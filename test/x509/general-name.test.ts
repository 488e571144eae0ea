import { describe, expect, it } from 'vitest';
import { Cursor } from '../../src/bytes/cursor.ts';
import { fromHex } from '../../src/bytes/hex.ts';
import type { SubjectAltNames } from '../../src/x509/certificate.ts';
import { FaultList } from '../../src/x509/faults.ts';
import { NO_ALT_NAMES, readAltNames } from '../../src/x509/general-name.ts';
import { attribute, concat, oid, seq, set, text, tlv } from './der-writer.ts';

function read(...names: readonly Uint8Array[]): { names: SubjectAltNames; faults: readonly string[] } {
  const faults = new FaultList();
  return { names: readAltNames(new Cursor(seq(...names)), faults), faults: faults.names };
}

const USER_PRINCIPAL_NAME = '1.3.6.1.4.1.311.20.2.3';

describe('alternative names', () => {
  it('are read of every kind', () => {
    const { names, faults } = read(
      text(0x82, 'www.example.com'),
      text(0x82, '*.example.com'),
      tlv(0x87, fromHex('c0000201')),
      tlv(0x87, fromHex('20010db8 00000000 00000000 00000001')),
      text(0x81, 'root@example.com'),
      text(0x86, 'https://example.com/'),
      tlv(0xa4, seq(set(attribute('2.5.4.6', 'US')), set(attribute('2.5.4.10', 'Example, Inc.')))),
      tlv(0xa0, oid(USER_PRINCIPAL_NAME), tlv(0xa0, text(0x0c, 'user@example.com'))),
      tlv(0xa0, oid('1.3.6.1.5.2.2'), tlv(0xa0, seq())),
      tlv(0x88, oid('1.2.3.4').subarray(2)),
      tlv(0xa3, seq()),
      tlv(0xa5, tlv(0xa1, text(0x0c, 'party'))),
    );
    expect(faults).toEqual([]);
    expect(names).toEqual({
      dns: ['www.example.com', '*.example.com'],
      ip: ['192.0.2.1', '2001:db8::1'],
      email: ['root@example.com'],
      uri: ['https://example.com/'],
      directory: ['O=Example\\, Inc.,C=US'],
      other: [
        `${USER_PRINCIPAL_NAME}:user@example.com`,
        '1.3.6.1.5.2.2',
        'registeredID:1.2.3.4',
        'x400Address',
        'ediPartyName',
      ],
    });
  });

  it('show a NUL, and say so', () => {
    const { names, faults } = read(text(0x82, 'bank.example\0.evil.example'));
    expect(names.dns).toEqual(['bank.example\\u{0}.evil.example']);
    expect(faults).toEqual(['embedded_nul']);
  });

  it.each([
    ['an empty list', [], ['empty_sequence']],
    ['a host name beyond ASCII', [text(0x82, 'bücher.example')], ['invalid_string_char']],
    ['an address of 5 octets', [tlv(0x87, fromHex('c000020101'))], ['bad_ip_address']],
    ['an address of 8 octets, which is a constraint', [tlv(0x87, fromHex('c0000200ffffff00'))], ['bad_ip_address']],
    ['a kind that does not exist', [tlv(0x89, fromHex('00'))], ['der_unexpected_tag']],
    ['a host name of constructed form', [tlv(0xa2, text(0x16, 'a'))], ['der_unexpected_tag']],
    ['a directory name that is none', [tlv(0xa4)], ['der_unexpected_tag']],
    ['a name cut short', [concat(text(0x82, 'a'), fromHex('82 05 62'))], ['der_truncated']],
  ])('refuse %s', (_, names, faults) => {
    expect(read(...names).faults).toEqual(faults);
  });

  it('keep the names before and behind a bad one', () => {
    const { names } = read(text(0x82, 'a.example'), tlv(0x87, fromHex('00')), text(0x82, 'b.example'));
    expect(names.dns).toEqual(['a.example', 'b.example']);
  });

  it('are read up to a cap', () => {
    const { names, faults } = read(...Array.from({ length: 17_000 }, (_, n) => text(0x82, `host${n}.example`)));
    expect(names.dns).toHaveLength(16_384);
    expect(faults).toEqual(['too_many_values']);
  });

  it('are read up to the cap of names in names', () => {
    const name = tlv(0xa4, seq(set(attribute('2.5.4.6', 'US'))));
    const { names, faults } = read(...Array.from({ length: 100 }, () => name));
    expect(names.directory).toHaveLength(64);
    expect(faults).toEqual(['too_many_values']);
  });

  it('are none where there is no list', () => {
    expect(readAltNames(new Cursor(), new FaultList())).toEqual(NO_ALT_NAMES);
  });
});

describe('an IPv6 address (RFC 5952)', () => {
  it.each([
    ['00000000 00000000 00000000 00000000', '::'],
    ['00000000 00000000 00000000 00000001', '::1'],
    ['20010db8 00000000 00010000 00000001', '2001:db8::1:0:0:1'],
    ['20010db8 00000001 00010001 00010001', '2001:db8:0:1:1:1:1:1'],
    ['20010db8 00010000 00000000 00000000', '2001:db8:1::'],
    ['fe800000 00000000 0000abcd 00000000', 'fe80::abcd:0:0'],
  ])('%s is %s', (hex, shown) => {
    expect(read(tlv(0x87, fromHex(hex))).names.ip).toEqual([shown]);
  });
});
