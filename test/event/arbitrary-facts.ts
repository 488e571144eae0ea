/** Any facts at all, hostile text and impossible numbers among them. */
import * as fc from 'fast-check';

import type { EventFacts } from '../../src/event/event-facts.ts';
import { CertVisibility, type Handshake } from '../../src/tls/handshake.ts';
import type { Certificate, Chain } from '../../src/x509/certificate.ts';
import type { Name } from '../../src/x509/name.ts';
import {
  sampleCertificate,
  sampleClientHello,
  sampleConnection,
  sampleFacts,
  sampleHandshake,
  sampleServerHello,
  sampleShape,
} from './sample-facts.ts';

/** Text with everything in it that a writer could trip over, lone surrogates included. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc
    .array(
      fc.constantFrom('"', '\\', '\n', '\0', '\u007f', '\u2028', '\u202e', '\ud800', '\udc00', 'é', '漢', '😀', 'a'),
      {
        maxLength: 12,
      },
    )
    .map((parts) => parts.join('')),
);
const texts = fc.array(anyText, { maxLength: 4 });
const count = fc.oneof(fc.nat(), fc.constantFrom(-1, 0, 9, 10, 99, 100, 999_999_999, 1_000_000_000, 2 ** 32, 2 ** 52));
const number16 = fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0x0a0a, 0xfafa, 0x1301, 0x0304));
const numbers = fc.array(number16, { maxLength: 5 });
const seconds = fc.oneof(
  fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }),
  fc.constantFrom(Number.NaN, 0, -1, 253_402_300_800),
);
const micros = fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 2 ** 52 }));
const hex = fc.uint8Array({ maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const bytes = fc.uint8Array({ maxLength: 32 });

const name: fc.Arbitrary<Name> = fc
  .array(
    fc.record({
      type: fc.constantFrom('CN', 'O', 'OU', 'C', 'L', 'ST', 'STREET', 'emailAddress', '1.2.3'),
      value: anyText,
    }),
    { maxLength: 4 },
  )
  .map((attributes) => ({
    rdns: attributes.map((attribute) => [attribute]),
    text: attributes.map(({ type, value }) => `${type}=${value}`).join(','),
  }));

const certificate: fc.Arbitrary<Certificate> = fc
  .record({
    md5: hex,
    sha1: hex,
    sha256: hex.map((text) => text || '00'),
    version: fc.integer({ min: 0, max: 3 }),
    serialHex: hex,
    serialDecimal: anyText,
    subject: name,
    issuer: name,
    notBefore: seconds,
    notAfter: seconds,
    notBeforeText: anyText,
    notAfterText: anyText,
    key: fc.record({
      algorithm: anyText,
      oid: anyText,
      bits: fc.nat(),
      curve: anyText,
      exponent: anyText,
      spkiSha256: hex,
    }),
    signatureAlgorithm: anyText,
    innerSignatureAlgorithm: anyText,
    san: fc.record({ dns: texts, ip: texts, email: texts, uri: texts, directory: texts, other: texts }),
    basicConstraints: fc.option(fc.record({ isCa: fc.boolean(), pathLen: count })),
    keyUsage: fc.option(texts),
    extendedKeyUsage: fc.option(texts),
    subjectKeyId: hex,
    policies: texts,
    ocspUrls: texts,
    scts: fc.array(fc.record({ logId: hex, timestampMs: fc.integer({ min: 0, max: 2 ** 52 }) }), { maxLength: 2 }),
    isSelfIssued: fc.boolean(),
    faults: texts,
    isSelfSigned: fc.constantFrom<boolean | null>(true, false, null).map((answer) => () => answer),
  })
  .map(sampleCertificate);

const chain: fc.Arbitrary<Chain> = fc.record({
  certificates: fc.array(certificate, { maxLength: 3 }),
  dropped: fc.constantFrom(0, 0, 2),
});

const clientHello = fc
  .record({
    shape: fc
      .record({
        legacyVersion: number16,
        cipherSuites: fc.oneof(numbers, fc.constant([0x010080, 0x0700c0])),
        compressionMethods: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 3 }),
        supportedVersions: numbers,
        alpn: texts,
        ech: fc.constantFrom('none', 'ech', 'grease_or_outer', 'inner', 'esni'),
        ja3: hex,
        ja4: anyText,
      })
      .map(sampleShape),
    sessionId: bytes,
    serverName: anyText,
    hasEarlyData: fc.boolean(),
    fault: anyText,
  })
  .map(sampleClientHello);

const serverHello = fc
  .record({
    version: number16,
    cipherSuite: number16,
    compressionMethod: fc.integer({ min: 0, max: 255 }),
    keyShareGroup: fc.oneof(fc.constant(-1), number16),
    isHelloRetryRequest: fc.boolean(),
    sessionId: bytes,
    alpn: anyText,
    ja3s: hex,
    fault: anyText,
  })
  .map(sampleServerHello);

const handshake: fc.Arbitrary<Handshake<Chain>> = fc
  .record({
    protocol: fc.constantFrom('tls', 'dtls', 'quic', 'sslv2'),
    clientHello: fc.option(clientHello),
    helloRetryRequest: fc.option(serverHello),
    serverHello: fc.option(serverHello),
    serverCertificates: fc.option(chain),
    clientCertificates: fc.option(chain),
    certificateRequest: fc.option(fc.constant({ certificateTypes: [], signatureSchemes: [], authorities: [] })),
    keyExchangeGroup: fc.oneof(fc.constant(-1), number16),
    ocspStapleBytes: fc.nat(),
    sessionTicket: fc.option(
      fc.record({ lifetimeHint: fc.integer({ min: 0, max: 0xffff_ffff }), sizeBytes: fc.nat() }),
    ),
    alert: fc.option(
      fc.record({
        fromClient: fc.boolean(),
        level: fc.constantFrom(1, 2),
        description: fc.integer({ min: 0, max: 255 }),
      }),
    ),
    resumption: fc.constantFrom('none', 'session_id', 'ticket', 'psk'),
    certVisibility: fc.constantFrom(...Object.values(CertVisibility)),
    isEstablished: fc.boolean(),
    history: anyText,
    firstUs: micros,
    clientHelloUs: micros,
    lastUs: micros,
    encryptedServerFlightBytes: fc.nat(),
    lostClientBytes: fc.nat(),
    lostServerBytes: fc.nat(),
    faults: texts,
  })
  .map(sampleHandshake);

const score = fc
  .record({
    selfSigned: fc.constantFrom(0, 3),
    weakCn: fc.constantFrom(0, 2),
    mismatch: fc.constantFrom(0, 2),
    level: fc.constantFrom('High', 'Medium', 'Low', 'None'),
    reasons: fc.array(fc.record({ id: anyText, weight: fc.nat(3), technique: anyText, sentence: anyText }), {
      maxLength: 3,
    }),
  })
  .map((parts) => ({ ...parts, risk: parts.selfSigned + parts.weakCn + parts.mismatch }));

const connection = fc
  .record({
    srcIp: fc.oneof(fc.ipV4(), fc.ipV6(), anyText),
    srcPort: fc.integer({ min: 0, max: 65_535 }),
    destIp: fc.oneof(fc.ipV4(), fc.ipV6()),
    destPort: fc.integer({ min: 0, max: 65_535 }),
    srcMac: anyText,
    destMac: anyText,
    vlanId: fc.integer({ min: -1, max: 4095 }),
    transport: fc.constantFrom('tcp', 'udp'),
    networkInterface: anyText,
    firstUs: micros,
    lastUs: micros,
    bytesIn: count,
    bytesOut: count,
    packetsIn: count,
    packetsOut: count,
    missingPacketsIn: count,
    duplicatePacketsOut: count,
    serverRttUs: count,
    clientRttUs: count,
    overlapConflicts: count,
    flowId: count,
    isReset: fc.boolean(),
  })
  .map(sampleConnection);

export const anyFacts: fc.Arbitrary<EventFacts> = fc
  .record({ connection, handshake, score, captureFile: anyText, seq: count })
  .map(sampleFacts);
