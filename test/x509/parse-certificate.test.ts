import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/bytes/hex.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { X509_FAULTS } from '../../src/x509/faults.ts';
import { parseCertificate } from '../../src/x509/parse-certificate.ts';
import {
  attribute,
  bits,
  certificate,
  commonName,
  concat,
  extension,
  extensions,
  generalizedTime,
  int,
  nul,
  octets,
  oid,
  parts,
  seq,
  set,
  tlv,
  utcTime,
} from './der-writer.ts';

/** Made once by `openssl req -x509 -newkey ed25519`. */
const EXAMPLE = fromHex(
  `
  30 8201a0
    30 820152
      a0 03  02 01 02                                                  -- version 3
      02 02 0f2a                                                       -- serial number
      30 05  06 03 2b6570                                              -- Ed25519
      30 3f                                                            -- issuer
        31 0b  30 09  06 03 550406  13 02 5553                         -- C=US
        31 16  30 14  06 03 55040a  0c 0d 4578616d706c652c20496e632e   -- O=Example, Inc.
        31 18  30 16  06 03 550403  0c 0f 7777772e6578616d706c652e636f6d
      30 1e  17 0d 3236313132343034313334395a  17 0d 3237303232323034313334395a
      30 3f                                                            -- subject
        31 0b  30 09  06 03 550406  13 02 5553
        31 16  30 14  06 03 55040a  0c 0d 4578616d706c652c20496e632e
        31 18  30 16  06 03 550403  0c 0f 7777772e6578616d706c652e636f6d
      30 2a  30 05  06 03 2b6570                                       -- public key
        03 21 00 9853e27cda437c5a066aab59271ff28da1b5b0cfa1ee8eeb3dad47a7e60ea3c7
      a3 72  30 70                                                     -- extensions
        30 1d  06 03 551d0e  04 16  04 14 7a9983daca09b27f4d0b6659b786ddad5627a59b
        30 1f  06 03 551d23  04 18  30 16  80 14 7a9983daca09b27f4d0b6659b786ddad5627a59b
        30 20  06 03 551d11  04 19  30 17
          82 0f 7777772e6578616d706c652e636f6d  87 04 c0000201
        30 0c  06 03 551d13  01 01 ff  04 02  30 00
    30 05  06 03 2b6570
    03 41 00 9ebb4637ac3fdc621b75fa9e0910fd76a3144d01f9e65dffb04e2faa0f159085
             043c1cd7019de3e1b5ab9f39a5eef26b81c54811458d2f88b3bd100b2e8f1c0e
`.replaceAll(/--.*/g, ''),
);

const NAME = {
  rdns: [
    [{ type: 'C', value: 'US' }],
    [{ type: 'O', value: 'Example, Inc.' }],
    [{ type: 'CN', value: 'www.example.com' }],
  ],
  text: 'CN=www.example.com,O=Example\\, Inc.,C=US',
};

/** Offsets of the example, for what is broken in it. */
const TBS_AT = 4;
const SUBJECT_AT = 121;
const SAN_VALUE_AT = 307;

describe('a certificate', () => {
  it('is read whole', () => {
    const cert = parseCertificate(EXAMPLE);
    expect({ ...cert }).toEqual({
      der: EXAMPLE,
      md5: '4db159f34970ed4c4fd5c8362ab6df65',
      sha1: 'd934bd809f315f956e9e9ab43a9be17ade60c042',
      sha256: '3b2bf1ab5518ff8782f669bffca92261183565c4bd713ab2ece7f2cff28f83a8',
      version: 3,
      serialDer: '0f2a',
      serialHex: '0f2a',
      serialDecimal: '3882',
      subject: NAME,
      issuer: NAME,
      notBefore: Date.parse('2026-11-24T04:13:49Z') / 1000,
      notAfter: Date.parse('2027-02-22T04:13:49Z') / 1000,
      notBeforeText: '261124041349Z',
      notAfterText: '270222041349Z',
      key: {
        algorithm: 'ED25519',
        oid: '1.3.101.112',
        bits: 256,
        curve: '',
        exponent: '',
        spkiSha256: createHash('sha256').update(EXAMPLE.subarray(186, 230)).digest('hex'),
      },
      signatureAlgorithm: 'ED25519',
      innerSignatureAlgorithm: 'ED25519',
      san: { dns: ['www.example.com'], ip: ['192.0.2.1'], email: [], uri: [], directory: [], other: [] },
      hasSan: true,
      basicConstraints: { isCa: false, pathLen: -1 },
      keyUsage: null,
      extendedKeyUsage: null,
      subjectKeyId: '7a9983daca09b27f4d0b6659b786ddad5627a59b',
      authorityKeyId: '7a9983daca09b27f4d0b6659b786ddad5627a59b',
      policies: [],
      ocspUrls: [],
      caIssuerUrls: [],
      crlUrls: [],
      scts: [],
      extensionOids: ['2.5.29.14', '2.5.29.35', '2.5.29.17', '2.5.29.19'],
      isSelfIssued: true,
      faults: [],
    });
    expect(cert.isSelfSigned()).toBe(true);
  });

  it('owns its bytes', () => {
    const borrowed = Buffer.from(EXAMPLE);
    const cert = parseCertificate(borrowed);
    borrowed.fill(0);
    expect(cert.der).toEqual(EXAMPLE);
    expect(cert.isSelfSigned()).toBe(true);
  });

  it('is read from the middle of a larger buffer as if it stood alone', () => {
    const buf = concat(new Uint8Array(7).fill(0xff), EXAMPLE, new Uint8Array(7).fill(0xff));
    expect({ ...parseCertificate(buf.subarray(7, 7 + EXAMPLE.length)) }).toEqual({ ...parseCertificate(EXAMPLE) });
  });

  it('without version is of version 1', () => {
    const cert = parseCertificate(certificate({ version: new Uint8Array(0), extensions: new Uint8Array(0) }));
    expect(cert).toMatchObject({ version: 1, faults: [], extensionOids: [], hasSan: false });
  });

  it('may have unique identifiers', () => {
    const uniqueIds = concat(tlv(0x81, fromHex('00aa')), tlv(0x82, fromHex('00bb')));
    expect(parseCertificate(certificate({ uniqueIds })).faults).toEqual([]);
  });
});

const outer = seq(oid('1.2.840.10045.4.3.2'));
const PSS = '1.2.840.113549.1.1.10';
const pss = (...parameters: readonly Uint8Array[]): Uint8Array => seq(oid(PSS), ...parameters);
const sha256 = seq(oid('2.16.840.1.101.3.4.2.1'));
const badPss = pss(seq(tlv(0xa0, sha256), tlv(0xa1, seq(oid('1.2.840.113549.1.1.8')))));
const goodPss = pss(seq(tlv(0xa0, sha256), tlv(0xa1, seq(oid('1.2.840.113549.1.1.8'), sha256)), tlv(0xa2, int('20'))));
const validity = seq(utcTime('200101000000Z'), utcTime('300101000000Z'));

describe('a strict parser would refuse', () => {
  it.each([
    ['bytes behind the certificate', concat(certificate(), nul()), ['trailing_bytes']],
    [
      'bytes behind the signature',
      seq(
        seq(...Object.values({ ...parts(), outerAlgorithm: nul(), signature: nul() }).slice(0, 9)),
        parts().outerAlgorithm,
        parts().signature,
        nul(),
      ),
      ['trailing_bytes'],
    ],
    ['bytes behind the extensions', certificate({ extensions: concat(parts().extensions, nul()) }), ['trailing_bytes']],
    ['version 4', certificate({ version: tlv(0xa0, int('03')) }), ['bad_version']],
    [
      'version 1 written out',
      certificate({ version: tlv(0xa0, int('00')), extensions: new Uint8Array(0) }),
      ['der_default_encoded'],
    ],
    ['extensions in version 1', certificate({ version: new Uint8Array(0) }), ['extensions_without_v3']],
    ['extensions in version 2', certificate({ version: tlv(0xa0, int('01')) }), ['extensions_without_v3']],
    [
      'unique identifiers in version 1',
      certificate({ version: new Uint8Array(0), extensions: new Uint8Array(0), uniqueIds: tlv(0x81, fromHex('00aa')) }),
      ['unique_id_in_v1'],
    ],
    ['a negative serial number', certificate({ serial: int('80') }), ['negative_serial']],
    ['a serial number of zero', certificate({ serial: int('00') }), ['zero_serial']],
    ['a serial number of 21 octets', certificate({ serial: int('11'.repeat(21)) }), ['serial_too_long']],
    ['a serial number that is no INTEGER', certificate({ serial: octets(fromHex('05')) }), ['der_unexpected_tag']],
    ['another algorithm outside', certificate({ outerAlgorithm: outer }), ['inner_outer_algorithm_differ']],
    [
      'other parameters outside',
      certificate({ outerAlgorithm: seq(oid('1.3.101.112'), nul()) }),
      ['inner_outer_algorithm_differ'],
    ],
    [
      'RSASSA-PSS without parameters',
      certificate({ innerAlgorithm: pss(), outerAlgorithm: pss() }),
      ['bad_algorithm_parameters'],
    ],
    [
      'RSASSA-PSS without the digest in mgf1 (CVE-2015-3194)',
      certificate({ innerAlgorithm: badPss, outerAlgorithm: badPss }),
      ['bad_algorithm_parameters'],
    ],
    ['an empty issuer', certificate({ issuer: seq() }), ['empty_issuer']],
    [
      'a date that is none',
      certificate({ validity: seq(utcTime('201301000000Z'), utcTime('300101000000Z')) }),
      ['bad_time'],
    ],
    [
      'a date without seconds',
      certificate({ validity: seq(utcTime('2001010000Z'), utcTime('300101000000Z')) }),
      ['time_form'],
    ],
    [
      'a GeneralizedTime before 2050',
      certificate({ validity: seq(utcTime('200101000000Z'), generalizedTime('20300101000000Z')) }),
      ['generalized_time_before_2050'],
    ],
    [
      'a third date',
      certificate({ validity: seq(utcTime('200101000000Z'), utcTime('300101000000Z'), nul()) }),
      ['trailing_bytes'],
    ],
    ['a name with a NUL', certificate({ subject: commonName('a\0b') }), ['embedded_nul']],
    [
      'a character that the string type lacks',
      certificate({ subject: commonName('a@b', 0x13) }),
      ['invalid_string_char'],
    ],
    [
      'an attribute that is no string',
      certificate({ subject: seq(set(seq(oid('2.5.4.3'), nul()))) }),
      ['not_a_string'],
    ],
    ['a signature that does not fill its octets', certificate({ signature: bits('80', 3) }), ['bad_signature_bits']],
    [
      'the same extension twice',
      certificate({ extensions: extensions(extension('1.2.3', nul()), extension('1.2.3', nul())) }),
      ['duplicate_extension'],
    ],
    ['an empty list of extensions', certificate({ extensions: extensions() }), ['empty_sequence']],
    [
      'two lists of extensions',
      certificate({ extensions: tlv(0xa3, seq(extension('1.2.3', nul())), seq()) }),
      ['trailing_bytes'],
    ],
  ])('%s', (_, der, faults) => {
    const cert = parseCertificate(der);
    expect(cert.faults).toEqual(faults);
    expect(cert.notAfter).toBe(Date.parse('2030-01-01T00:00:00Z') / 1000);
    expect(cert.subject.rdns).toHaveLength(1);
  });

  it('nothing in well-formed RSASSA-PSS parameters', () => {
    expect(parseCertificate(certificate({ innerAlgorithm: goodPss, outerAlgorithm: goodPss })).faults).toEqual([]);
  });

  it('only what the table explains', () => {
    for (const [name, sentence] of Object.entries(X509_FAULTS)) {
      expect(name).toMatch(/^[a-z0-9_]+$/);
      expect(sentence).toMatch(/\.$/);
    }
  });
});

/** The example with one octet changed. */
function withOctet(at: number, octet: number): Uint8Array {
  const der = new Uint8Array(EXAMPLE);
  der[at] = octet;
  return der;
}

describe('a certificate whose lengths lie', () => {
  it.each([
    ['outside, too long', 3, 0xff, 'der_truncated'],
    ['outside, too short', 3, 0x10, 'trailing_bytes'],
    ['of the signed part, too long', TBS_AT + 3, 0xff, 'der_truncated'],
    ['of the signed part, too short', TBS_AT + 2, 0x00, 'der_truncated'],
    ['of the version', 9, 0x40, 'der_unexpected_tag'],
    ['of the serial number', 14, 0x03, 'der_unexpected_tag'],
    ['of the inner algorithm', 18, 0x06, 'der_unexpected_tag'],
    ['of the issuer, too long', 25, 0x41, 'der_unexpected_tag'],
    ['of the issuer, too short', 25, 0x3d, 'der_unexpected_tag'],
    ['of the validity', 90, 0x1f, 'der_unexpected_tag'],
    ['of the subject, too long', SUBJECT_AT + 1, 0x41, 'trailing_bytes'],
    ['of the subject, too short', SUBJECT_AT + 1, 0x3d, 'der_unexpected_tag'],
    ['of an RDN', SUBJECT_AT + 3, 0x0c, 'der_unexpected_tag'],
    ['inside an extension', SAN_VALUE_AT + 1, 0x7f, 'der_truncated'],
  ])('%s keeps its names, dates and hashes', (_, at, octet, fault) => {
    const cert = parseCertificate(withOctet(at, octet));
    expect(cert.faults).toContain(fault);
    expect(cert.issuer.rdns.flat()).toContainEqual({ type: 'CN', value: 'www.example.com' });
    expect(cert.subject.rdns.flat()).toContainEqual({ type: 'CN', value: 'www.example.com' });
    expect(cert.notAfter).toBe(Date.parse('2027-02-22T04:13:49Z') / 1000);
    expect(cert.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('keeps its names in all but a few of all changes of one octet', () => {
    let kept = 0;
    let tried = 0;
    for (let at = 0; at < EXAMPLE.length; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const cert = parseCertificate(withOctet(at, EXAMPLE[at]! ^ flip));
        expect(cert.sha256).toMatch(/^[0-9a-f]{64}$/);
        tried += 1;
        if (cert.subject.rdns.length > 0 && cert.issuer.rdns.length > 0) kept += 1;
      }
    }
    expect(kept / tried).toBeGreaterThan(0.95);
  });
});

/** What is known of the example once so many octets of it are there. */
const KNOWN_FROM: readonly (readonly [number, (cert: Certificate) => unknown, unknown])[] = [
  [17, (cert) => cert.serialHex, '0f2a'],
  [89, (cert) => cert.issuer, NAME],
  [121, (cert) => cert.notAfterText, '270222041349Z'],
  [186, (cert) => cert.subject, NAME],
  [230, (cert) => cert.key.algorithm, 'ED25519'],
  [332, (cert) => cert.san.dns, ['www.example.com']],
];

describe('a certificate cut short', () => {
  it('has its hashes, and what stands before the cut, at every length', () => {
    for (let length = 0; length < EXAMPLE.length; length++) {
      const cut = EXAMPLE.subarray(0, length);
      const cert = parseCertificate(cut);
      expect(cert.sha256).toBe(createHash('sha256').update(cut).digest('hex'));
      expect(cert.faults.length).toBeGreaterThan(0);
      expect(cert.isSelfSigned()).not.toBe(true);
      const known = KNOWN_FROM.filter(([from]) => length >= from);
      expect(known.map(([, read]) => read(cert))).toEqual(known.map(([, , value]) => value));
    }
  });

  it('is nothing but hashes when it is empty', () => {
    const cert = parseCertificate(new Uint8Array(0));
    expect(cert).toMatchObject({ version: 0, serialHex: '', subject: { text: '' }, isSelfIssued: false });
    expect(cert.md5).toBe('d41d8cd98f00b204e9800998ecf8427e');
    expect(cert.notBefore).toBeNaN();
    expect(cert.faults).toEqual(['der_unexpected_tag']);
  });
});

describe('any bytes', () => {
  it('have hashes and known faults, and throw nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        const cert = parseCertificate(noise);
        expect(cert.sha1).toBe(createHash('sha1').update(noise).digest('hex'));
        for (const fault of cert.faults) expect(X509_FAULTS).toHaveProperty(fault);
        cert.isSelfSigned();
      }),
      { numRuns: 500 },
    );
  });

  it('put anywhere into a certificate throw nothing', () => {
    fc.assert(
      fc.property(fc.nat(EXAMPLE.length - 1), fc.uint8Array({ minLength: 1, maxLength: 12 }), (at, noise) => {
        const der = concat(EXAMPLE, new Uint8Array(12));
        der.set(noise, at);
        const cert = parseCertificate(der);
        expect(cert.sha1).toHaveLength(40);
        cert.isSelfSigned();
      }),
      { numRuns: 1000 },
    );
  });

  it('full of tiny elements are read in linear time', () => {
    const started = performance.now();
    for (const filler of ['3100', '3000', '3080', '17 0d', '31023000', '0101', 'a380']) {
      parseCertificate(concat(seq(seq()), fromHex(filler.replaceAll(' ', '').repeat(60_000))));
      parseCertificate(certificate({ subject: tlv(0x30, fromHex(filler.replaceAll(' ', '').repeat(8000))) }));
    }
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

describe('names by type', () => {
  it('are kept for an attribute that nobody knows', () => {
    const subject = seq(set(attribute('1.2.3.4', 'x')));
    expect(parseCertificate(certificate({ subject, validity })).subject).toEqual({
      rdns: [[{ type: '1.2.3.4', value: 'x' }]],
      text: '1.2.3.4=#0c0178',
    });
  });
});
