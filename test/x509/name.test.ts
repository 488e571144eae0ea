import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cursor } from '../../src/bytes/cursor.ts';
import { fromHex } from '../../src/bytes/hex.ts';
import { FaultList } from '../../src/x509/faults.ts';
import { allValues, emailDomain, firstValue, lastValue, type Name, readName } from '../../src/x509/name.ts';
import { attribute, concat, oid, seq, set, text, tlv } from './der-writer.ts';

function read(content: Uint8Array): { name: Name; faults: readonly string[] } {
  const faults = new FaultList();
  return { name: readName(new Cursor(content), faults), faults: faults.names };
}

/** A name of one RDN with one common name of these octets. */
function readValue(tag: number, octets: Uint8Array): { value: string; text: string; faults: readonly string[] } {
  const { name, faults } = read(set(seq(oid('2.5.4.3'), tlv(tag, octets))));
  return { value: name.rdns[0]?.[0]?.value ?? '', text: name.text, faults };
}

describe('a name of RFC 4514 4', () => {
  it('is written most specific first', () => {
    const der = concat(
      set(attribute('0.9.2342.19200300.100.1.25', 'net')),
      set(attribute('0.9.2342.19200300.100.1.25', 'example')),
      set(attribute('0.9.2342.19200300.100.1.1', 'jsmith')),
    );
    expect(read(der).name.text).toBe('UID=jsmith,DC=example,DC=net');
  });

  it('joins the attributes of one RDN with a plus', () => {
    const der = concat(
      set(attribute('0.9.2342.19200300.100.1.25', 'net')),
      set(attribute('0.9.2342.19200300.100.1.25', 'example')),
      set(attribute('2.5.4.11', 'Sales'), attribute('2.5.4.3', 'J.  Smith')),
    );
    expect(read(der)).toMatchObject({ name: { text: 'OU=Sales+CN=J.  Smith,DC=example,DC=net' }, faults: [] });
  });

  it('escapes quotes and commas', () => {
    expect(readValue(0x0c, Buffer.from('James "Jim" Smith, III')).text).toBe('CN=James \\"Jim\\" Smith\\, III');
  });

  it('writes a carriage return as its octet', () => {
    expect(readValue(0x0c, Buffer.from('Before\rAfter')).text).toBe('CN=Before\\0DAfter');
  });

  it('writes an unknown type as dotted OID and the DER of its value', () => {
    const { name } = read(set(seq(oid('1.3.6.1.4.1.1466.0'), fromHex('04 02 48 69'))));
    expect(name.text).toBe('1.3.6.1.4.1.1466.0=#04024869');
  });

  it('keeps letters beyond ASCII', () => {
    expect(readValue(0x0c, Buffer.from('Lučić')).text).toBe('CN=Lučić');
  });
});

describe('an attribute', () => {
  it.each([
    ['a leading space', ' a', 'CN=\\ a'],
    ['a trailing space', 'a ', 'CN=a\\ '],
    ['only a space', ' ', 'CN=\\ '],
    ['a leading number sign', '#a#', 'CN=\\#a#'],
    ['a plus, a semicolon and angle brackets', 'a+b;c<d>', 'CN=a\\+b\\;c\\<d\\>'],
    ['a backslash', 'a\\b', 'CN=a\\\\b'],
    ['an equals sign, which is not special', 'a=b', 'CN=a=b'],
    ['nothing', '', 'CN='],
  ])('with %s is escaped as RFC 4514 2.4 says', (_, value, written) => {
    expect(readValue(0x0c, Buffer.from(value))).toEqual({ value, text: written, faults: [] });
  });

  it('shows a NUL, and says so', () => {
    expect(readValue(0x0c, Buffer.from('bank.example\0.evil.example'))).toEqual({
      value: 'bank.example\\u{0}.evil.example',
      text: 'CN=bank.example\\00.evil.example',
      faults: ['embedded_nul'],
    });
  });

  it('never lets a line separator or a bidirectional override out raw', () => {
    expect(readValue(0x0c, Buffer.from('a\u2028b\u202ec'))).toMatchObject({
      value: 'a\\u{2028}b\\u{202e}c',
      text: 'CN=a\\E2\\80\\A8b\\E2\\80\\AEc',
    });
  });

  it.each([
    ['UTF8String', 0x0c, '4cc3bc', 'Lü', []],
    ['NumericString', 0x12, '313220', '12 ', []],
    ['PrintableString', 0x13, '4c2e', 'L.', []],
    ['T61String, as ISO 8859-1', 0x14, '4cfc', 'Lü', []],
    ['VideotexString', 0x15, '4c', 'L', []],
    ['IA5String', 0x16, '4c40', 'L@', []],
    ['GraphicString', 0x19, '4c', 'L', []],
    ['VisibleString', 0x1a, '4c7e', 'L~', []],
    ['GeneralString', 0x1b, '4cfc', 'Lü', []],
    ['UniversalString', 0x1c, '0000004c0001f512', 'L🔒', []],
    ['BMPString', 0x1e, '004c00fc', 'Lü', []],
    ['BMPString with surrogates, which it does not have', 0x1e, 'd83ddd12', '🔒', ['invalid_string_char']],
    ['UTF8String of a private character', 0x0c, 'ee8080', '\ue000', []],
  ])('of type %s reads', (_, tag, hex, value, faults) => {
    const result = readValue(tag, fromHex(hex));
    expect(result.value).toBe(value);
    expect(result.text).toBe(`CN=${value.replace(/ $/, '\\ ')}`);
    expect(result.faults).toEqual(faults);
  });

  it.each([
    ['an octet that is no UTF-8', 0x0c, '4cff4d', 'L\\xffM', 'CN=L\\FFM'],
    ['an overlong NUL', 0x0c, 'c080', '\\xc0\\x80', 'CN=\\C0\\80'],
    ['a surrogate in UTF-8', 0x0c, 'eda080', '\\xed\\xa0\\x80', 'CN=\\ED\\A0\\80'],
    ['a cut sequence', 0x0c, '4ce282', 'L\\xe2\\x82', 'CN=L\\E2\\82'],
    ['a code point beyond the last', 0x0c, 'f4908080', '\\xf4\\x90\\x80\\x80', 'CN=\\F4\\90\\80\\80'],
    ['a letter in a NumericString', 0x12, '4c', 'L', 'CN=L'],
    ['an at sign in a PrintableString', 0x13, '40', '@', 'CN=@'],
    ['a high octet in an IA5String', 0x16, '4cfc', 'L\\xfc', 'CN=L\\FC'],
    ['a control in a VisibleString', 0x1a, '07', '\\u{7}', 'CN=\\07'],
    ['a lone surrogate in a BMPString', 0x1e, 'd83d004c', '\\u{d83d}L', 'CN=\\D8\\3DL'],
    ['an odd octet in a BMPString', 0x1e, '004c00', 'L\\x00', 'CN=L\\00'],
    ['an impossible character in a UniversalString', 0x1c, '00110000', '\\u{110000}', 'CN=\\00\\11\\00\\00'],
    ['odd octets in a UniversalString', 0x1c, '0000004c0000', 'L\\x00\\x00', 'CN=L\\00\\00'],
  ])('with %s is kept, and recorded', (_, tag, hex, value, written) => {
    expect(readValue(tag, fromHex(hex))).toEqual({ value, text: written, faults: ['invalid_string_char'] });
  });

  it('that is no string shows its DER', () => {
    expect(readValue(0x03, fromHex('00ff'))).toEqual({
      value: '#030200ff',
      text: 'CN=#030200ff',
      faults: ['not_a_string'],
    });
  });
});

describe('a reader of names', () => {
  it('finds nothing in an empty one', () => {
    expect(read(new Uint8Array(0))).toEqual({ name: { rdns: [], text: '' }, faults: [] });
  });

  it.each([
    ['an RDN that is no SET', seq(attribute('2.5.4.3', 'a')), 'CN=a', ['der_unexpected_tag']],
    ['an RDN without attributes', set(), '', ['empty_sequence']],
    [
      'an attribute that is no SEQUENCE',
      set(tlv(0x60, oid('2.5.4.3'), text(0x0c, 'a'))),
      'CN=a',
      ['der_unexpected_tag'],
    ],
    ['an attribute without a value', set(seq(oid('2.5.4.3'))), '', ['der_unexpected_tag']],
    ['bytes behind a value', set(seq(oid('2.5.4.3'), text(0x0c, 'a'), text(0x0c, 'b'))), 'CN=a', ['trailing_bytes']],
    [
      'attributes out of order',
      set(attribute('2.5.4.11', 'b'), attribute('2.5.4.3', 'a')),
      'OU=b+CN=a',
      ['der_set_order'],
    ],
    ['an attribute cut short', set(seq(oid('2.5.4.3'), fromHex('0c 05 61'))), 'CN=a', ['der_truncated']],
  ])('records %s', (_, der, written, faults) => {
    const result = read(der);
    expect(result.name.text).toBe(written);
    expect(result.faults).toEqual(faults);
  });

  it('reads an RDN that the length of its neighbour swallowed', () => {
    const der = concat(set(attribute('2.5.4.6', 'US', 0x13)), set(attribute('2.5.4.3', 'a')));
    der[1] = der.length - 2;
    expect(read(der)).toMatchObject({ name: { text: 'CN=a,C=US' }, faults: ['der_unexpected_tag'] });
  });

  it('stops at its cap', () => {
    const { name, faults } = read(concat(...Array.from({ length: 200 }, () => set(attribute('2.5.4.3', 'a')))));
    expect(name.rdns).toHaveLength(128);
    expect(faults).toEqual(['too_many_values']);
  });

  it('shows the beginning of a text beyond its cap', () => {
    const { value, faults } = readValue(0x0c, Buffer.alloc(5000, 0x61));
    expect(value).toBe('a'.repeat(4096));
    expect(faults).toEqual(['text_cut']);
  });

  it('reads the beginning of a name beyond its cap', () => {
    const { name, faults } = read(
      concat(...Array.from({ length: 100 }, () => set(attribute('2.5.4.3', 'a'.repeat(1000))))),
    );
    expect(name.rdns).toHaveLength(17);
    expect(faults).toEqual(['too_many_values', 'der_truncated']);
  });

  it('lets nothing raw out, whatever the bytes', () => {
    const anyTag = fc.constantFrom(0x0c, 0x12, 0x13, 0x14, 0x15, 0x16, 0x19, 0x1a, 0x1b, 0x1c, 0x1e, 0x03);
    fc.assert(
      fc.property(anyTag, fc.uint8Array({ maxLength: 40 }), (tag, octets) => {
        const { value, text } = readValue(tag, octets);
        for (const shown of [value, text]) {
          expect(shown).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u);
          expect(Buffer.from(shown, 'utf8').toString('utf8')).toBe(shown);
        }
        expect(text.slice(3)).not.toMatch(/(?<!\\)(\\\\)*[,+";<>]/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a look-up', () => {
  const { name } = read(
    concat(
      set(attribute('2.5.4.11', 'one')),
      set(attribute('2.5.4.11', 'two'), attribute('2.5.4.3', 'a')),
      set(attribute('1.2.840.113549.1.9.1', 'root@Mail.Example', 0x16)),
    ),
  );

  it('finds the first, the last and all values of a type', () => {
    expect(firstValue(name, 'OU')).toBe('one');
    expect(lastValue(name, 'OU')).toBe('two');
    expect(allValues(name, 'OU')).toEqual(['one', 'two']);
    expect(firstValue(name, 'C')).toBe('');
    expect(lastValue(name, 'C')).toBe('');
  });

  it('finds the domain of an e-mail address', () => {
    expect(emailDomain(name)).toBe('mail.example');
    expect(emailDomain({ rdns: [[{ type: 'emailAddress', value: 'nobody' }]], text: '' })).toBe('');
  });
});
