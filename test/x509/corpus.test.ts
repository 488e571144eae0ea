/**
 * Every certificate of the corpus, against two independent readers and against what the corpus states. The bytes come from tshark and from
 * the sensor itself, which finds those on ports and in streams where tshark does not look.
 */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { escapeUnsafe } from '../../src/bytes/text.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import type { Name } from '../../src/x509/name.ts';
import { parseCertificate } from '../../src/x509/parse-certificate.ts';
import { corpusChains } from '../support/corpus-chains.ts';
import {
  corpusCertificates,
  corpusObstacle,
  type ExpectedCertificate,
  expectedCertificates,
} from './corpus-certificates.ts';
import { differencesFromForge, differencesFromOpenSsl } from './oracles.ts';

/** Explained differences by the start of the certificate's SHA-256: the field, and why we differ. */
const EXPLAINED: ReadonlyMap<string, readonly string[]> = new Map([
  // OpenSSL writes the serial number 0 with one digit; ours has an even number of them.
  ['ff2a65cf', ['openssl serial']],
  ['c3846bf2', ['openssl serial']],
  ['0a4a8240', ['openssl serial']],
  // A curve spelled out (CVE-2020-0601): OpenSSL has no name for it, and we do not verify with it.
  ['45f7246e', ['openssl curve', 'openssl self_signed']],
  // A NUL inside a host name: OpenSSL puts the name in quotes and writes \u0000.
  ['3c076698', ['openssl san']],
]);

/** Certificates of 9 octets, as tshark gives them and as the sensor does, and one that is cut after 250. */
const NO_CERTIFICATE = new Set(['26bd8df9', 'fd7332d6', 'a8b66060', '93fa70c0', '74ca1d47']);

/** Faults by the start of the SHA-256; every certificate of the corpus that is not here is well-formed. */
const FAULTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['808bb91f', ['der_default_encoded', 'bad_extension']],
  ['cc002cec', ['der_default_encoded', 'bad_extension']],
  ['cffb0cdf', ['unknown_critical_extension']],
  ['804250d7', ['unknown_critical_extension']],
  ['4c2bac6c', ['unknown_critical_extension']],
  ['3c076698', ['embedded_nul', 'bad_extension', 'unknown_critical_extension']],
  ['45f7246e', ['explicit_curve']],
  ['14239787', ['generalized_time_before_2050']],
  ['cd08183f', ['generalized_time_before_2050']],
  ['ff2a65cf', ['zero_serial']],
  ['c3846bf2', ['zero_serial']],
  ['0a4a8240', ['zero_serial']],
  ['74eaa0f8', ['negative_serial']],
  ['57dd88e0', ['negative_serial']],
  ['81a29a60', ['bad_algorithm_parameters']],
  ['6ded6ad0', ['empty_sequence', 'bad_extension']],
  ['a4df9cfa', ['invalid_string_char', 'embedded_nul']],
  ['b73bfd40', ['invalid_string_char', 'embedded_nul']],
  ['26bd8df9', ['der_truncated', 'der_unexpected_tag']],
  ['fd7332d6', ['der_truncated', 'der_unexpected_tag']],
  ['a8b66060', ['trailing_bytes', 'der_truncated', 'der_unexpected_tag']],
  ['93fa70c0', ['trailing_bytes', 'der_truncated', 'der_unexpected_tag']],
  ['74ca1d47', ['der_truncated', 'der_unexpected_tag']],
]);

/** The names of the tool that wrote the expectations (python cryptography), where they are not OpenSSL's. */
const SIGNATURE_NAMES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.29': 'sha1WithRSA',
  '2.16.840.1.101.3.4.3.17': 'ML-DSA-44',
};
const KEY_NAMES: Readonly<Record<string, string>> = {
  rsa: 'rsaEncryption',
  ec: 'id-ecPublicKey',
  MLDSA44PublicKey: 'ML-DSA-44',
};
const CURVE_NAMES: Readonly<Record<string, string>> = { secp256r1: 'prime256v1' };

/** So many the corpus states, and some more are in it; fewer means that nothing was tested. */
const AT_LEAST = 299;

const obstacle = corpusObstacle();
const found = new Map<string, { der: Uint8Array; cert: Certificate }>();

beforeAll(async () => {
  if (obstacle !== '') return;
  for (const der of [...(await corpusCertificates()).values(), ...(await sensorCertificates())]) {
    found.set(createHash('sha256').update(der).digest('hex'), { der, cert: parseCertificate(der) });
  }
}, 300_000);

async function sensorCertificates(): Promise<Uint8Array[]> {
  const chains = (await corpusChains()).flatMap(({ server, client }) => [server, client]);
  return chains.flatMap((chain) => chain?.certificates.map((cert) => cert.der) ?? []);
}

function explained(sha256: string): readonly string[] {
  return EXPLAINED.get(sha256.slice(0, 8)) ?? [];
}

/** The differences of all certificates that no table explains. */
function unexplained(oracle: string, compare: (der: Uint8Array, cert: Certificate) => string[] | null): string[] {
  return Array.from(found, ([sha256, { der, cert }]) => {
    const differences =
      compare(der, cert) ?? (NO_CERTIFICATE.has(sha256.slice(0, 8)) ? [] : ['refused: the certificate']);
    const left = differences.filter(
      (line) => !explained(sha256).includes(`${oracle} ${line.slice(0, line.indexOf(':'))}`),
    );
    return left.map((line) => `${sha256.slice(0, 8)} ${line}`);
  }).flat();
}

describe.skipIf(obstacle !== '')(
  `certificates of the corpus${obstacle === '' ? '' : ` (skipped: ${obstacle})`}`,
  () => {
    it('are all that the corpus states', () => {
      const expected = expectedCertificates();
      expect(expected.size).toBeGreaterThanOrEqual(AT_LEAST);
      expect([...expected.keys()].filter((sha256) => !found.has(sha256))).toEqual([]);
    });

    it('read as OpenSSL reads them', () => {
      expect(unexplained('openssl', differencesFromOpenSsl)).toEqual([]);
    });

    it('read as the ASN.1 tree of node-forge says', () => {
      expect(unexplained('forge', differencesFromForge)).toEqual([]);
    });

    it('read as the tools say that the corpus was made with', () => {
      const expected = expectedCertificates();
      const pairs = Array.from(found, ([sha256, { cert }]) => ({ cert, facts: expected.get(sha256) }));
      const known = pairs.filter((pair) => pair.facts !== undefined);
      expect(known.length).toBeGreaterThanOrEqual(AT_LEAST);
      for (const { cert, facts } of known) expect(ourFacts(cert, facts!)).toEqual(theirFacts(facts!));
    });

    it('have the faults of the table, and no others', () => {
      const faults = Array.from(found, ([sha256, { cert }]) => [sha256.slice(0, 8), cert.faults] as const);
      expect(new Map(faults.filter(([, names]) => names.length > 0))).toEqual(FAULTS);
    });
  },
);

/** What the corpus states, in our names. */
function theirFacts(facts: ExpectedCertificate): Record<string, unknown> {
  return {
    sha1: facts.sha1,
    der_len: facts.der_len,
    serial_der_hex: facts.serial_der_hex,
    serial_int: facts.serial_int,
    not_before: facts.not_before,
    not_after: facts.not_after,
    subject: shown(facts.subject_rdns),
    issuer: shown(facts.issuer_rdns),
    san_dns: facts.san_dns?.map(escapeUnsafe),
    san_ip: facts.san_ip,
    sig_alg: facts.sig_alg === undefined ? undefined : (SIGNATURE_NAMES[facts.sig_alg] ?? facts.sig_alg),
    key_alg: facts.key_alg === undefined ? undefined : KEY_NAMES[facts.key_alg],
    key_bits: facts.key_bits,
    curve: facts.curve === undefined ? undefined : (CURVE_NAMES[facts.curve] ?? facts.curve),
  };
}

/** The same fields of ours; what the corpus does not state is left out. */
function ourFacts(cert: Certificate, facts: ExpectedCertificate): Record<string, unknown> {
  const ours: Record<string, unknown> = {
    sha1: cert.sha1,
    der_len: cert.der.length,
    serial_der_hex: cert.serialDer,
    serial_int: cert.serialDecimal,
    not_before: isoSeconds(cert.notBefore),
    not_after: isoSeconds(cert.notAfter),
    subject: flat(cert.subject),
    issuer: flat(cert.issuer),
    san_dns: cert.san.dns,
    san_ip: cert.san.ip,
    sig_alg: cert.signatureAlgorithm,
    key_alg: cert.key.algorithm,
    key_bits: cert.key.bits,
    curve: cert.key.curve,
  };
  const theirs = theirFacts(facts);
  return Object.fromEntries(
    Object.entries(ours).map(([field, value]) => [field, theirs[field] === undefined ? undefined : value]),
  );
}

function isoSeconds(seconds: number): string {
  if (Number.isNaN(seconds)) return '';
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

function flat(name: Name): string[][] {
  return name.rdns.flat().map(({ type, value }) => [type, value]);
}

function shown(rdns: ExpectedCertificate['subject_rdns']): string[][] | undefined {
  return rdns?.map(([type, value]) => [type === 'street' ? 'STREET' : type, escapeUnsafe(value)]);
}
