/** Facts as the rooms above would hand them over, with values of a usual handshake where the test names no other. */
import type { ConnectionFacts, EventFacts, SensorIdentity } from '../../src/event/event-facts.ts';
import { type DetectionScore, NO_FINDING } from '../../src/score/score.ts';
import type { ClientHello } from '../../src/tls/client-hello.ts';
import { Handshake } from '../../src/tls/handshake.ts';
import type { HelloShape } from '../../src/tls/hello-shape.ts';
import type { ServerHello } from '../../src/tls/server-hello.ts';
import type { Certificate, Chain } from '../../src/x509/certificate.ts';
import { EMPTY_NAME, type Name } from '../../src/x509/name.ts';

export const IDENTITY: SensorIdentity = { sensor: 'span-1', bootId: '5d4f8a9e-2f0b-4c43-8a3e-5a1d2f3c4b5a' };

/** 2023-11-14T22:13:20.123456Z */
export const START_US = 1_700_000_000_123_456;

export function sampleConnection(changes: Partial<ConnectionFacts> = {}): ConnectionFacts {
  return {
    srcIp: '192.0.2.10',
    srcPort: 49_480,
    destIp: '198.51.100.7',
    destPort: 443,
    srcMac: '00:00:5e:00:53:01',
    destMac: '00:00:5e:00:53:02',
    vlanId: -1,
    transport: 'tcp',
    networkInterface: '',
    firstUs: START_US - 20_000,
    lastUs: START_US + 60_000,
    bytesIn: 517,
    bytesOut: 4096,
    packetsIn: 6,
    packetsOut: 7,
    missingPacketsIn: 0,
    missingPacketsOut: 0,
    duplicatePacketsIn: 0,
    duplicatePacketsOut: 0,
    serverRttUs: 12_000,
    clientRttUs: 300,
    overlapConflicts: 0,
    flowId: 41,
    isReset: false,
    ...changes,
  };
}

export function sampleName(...attributes: readonly (readonly [type: string, value: string])[]): Name {
  const rdns = attributes.map(([type, value]) => [{ type, value }]);
  const text = attributes.map(([type, value]) => `${type}=${value.replace(/[,+"\\<>;]/g, '\\$&')}`);
  return { rdns, text: text.toReversed().join(',') };
}

export function sampleCertificate(changes: Partial<Certificate> = {}): Certificate {
  return {
    der: new Uint8Array(0),
    md5: '0123456789abcdef0123456789abcdef',
    sha1: 'aeae9d28724cf52cb8121c7aada7ec12784a2a64',
    sha256: '4983a8a16d7e3954eceffda10e1a198388b334f71ba311acd99f89984739297e',
    version: 3,
    serialDer: '00912b084acf0c18a753f6d62e25a75f5a',
    serialHex: '912b084acf0c18a753f6d62e25a75f5a',
    serialDecimal: '192961496339968674994309121183282847578',
    subject: sampleName(['C', 'US'], ['O', 'Foo, INC=bar'], ['CN', 'www.example.com']),
    issuer: sampleName(['C', 'US'], ['O', "Let's Encrypt"], ['CN', 'R3']),
    notBefore: 1_687_890_234,
    notAfter: 1_711_929_600,
    notBeforeText: '230627182354Z',
    notAfterText: '240401000000Z',
    key: {
      algorithm: 'rsaEncryption',
      oid: '1.2.840.113549.1.1.1',
      bits: 2048,
      curve: '',
      exponent: '65537',
      spkiSha256: '67add1166b020ae61b8f5fc96813c04c2aa589960796865572a3c7e737613dfd',
    },
    signatureAlgorithm: 'sha256WithRSAEncryption',
    innerSignatureAlgorithm: 'sha256WithRSAEncryption',
    san: {
      dns: ['www.example.com', 'example.com'],
      ip: ['192.0.2.1'],
      email: ['a@example.com'],
      uri: ['https://example.com/'],
      directory: ['CN=x'],
      other: ['1.2.3:y'],
    },
    hasSan: true,
    basicConstraints: { isCa: false, pathLen: -1 },
    keyUsage: ['digitalSignature', 'keyEncipherment'],
    extendedKeyUsage: ['serverAuth'],
    subjectKeyId: '0a0b',
    authorityKeyId: '0c0d',
    policies: ['2.23.140.1.2.1'],
    ocspUrls: ['http://r3.o.example'],
    caIssuerUrls: ['http://r3.i.example'],
    crlUrls: ['http://r3.c.example'],
    scts: [
      { logId: 'aa'.repeat(32), timestampMs: 1_687_890_300_500 },
      { logId: 'bb'.repeat(32), timestampMs: 1_687_890_299_999 },
    ],
    extensionOids: ['2.5.29.17'],
    isSelfIssued: false,
    faults: [],
    isSelfSigned: () => false,
    ...changes,
  };
}

export const NO_NAMES = { dns: [], ip: [], email: [], uri: [], directory: [], other: [] };

/** A certificate of which nothing could be read but its bytes. */
export function emptyCertificate(changes: Partial<Certificate> = {}): Certificate {
  return sampleCertificate({
    version: 0,
    serialDer: '',
    serialHex: '',
    serialDecimal: '',
    subject: EMPTY_NAME,
    issuer: EMPTY_NAME,
    notBefore: Number.NaN,
    notAfter: Number.NaN,
    notBeforeText: '',
    notAfterText: '',
    key: { algorithm: '', oid: '', bits: 0, curve: '', exponent: '', spkiSha256: '' },
    signatureAlgorithm: '',
    innerSignatureAlgorithm: '',
    san: NO_NAMES,
    hasSan: false,
    basicConstraints: null,
    keyUsage: null,
    extendedKeyUsage: null,
    subjectKeyId: '',
    authorityKeyId: '',
    policies: [],
    ocspUrls: [],
    caIssuerUrls: [],
    crlUrls: [],
    scts: [],
    extensionOids: [],
    isSelfSigned: () => null,
    ...changes,
  });
}

export function sampleChain(...certificates: Certificate[]): Chain {
  return { certificates, dropped: 0 };
}

export function sampleShape(changes: Partial<HelloShape> = {}): HelloShape {
  return {
    legacyVersion: 0x0303,
    isSslv2Format: false,
    cipherSuites: [0x1a1a, 0x1301, 0xc02f],
    compressionMethods: [0],
    extensions: [0, 23, 43],
    supportedVersions: [0x2a2a, 0x0304, 0x0303],
    groups: [0x001d],
    pointFormats: [0],
    signatureSchemes: [0x0403],
    keyShareGroups: [0x001d],
    pskModes: [1],
    alpn: ['h2', 'http/1.1'],
    ech: 'none',
    ja3: '579ccef312d18482fc42e2b822ca2430',
    ja3Text: '771,4865,0,29,0',
    ja4: 't13d1715h2_5b57614c22b0_3d5424432f57',
    ...changes,
  };
}

export function sampleClientHello(changes: Partial<ClientHello> = {}): ClientHello {
  return {
    shape: sampleShape(),
    random: new Uint8Array(32),
    sessionId: Uint8Array.of(0xde, 0xad, 0xbe, 0xef),
    serverName: 'www.example.com',
    ticketLen: -1,
    pskIdentities: 0,
    hasEarlyData: false,
    cookieLen: 0,
    sizeBytes: 517,
    fault: '',
    ...changes,
  };
}

export function sampleServerHello(changes: Partial<ServerHello> = {}): ServerHello {
  return {
    legacyVersion: 0x0303,
    version: 0x0303,
    random: new Uint8Array(32),
    sessionId: new Uint8Array(0),
    cipherSuite: 0xc02f,
    compressionMethod: 0,
    isHelloRetryRequest: false,
    extensions: [65281, 0, 11],
    keyShareGroup: -1,
    pskIndex: -1,
    alpn: 'http/1.1',
    hasSessionTicket: false,
    hasStatusRequest: false,
    sctListBytes: 0,
    ja3s: 'd154fcfa5bb4f0748e1dd1992c681104',
    ja3sText: '771,49199,65281-0-11',
    fault: '',
    ...changes,
  };
}

export function sampleHandshake(changes: Partial<Handshake<Chain>> = {}): Handshake<Chain> {
  return Object.assign(new Handshake<Chain>(), {
    clientHello: sampleClientHello(),
    serverHello: sampleServerHello(),
    serverCertificates: sampleChain(sampleCertificate()),
    keyExchangeGroup: 0x001d,
    certVisibility: 'clear',
    isEstablished: true,
    history: 'CsxknGIFif',
    firstUs: START_US,
    clientHelloUs: START_US,
    serverHelloUs: START_US + 13_000,
    lastUs: START_US + 50_000,
    ...changes,
  });
}

export const FINDING: DetectionScore = {
  selfSigned: 3,
  weakCn: 2,
  mismatch: 0,
  risk: 5,
  level: 'High',
  reasons: [
    { id: 'self_signed', weight: 3, technique: 'T1587.003', sentence: 'signed with its own key' },
    { id: 'placeholder_name', weight: 2, technique: 'T1608.003', sentence: 'CN=localhost is a placeholder name' },
  ],
};

export function sampleFacts(changes: Partial<EventFacts> = {}): EventFacts {
  return {
    connection: sampleConnection(),
    handshake: sampleHandshake(),
    score: NO_FINDING,
    captureFile: '',
    seq: 7,
    ...changes,
  };
}
