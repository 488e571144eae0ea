/** Events from facts as no wire would give them: the input's bytes choose every text and number. */
import { CertVisibility } from '../../src/tls/handshake.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import {
  FINDING,
  sampleCertificate,
  sampleChain,
  sampleClientHello,
  sampleConnection,
  sampleFacts,
  sampleHandshake,
  sampleName,
  sampleServerHello,
  sampleShape,
} from '../event/sample-facts.ts';
import { EventChecker } from './events.ts';
import type { FuzzTarget } from './fuzz-target.ts';

const COUNTS = [-1, 0, 1, 9, 10, 99, 100, 999_999_999, 1_000_000_000, 2 ** 31, 2 ** 32, 2 ** 52];
const SECONDS = [Number.NaN, 0, -1, 1_700_000_000, -62_167_219_200, 253_402_300_799, 253_402_300_800];
const PIECES = [
  '"',
  '\\',
  '\n',
  '\0',
  '\x7f',
  '\u2028',
  '\u202e',
  '\ud800',
  '\udc00',
  'é',
  '漢',
  '😀',
  'a',
  '/',
  '</script>',
  '\ufeff',
];

/** Draws values from bytes; zeros when they are used up. */
class Draw {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  u16(): number {
    return (this.byte() << 8) | this.byte();
  }

  flag(): boolean {
    return (this.byte() & 1) === 1;
  }

  count(): number {
    const byte = this.byte();
    return byte < 128 ? COUNTS[byte % COUNTS.length]! : this.u16() * 65_536 + this.u16();
  }

  seconds(): number {
    const byte = this.byte();
    return byte < 128 ? SECONDS[byte % SECONDS.length]! : this.u16() * 65_536 + this.u16();
  }

  /** Never negative but for -1: microseconds of a packet. */
  micros(): number {
    return this.flag() ? -1 : this.u16() * 2 ** 36 + this.u16() * 65_536 + this.u16();
  }

  text(): string {
    const kind = this.byte();
    let length = kind & 15;
    if (kind >= 0xf0) length = this.u16() % 4000;
    let text = '';
    for (let i = 0; i < length; i++) {
      const byte = kind >= 0xf0 && i >= 32 ? i & 127 : this.byte();
      text +=
        byte < 128
          ? String.fromCharCode(byte)
          : byte < 192
            ? PIECES[byte % PIECES.length]!
            : String.fromCharCode((byte << 8) | this.byte());
    }
    return text;
  }

  list<T>(make: () => T): T[] {
    const byte = this.byte();
    return Array.from({ length: byte >= 0xfe ? 1100 : byte & 3 }, make);
  }

  texts(): string[] {
    return this.list(() => this.text());
  }

  hex(): string {
    return Buffer.from(this.bytes()).toString('hex');
  }

  bytes(): Uint8Array {
    return Uint8Array.from({ length: this.byte() & 31 }, () => this.byte());
  }

  maybe<T>(make: () => T): T | null {
    return this.flag() ? make() : null;
  }
}

const checker = new EventChecker();

const facts: FuzzTarget = {
  name: 'event.facts',
  weight: 50,
  maxBytes: 4096,
  seeds: ({ certificates, connections }) => [
    Uint8Array.from({ length: 600 }, (_, i) => (i * 37 + 11) & 255),
    Uint8Array.from({ length: 600 }, () => 0xff),
    ...certificates.slice(0, 10),
    ...connections.slice(0, 10).map((pieces) => pieces[0]!.bytes),
  ],
  run(bytes) {
    const d = new Draw(bytes);
    const connection = sampleConnection({
      srcIp: d.flag() ? d.text() : '2001:db8::1',
      srcPort: d.u16(),
      destPort: d.u16(),
      srcMac: d.text(),
      vlanId: (d.u16() % 4097) - 1,
      networkInterface: d.text(),
      firstUs: d.micros(),
      lastUs: d.micros(),
      bytesIn: d.count(),
      bytesOut: d.count(),
      packetsIn: d.count(),
      serverRttUs: d.count(),
      overlapConflicts: d.count(),
      flowId: d.count(),
      isReset: d.flag(),
    });
    const handshake = sampleHandshake({
      protocol: (['tls', 'dtls', 'quic', 'sslv2'] as const)[d.byte() & 3]!,
      clientHello: d.maybe(() => drawClientHello(d)),
      helloRetryRequest: d.maybe(() => drawServerHello(d)),
      serverHello: d.maybe(() => drawServerHello(d)),
      serverCertificates: d.maybe(() => sampleChain(...d.list(() => drawCertificate(d)).slice(0, 40))),
      clientCertificates: d.maybe(() => sampleChain(...d.list(() => drawCertificate(d)).slice(0, 4))),
      keyExchangeGroup: d.u16() - 1,
      sessionTicket: d.maybe(() => ({ lifetimeHint: d.u16() * 65_536 + d.u16(), sizeBytes: d.u16() })),
      alert: d.maybe(() => ({ fromClient: d.flag(), level: d.byte(), description: d.byte() })),
      resumption: (['none', 'session_id', 'ticket', 'psk'] as const)[d.byte() & 3]!,
      certVisibility: Object.values(CertVisibility)[d.byte() % 7]!,
      history: d.text(),
      firstUs: d.micros(),
      clientHelloUs: d.micros(),
      lastUs: d.micros(),
      faults: d.texts(),
    });
    const score = {
      ...FINDING,
      reasons: d.list(() => ({ id: d.text(), weight: d.byte() & 3, technique: d.text(), sentence: d.text() })),
    };
    checker.check(sampleFacts({ connection, handshake, score, captureFile: d.text(), seq: Math.max(0, d.count()) }));
  },
};

export const EVENT_TARGETS: readonly FuzzTarget[] = [facts];

function drawClientHello(d: Draw): ReturnType<typeof sampleClientHello> {
  const shape = sampleShape({
    legacyVersion: d.u16(),
    cipherSuites: d.list(() => d.u16()),
    compressionMethods: d.list(() => d.byte()),
    supportedVersions: d.list(() => d.u16()),
    alpn: d.texts(),
    ja3: d.hex(),
    ja4: d.text(),
  });
  return sampleClientHello({
    shape,
    sessionId: d.bytes(),
    serverName: d.text(),
    hasEarlyData: d.flag(),
    fault: d.text(),
  });
}

function drawServerHello(d: Draw): ReturnType<typeof sampleServerHello> {
  return sampleServerHello({
    version: d.u16(),
    cipherSuite: d.u16() - 1,
    compressionMethod: d.byte(),
    keyShareGroup: d.u16() - 1,
    isHelloRetryRequest: d.flag(),
    sessionId: d.bytes(),
    alpn: d.text(),
    ja3s: d.hex(),
    fault: d.text(),
  });
}

function drawCertificate(d: Draw): Certificate {
  const isSelfSigned = ([true, false, null] as const)[d.byte() % 3]!;
  return sampleCertificate({
    sha256: d.hex() || '00',
    version: d.byte() & 3,
    serialHex: d.hex(),
    serialDecimal: d.text(),
    subject: sampleName(['CN', d.text()], ['O', d.text()]),
    issuer: sampleName(['CN', d.text()]),
    notBefore: d.seconds(),
    notAfter: d.seconds(),
    notBeforeText: d.text(),
    notAfterText: d.text(),
    signatureAlgorithm: d.text(),
    san: { dns: d.texts(), ip: d.texts(), email: d.texts(), uri: d.texts(), directory: d.texts(), other: d.texts() },
    basicConstraints: d.maybe(() => ({ isCa: d.flag(), pathLen: d.count() })),
    keyUsage: d.maybe(() => d.texts()),
    policies: d.texts(),
    ocspUrls: d.texts(),
    scts: d.list(() => ({ logId: d.hex(), timestampMs: d.u16() * 2 ** 30 })),
    isSelfIssued: d.flag(),
    faults: d.texts(),
    isSelfSigned: () => isSelfSigned,
  });
}
