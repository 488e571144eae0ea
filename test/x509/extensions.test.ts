import { describe, expect, it } from 'vitest';
import { Cursor } from '../../src/bytes/cursor.ts';
import { fromHex } from '../../src/bytes/hex.ts';
import { type Extensions, readExtensions } from '../../src/x509/extensions.ts';
import { FaultList } from '../../src/x509/faults.ts';
import { bits, concat, extension, int, nul, octets, oid, seq, text, tlv } from './der-writer.ts';

function read(...list: readonly Uint8Array[]): { ext: Extensions; faults: readonly string[] } {
  const faults = new FaultList();
  return { ext: readExtensions(new Cursor(concat(...list)), faults), faults: faults.names };
}

const TRUE = tlv(0x01, fromHex('ff'));
const FALSE = tlv(0x01, fromHex('00'));
const SAN = '2.5.29.17';
const KEY_USAGE = '2.5.29.15';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const BASIC_CONSTRAINTS = '2.5.29.19';
const SCT_LIST = '1.3.6.1.4.1.11129.2.4.2';
const OCSP = '1.3.6.1.5.5.7.48.1';
const CA_ISSUERS = '1.3.6.1.5.5.7.48.2';

/** RFC 6962 3.2: version, log id, timestamp, no extensions, ecdsa with SHA-256 and a signature of two octets. */
const SCT = `00 ${'ab'.repeat(32)} 0000 0189 0000 0000 0000 0403 0002 beef`;
const sctList = (...scts: readonly string[]): Uint8Array => {
  const body = concat(...scts.map((sct) => withLength(fromHex(sct))));
  return octets(withLength(body));
};
const withLength = (body: Uint8Array): Uint8Array => concat(Uint8Array.of(body.length >> 8, body.length & 0xff), body);

describe('an extension', () => {
  it('of each kind is read', () => {
    const { ext, faults } = read(
      extension('2.5.29.14', octets(fromHex('a1b2'))),
      extension('2.5.29.35', seq(tlv(0x80, fromHex('c3d4')), tlv(0xa1), tlv(0x82, fromHex('05')))),
      extension(KEY_USAGE, bits('a0', 5), TRUE),
      extension(EXTENDED_KEY_USAGE, seq(oid('1.3.6.1.5.5.7.3.1'), oid('1.2.3.4'))),
      extension(BASIC_CONSTRAINTS, seq(TRUE, int('03')), TRUE),
      extension('2.5.29.32', seq(seq(oid('2.23.140.1.2.1')), seq(oid('1.2.3'), seq(oid('1.3.6.1.5.5.7.2.1'))))),
      extension(
        '1.3.6.1.5.5.7.1.1',
        seq(seq(oid(OCSP), text(0x86, 'http://o')), seq(oid(CA_ISSUERS), text(0x86, 'http://i'))),
      ),
      extension('2.5.29.31', seq(seq(tlv(0xa0, tlv(0xa0, text(0x86, 'http://c'), text(0x86, 'ldap://c')))))),
      extension(SCT_LIST, sctList(SCT, SCT)),
      extension(SAN, seq(text(0x82, 'a.example'))),
    );
    expect(faults).toEqual([]);
    expect(ext).toEqual({
      extensionOids: [
        '2.5.29.14',
        '2.5.29.35',
        KEY_USAGE,
        EXTENDED_KEY_USAGE,
        BASIC_CONSTRAINTS,
        '2.5.29.32',
        '1.3.6.1.5.5.7.1.1',
        '2.5.29.31',
        SCT_LIST,
        SAN,
      ],
      san: { dns: ['a.example'], ip: [], email: [], uri: [], directory: [], other: [] },
      hasSan: true,
      basicConstraints: { isCa: true, pathLen: 3 },
      keyUsage: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsage: ['serverAuth', '1.2.3.4'],
      subjectKeyId: 'a1b2',
      authorityKeyId: 'c3d4',
      policies: ['2.23.140.1.2.1', '1.2.3'],
      ocspUrls: ['http://o'],
      caIssuerUrls: ['http://i'],
      crlUrls: ['http://c', 'ldap://c'],
      scts: [
        { logId: 'ab'.repeat(32), timestampMs: 0x0189_0000_0000 },
        { logId: 'ab'.repeat(32), timestampMs: 0x0189_0000_0000 },
      ],
    });
  });

  it('of every usage names all nine', () => {
    expect(read(extension(KEY_USAGE, bits('ff80', 7))).ext.keyUsage).toEqual([
      'digitalSignature',
      'nonRepudiation',
      'keyEncipherment',
      'dataEncipherment',
      'keyAgreement',
      'keyCertSign',
      'cRLSign',
      'encipherOnly',
      'decipherOnly',
    ]);
  });

  it('that is empty constrains nothing', () => {
    const { ext, faults } = read(extension(BASIC_CONSTRAINTS, seq()));
    expect(ext.basicConstraints).toEqual({ isCa: false, pathLen: -1 });
    expect(faults).toEqual([]);
  });

  it('that is unknown leaves its OID', () => {
    expect(read(extension('1.2.3', nul()))).toMatchObject({ ext: { extensionOids: ['1.2.3'] }, faults: [] });
  });

  it('of an SCT of another version is passed over', () => {
    const { ext, faults } = read(extension(SCT_LIST, sctList(`01${SCT.slice(2)}`, SCT)));
    expect(ext.scts).toHaveLength(1);
    expect(faults).toEqual([]);
  });

  it('given twice counts once', () => {
    const { ext, faults } = read(extension(SAN, seq(text(0x82, 'a'))), extension(SAN, seq(text(0x82, 'b'))));
    expect(ext.san.dns).toEqual(['a']);
    expect(faults).toEqual(['duplicate_extension']);
  });
});

describe('a reader of extensions', () => {
  it.each([
    ['an empty list', [], ['empty_sequence']],
    ['critical FALSE written out', [extension('1.2.3', nul(), FALSE)], ['der_default_encoded']],
    ['a BOOLEAN of 01', [extension(BASIC_CONSTRAINTS, seq(), tlv(0x01, fromHex('01')))], ['der_bad_boolean']],
    ['a BOOLEAN of two octets', [extension(BASIC_CONSTRAINTS, seq(), tlv(0x01, fromHex('ffff')))], ['der_bad_boolean']],
    ['an unknown critical extension', [extension('1.2.3', nul(), TRUE)], ['unknown_critical_extension']],
    [
      'the poison of a precertificate',
      [extension('1.3.6.1.4.1.11129.2.4.3', nul(), TRUE)],
      ['unknown_critical_extension'],
    ],
    ['a value that is no OCTET STRING', [seq(oid('1.2.3'), nul())], ['der_unexpected_tag']],
    ['bytes behind the value', [seq(oid('1.2.3'), octets(), nul())], ['trailing_bytes']],
    ['a value of another type', [extension(SAN, octets())], ['der_unexpected_tag', 'empty_sequence', 'bad_extension']],
    ['bytes inside a value', [extension(KEY_USAGE, concat(bits('80', 7), nul()))], ['trailing_bytes', 'bad_extension']],
    ['usage bits beyond their count', [extension(KEY_USAGE, bits('ff', 5))], ['der_bad_bit_string', 'bad_extension']],
    ['eight unused bits', [extension(KEY_USAGE, bits('80', 8))], ['der_bad_bit_string', 'bad_extension']],
    ['unused bits of nothing', [extension(KEY_USAGE, bits('', 3))], ['der_bad_bit_string', 'bad_extension']],
    ['a BIT STRING without octets', [extension(KEY_USAGE, tlv(0x03))], ['der_bad_bit_string', 'bad_extension']],
    ['no purposes', [extension(EXTENDED_KEY_USAGE, seq())], ['empty_sequence', 'bad_extension']],
    [
      'a purpose that is no OID',
      [extension(EXTENDED_KEY_USAGE, seq(nul()))],
      ['der_unexpected_tag', 'der_bad_oid', 'bad_extension'],
    ],
    ['cA FALSE written out', [extension(BASIC_CONSTRAINTS, seq(FALSE))], ['der_default_encoded', 'bad_extension']],
    ['a negative path length', [extension(BASIC_CONSTRAINTS, seq(TRUE, int('ff')))], ['bad_extension']],
    ['a huge path length', [extension(BASIC_CONSTRAINTS, seq(TRUE, int('0100000000')))], ['bad_extension']],
    ['an SCT list that lies', [extension(SCT_LIST, octets(fromHex('00ff 0001 00')))], ['bad_extension']],
    ['an SCT that lies', [extension(SCT_LIST, octets(fromHex('0003 00ff 00')))], ['bad_extension']],
    [
      'a link with a NUL',
      [extension('1.3.6.1.5.5.7.1.1', seq(seq(oid(OCSP), text(0x86, 'a\0b'))))],
      ['embedded_nul', 'bad_extension'],
    ],
  ])('records %s', (_, list, faults) => {
    expect(read(...list).faults).toEqual(faults);
  });

  it('reads what stands behind a value that lies', () => {
    const lie = extension(EXTENDED_KEY_USAGE, fromHex('30 7f 06 08 2b'));
    const { ext, faults } = read(lie, extension(SAN, seq(text(0x82, 'a.example'))));
    expect(ext.san.dns).toEqual(['a.example']);
    expect(faults).toContain('der_truncated');
  });

  it('stops at its cap', () => {
    const { ext, faults } = read(...Array.from({ length: 200 }, (_, n) => extension(`1.2.3.${n}`, nul())));
    expect(ext.extensionOids).toHaveLength(128);
    expect(faults).toEqual(['too_many_values']);
  });

  it('stops at the cap of a small list', () => {
    const purposes = Array.from({ length: 100 }, (_, n) => oid(`1.2.3.${n}`));
    const { ext, faults } = read(extension(EXTENDED_KEY_USAGE, seq(...purposes)));
    expect(ext.extendedKeyUsage).toHaveLength(64);
    expect(faults).toEqual(['too_many_values', 'bad_extension']);
  });
});
