/**
 * What one capture is made in: a folder for keys that is thrown away, a small certificate authority, a fixed time, and
 * addresses of the documentation ranges (RFC 5737, RFC 3849), all of them the same on every run.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CertificateRequest, type Issued, issueCertificate } from './openssl.ts';
import type { RunClient, StartServer } from './peer.ts';
import { type RecordedConnection, recordMeeting, retell } from './recorder.ts';
import { seededRandom } from './seeded-random.ts';
import { DEFAULT_START_NS, type TcpConversation } from './tcp-conversation.ts';

export interface Authority {
  readonly root: Issued;
  readonly intermediate: Issued;
}

export interface Meeting {
  readonly server: StartServer;
  /** One after the other, each a connection. */
  readonly clients: readonly RunClient[];
  readonly serverPort?: number;
  readonly isIpv6?: boolean;
  /** Begins this much after the capture does, nanoseconds. */
  readonly afterNs?: bigint;
}

const SECOND_NS = 1_000_000_000n;
/** Captures lie within this time after the first one's. */
const DAYS_S = 14 * 86_400;

/** First of the ephemeral ports (RFC 6335 6). */
const EPHEMERAL_PORT = 49_152;

export class Lab {
  readonly folder: string;
  readonly authority: Authority;
  /** A Node with ML-KEM, or null. */
  readonly postQuantumNode: string | null;
  /** When the capture begins. Most keep the time that their name gives. */
  startNs: bigint;
  readonly #random: () => number;
  readonly #host: number;
  #clients = 0;

  constructor(name: string, folder: string, authority: Authority, postQuantumNode: string | null) {
    this.folder = folder;
    this.authority = authority;
    this.postQuantumNode = postQuantumNode;
    this.#random = seededRandom(name);
    this.#host = this.#random() % 200;
    this.startNs = DEFAULT_START_NS + BigInt(this.#random() % DAYS_S) * SECOND_NS;
  }

  /** A certificate of the authority's, or a self-signed one with `issuer: null`. */
  issue(request: Omit<CertificateRequest, 'issuer'> & { issuer?: Issued | null }): Promise<Issued> {
    const { issuer, ...rest } = request;
    if (issuer === null) return issueCertificate(this.folder, rest);
    return issueCertificate(this.folder, { ...rest, issuer: issuer ?? this.authority.intermediate });
  }

  /** A certificate for `hosts`, the first of which is the common name too. */
  issueFor(key: CertificateRequest['key'], ...hosts: readonly string[]): Promise<Issued> {
    return this.issue({ name: 'leaf', key, subject: subjectOf(hosts[0]!), extensions: leafExtensions(...hosts) });
  }

  /** Records a meeting and tells it again between documentation addresses. */
  async meet(meeting: Meeting): Promise<TcpConversation[]> {
    const connections = await recordMeeting(meeting.server, meeting.clients);
    if (connections.length !== meeting.clients.length || connections.some((c) => c.events.length === 0)) {
      throw new Error(`${meeting.clients.length} clients left ${connections.length} connections`);
    }
    return connections.map((connection) => this.#retell(connection, meeting));
  }

  #retell(connection: RecordedConnection, meeting: Meeting): TcpConversation {
    const host = this.#host + 10;
    const port = EPHEMERAL_PORT + ((this.#host * 53 + this.#clients * 7) % 16_000);
    this.#clients += 1;
    const [clientIp, serverIp] = meeting.isIpv6
      ? [`2001:db8:1::${host.toString(16)}`, `2001:db8:ffff::${host.toString(16)}`]
      : [`192.0.2.${host}`, this.#host % 2 === 0 ? `198.51.100.${host}` : `203.0.113.${host}`];
    return retell(connection, {
      client: { ip: clientIp, port },
      server: { ip: serverIp, port: meeting.serverPort ?? 443 },
      startNs: this.startNs + (meeting.afterNs ?? 0n),
      rttNs: BigInt(4_000_000 + (this.#random() % 20_000_000)),
      seed: String(this.#random()),
    });
  }
}

/** Extensions of a server certificate as public authorities write them today. */
export function leafExtensions(...hosts: readonly string[]): string[] {
  const names = hosts.map((host) => (/^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`));
  return [
    'keyUsage = critical, digitalSignature, keyEncipherment',
    'extendedKeyUsage = serverAuth',
    'basicConstraints = critical, CA:FALSE',
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
    'authorityInfoAccess = OCSP;URI:http://ocsp.example.org',
    'certificatePolicies = 2.23.140.1.2.1',
    `subjectAltName = ${names.join(', ')}`,
  ];
}

export function subjectOf(host: string): string[] {
  return ['C = DE', 'ST = Berlin', 'L = Berlin', 'O = Example Handels GmbH', `CN = ${host}`];
}

/** Runs `work` in a temporary folder with an authority in it, and removes both. */
export async function withLabFolder<T>(work: (folder: string, authority: Authority) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'spanglass-pcap-'));
  try {
    return await work(folder, await buildAuthority(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function buildAuthority(folder: string): Promise<Authority> {
  const usage = ['keyUsage = critical, keyCertSign, cRLSign', 'subjectKeyIdentifier = hash'];
  const root = await issueCertificate(folder, {
    name: 'root',
    key: 'rsa2048',
    subject: ['C = DE', 'O = Example Trust Services', 'CN = Example Root R1'],
    extensions: ['basicConstraints = critical, CA:TRUE', ...usage],
    notBefore: '20200101000000Z',
    notAfter: '20450101000000Z',
  });
  const intermediate = await issueCertificate(folder, {
    name: 'intermediate',
    key: 'rsa2048',
    subject: ['C = DE', 'O = Example Trust Services', 'CN = Example TLS CA 1A'],
    extensions: ['basicConstraints = critical, CA:TRUE, pathlen:0', ...usage, 'authorityKeyIdentifier = keyid'],
    notBefore: '20240101000000Z',
    notAfter: '20340101000000Z',
    issuer: root,
  });
  return { root, intermediate };
}
