import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/bytes/hex.ts';
import { buildJa4, type Ja4Input, toAlpnEnds } from '../../src/tls/ja4.ts';

/** The example of the specification. */
const EXAMPLE: Ja4Input = {
  legacyVersion: 0x0303,
  supportedVersions: [0x0304, 0x0303],
  cipherSuites: [
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f,
    0x0035,
  ],
  extensions: [
    0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b,
    0x000a, 0x0015,
  ],
  signatureSchemes: [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
  alpnEnds: 'h2',
};
const NOTHING: Ja4Input = {
  legacyVersion: 0x0301,
  supportedVersions: [],
  cipherSuites: [],
  extensions: null,
  signatureSchemes: [],
  alpnEnds: '00',
};

function ends(hex: string): string {
  const bytes = fromHex(hex);
  return toAlpnEnds(bytes, 0, bytes.length);
}

describe('JA4', () => {
  it('gives the example of its specification', () => {
    expect(buildJa4('t', EXAMPLE)).toBe('t13d1516h2_8daaf6152771_e5627efa2ab1');
  });

  it('does not depend on the order of suites and extensions, but on that of signature schemes', () => {
    const shuffled: Ja4Input = {
      ...EXAMPLE,
      cipherSuites: EXAMPLE.cipherSuites.toReversed(),
      extensions: EXAMPLE.extensions!.toReversed(),
    };
    expect(buildJa4('t', shuffled)).toBe(buildJa4('t', EXAMPLE));
    const schemes: Ja4Input = { ...EXAMPLE, signatureSchemes: EXAMPLE.signatureSchemes.toReversed() };
    expect(buildJa4('t', schemes)).not.toBe(buildJa4('t', EXAMPLE));
  });

  it('leaves out GREASE everywhere, in signature schemes too', () => {
    const greased: Ja4Input = {
      ...EXAMPLE,
      supportedVersions: [0xfafa, ...EXAMPLE.supportedVersions],
      cipherSuites: [0x0a0a, ...EXAMPLE.cipherSuites],
      extensions: [0x1a1a, ...EXAMPLE.extensions!, 0x2a2a],
      signatureSchemes: [0x3a3a, ...EXAMPLE.signatureSchemes],
    };
    expect(buildJa4('t', greased)).toBe('t13d1516h2_8daaf6152771_e5627efa2ab1');
  });

  it('hashes extensions alone, without an underscore, where there are no signature schemes', () => {
    expect(buildJa4('t', { ...EXAMPLE, signatureSchemes: [] })).toBe('t13d1516h2_8daaf6152771_6d807ffa2a79');
  });

  it('writes zeros for empty lists, and for extensions that are only SNI and ALPN', () => {
    expect(buildJa4('t', NOTHING)).toBe('t10i000000_000000000000_000000000000');
    const onlyNames: Ja4Input = { ...NOTHING, extensions: [0, 16], signatureSchemes: [0x0403] };
    expect(buildJa4('t', onlyNames)).toBe('t10d000200_000000000000_000000000000');
  });

  it('counts to 99', () => {
    const many = Array.from({ length: 120 }, (_, i) => 0xc000 + i);
    expect(buildJa4('q', { ...NOTHING, cipherSuites: many, extensions: many })).toMatch(/^q10i999900_/);
  });

  it.each([
    [0x0002, 's2'],
    [0x0300, 's3'],
    [0x0302, '11'],
    [0xfeff, 'd1'],
    [0xfefd, 'd2'],
    [0xfefc, 'd3'],
    [0x0100, '00'],
  ])('writes version %i as %s', (legacyVersion, code) => {
    expect(buildJa4('d', { ...NOTHING, legacyVersion }).slice(1, 3)).toBe(code);
  });

  it('takes the highest of the supported versions, drafts included, and else the legacy version', () => {
    const version = (supportedVersions: readonly number[]): string =>
      buildJa4('t', { ...NOTHING, supportedVersions }).slice(1, 3);
    expect(version([0x0303, 0x0304])).toBe('13');
    expect(version([0x7f12, 0x0303])).toBe('00');
    expect(version([0xaaaa])).toBe('10');
  });

  it.each([
    ['', '00'],
    ['68', 'hh'],
    ['6832', 'h2'],
    ['687474702f312e31', 'h1'],
    ['ab', 'ab'],
    ['abcd', 'ad'],
    ['30ab', '3b'],
    ['3031abcd', '3d'],
    ['30abcd31', '01'],
    ['2d61', '21'],
  ])('shortens the protocol name %s to %s', (hex, expected) => {
    expect(ends(hex)).toBe(expected);
  });
});
