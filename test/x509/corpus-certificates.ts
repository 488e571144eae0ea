/**
 * The certificates of the capture corpus, and what other tools say of them.
 *
 * The corpus lists facts per certificate but not the DER. That is pulled out of the captures by tshark, slowly (about half a second
 * a capture) and independently of our own reassembly; a greedy cover picks the captures that are needed. tshark finds
 * TLS on unusual ports less often than the sensor does, so some certificates are missing.
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex } from '../../src/bytes/hex.ts';

const CORPUS = join(import.meta.dirname, '../../../shared/corpus');
const EXPECTED = join(CORPUS, 'expected');

/** Processes of tshark at a time. */
const PARALLEL = 2;

/** What the corpus says of one certificate; a field that no tool could read is absent. */
export interface ExpectedCertificate {
  readonly sha1: string;
  readonly sha256: string;
  readonly der_len: number;
  readonly serial_der_hex?: string;
  readonly serial_hex?: string;
  readonly serial_int?: string;
  readonly not_before?: string;
  readonly not_after?: string;
  readonly subject_rdns?: readonly (readonly [string, string])[];
  readonly issuer_rdns?: readonly (readonly [string, string])[];
  readonly san_dns?: readonly string[];
  readonly san_ip?: readonly string[];
  readonly sig_alg?: string;
  readonly key_alg?: string;
  readonly key_bits?: number;
  readonly curve?: string;
}

/** Why the corpus can't be read here; empty if it can. */
export function corpusObstacle(): string {
  if (!existsSync(EXPECTED)) return 'no corpus at ../shared/corpus';
  return spawnSync('tshark', ['--version']).status === 0 ? '' : 'tshark is not installed';
}

/** All expected certificates by SHA-256. */
export function expectedCertificates(): Map<string, ExpectedCertificate> {
  const all = new Map<string, ExpectedCertificate>();
  for (const { certificates } of expectedCaptures()) for (const cert of certificates) all.set(cert.sha256, cert);
  return all;
}

/** The DER of the corpus by SHA-256. */
export async function corpusCertificates(): Promise<Map<string, Uint8Array>> {
  const captures = coveringCaptures();
  const found = new Map<string, Uint8Array>();
  const worker = async (): Promise<void> => {
    for (let capture = captures.pop(); capture !== undefined; capture = captures.pop()) {
      for (const der of await certificatesIn(join(CORPUS, capture))) {
        found.set(createHash('sha256').update(der).digest('hex'), der);
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return found;
}

interface ExpectedCapture {
  readonly pcap: string;
  readonly bytes: number;
  readonly certificates: readonly ExpectedCertificate[];
}

function expectedCaptures(): ExpectedCapture[] {
  const files = readdirSync(EXPECTED, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'));
  return files.toSorted().map((file) => {
    const capture: unknown = JSON.parse(readFileSync(join(EXPECTED, file), 'utf8'));
    if (!isCapture(capture)) throw new TypeError(`${file} does not describe a capture`);
    const certificates: ExpectedCertificate[] = [];
    collect(capture, certificates);
    return { pcap: capture.pcap, bytes: capture.bytes, certificates };
  });
}

function isCapture(value: unknown): value is { pcap: string; bytes: number } {
  return typeof value === 'object' && value !== null && 'pcap' in value && 'bytes' in value;
}

function isCertificate(value: object): value is ExpectedCertificate {
  return 'sha256' in value && 'der_len' in value;
}

function collect(node: unknown, into: ExpectedCertificate[]): void {
  if (typeof node !== 'object' || node === null) return;
  if (isCertificate(node)) into.push(node);
  for (const child of Object.values(node)) collect(child, into);
}

/** Small captures first, each of which adds a certificate. */
function coveringCaptures(): string[] {
  const seen = new Set<string>();
  const chosen: string[] = [];
  for (const { pcap, certificates } of expectedCaptures().toSorted((a, b) => a.bytes - b.bytes)) {
    const isNew = certificates.some((cert) => !seen.has(cert.sha256));
    for (const cert of certificates) seen.add(cert.sha256);
    if (isNew) chosen.push(pcap);
  }
  return chosen;
}

/** tshark ends with an error at a damaged capture; what it read before counts. */
async function certificatesIn(capture: string): Promise<Uint8Array[]> {
  const fields = ['-e', 'tls.handshake.certificate', '-e', 'dtls.handshake.certificate'];
  const stdout = await new Promise<string>((resolve) => {
    execFile('tshark', ['-r', capture, '-T', 'fields', ...fields], { maxBuffer: 2 ** 28 }, (_, out) => resolve(out));
  });
  return stdout.split(/[\s,]+/).flatMap((hex) => (hex === '' ? [] : [fromHex(hex)]));
}
