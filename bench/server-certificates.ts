/**
 * Certificates as a network's servers have them, one kind per place in twenty:
 *
 *     0 - 7    RSA-2048, one intermediate                 15   RSA-4096 of a private authority, chain with its root
 *     8 - 11   RSA-2048, intermediate and root sent       16   RSA-2048 of the private authority
 *     12 - 14  ECDSA P-256, one intermediate              17   self-signed, CN=localhost
 *     19       RSA-2048, expired                          18   self-signed under its own name
 *
 * The private authority's name has letters beyond ASCII, a comma and quotes. Leaves of authorities carry what public ones
 * carry: two URLs, a policy, three names, and two signed certificate timestamps, whose signatures are random.
 */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CertificateRequest, type Issued, issueCertificate } from '../tools/make-pcap/openssl.ts';

/** What a server needs, as PEM. */
export interface ServerCertificate {
  readonly serverName: string;
  readonly cert: string;
  readonly key: string;
}

type AuthorityName = 'rsaRoot' | 'ecRoot' | 'rsaOne' | 'rsaTwo' | 'ecOne' | 'corporate';

interface AuthorityPlan {
  readonly key: CertificateRequest['key'];
  readonly subject: readonly string[];
  readonly issuer?: AuthorityName;
}

const AUTHORITIES: Readonly<Record<AuthorityName, AuthorityPlan>> = {
  rsaRoot: { key: 'rsa4096', subject: ['C = US', 'O = Example Trust Services LLC', 'CN = Example Root R1'] },
  ecRoot: { key: 'ec384', subject: ['C = US', 'O = Example Trust Services LLC', 'CN = Example Root E1'] },
  rsaOne: { key: 'rsa2048', subject: ['C = US', 'O = Example Encrypt', 'CN = R3'], issuer: 'rsaRoot' },
  rsaTwo: {
    key: 'rsa2048',
    subject: [
      'C = GB',
      'ST = Greater Manchester',
      'L = Salford',
      'O = Example Limited',
      'CN = Example RSA Domain Validation Secure Server CA',
    ],
    issuer: 'rsaRoot',
  },
  ecOne: { key: 'ec384', subject: ['C = US', 'O = Example Encrypt', 'CN = E1'], issuer: 'ecRoot' },
  corporate: {
    key: 'rsa2048',
    subject: [
      'C = DE',
      'ST = Bayern',
      'L = München',
      String.raw`O = Beispiel GmbH\, Abt. \"IT\"`,
      'OU = PKI',
      'CN = Corp Issuing CA 01',
    ],
    issuer: 'rsaRoot',
  },
};

interface Kind {
  readonly key: CertificateRequest['key'];
  /** Sent after the leaf, whose issuer is the first; none for a self-signed one. */
  readonly chain: readonly AuthorityName[];
  readonly subject: readonly string[];
  readonly isExpired: boolean;
}

const KINDS = 20;

/** Making keys is work of a processor; more at a time than this only makes each slower. */
const AT_A_TIME = 2;

/** 2026-10-12: the day from which leaves are valid. */
const TIMESTAMP_MS = 1_791_763_200_000n;

const WORDS = [
  'login',
  'cdn',
  'api',
  'mail',
  'static',
  'shop',
  'img',
  'video',
  'auth',
  'update',
  'sync',
  'chat',
  'docs',
];

/** The certificates of these numbers, made in `folder`. */
export async function issueServerCertificates(
  folder: string,
  numbers: readonly number[],
): Promise<ServerCertificate[]> {
  const authorities = new Authorities(folder);
  const out: ServerCertificate[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < numbers.length; i = next++) out[i] = await issueOne(folder, authorities, numbers[i]!);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return out;
}

async function issueOne(folder: string, authorities: Authorities, number: number): Promise<ServerCertificate> {
  const serverName = `${WORDS[number % WORDS.length]}-${number}.example${number % 7}.com`;
  const kind = kindOf(number, serverName);
  const chain = await Promise.all(kind.chain.map((authority) => authorities.get(authority)));
  const issuer = chain[0];
  const name = `leaf-${number}`;
  const leaf = await issueCertificate(folder, {
    name,
    key: kind.key,
    subject: kind.subject,
    extensions: leafExtensions(serverName, number, issuer !== undefined),
    ...(kind.isExpired ? { notBefore: '20200101000000Z', notAfter: '20200401000000Z' } : {}),
    ...(issuer === undefined ? {} : { issuer: await withOwnIndex(folder, name, issuer) }),
  });
  const parts = await Promise.all([leaf, ...chain].map(({ cert }) => readFile(cert, 'utf8')));
  return { serverName, cert: parts.join(''), key: await readFile(leaf.key, 'utf8') };
}

function kindOf(number: number, serverName: string): Kind {
  const plain = { subject: [`CN = ${serverName}`], isExpired: false };
  const place = number % KINDS;
  if (place <= 7) return { ...plain, key: 'rsa2048', chain: ['rsaOne'] };
  if (place <= 11) {
    const organisation = ['C = US', 'ST = California', 'L = San Francisco', `O = Example Org ${number}\\, Inc.`];
    return { ...plain, key: 'rsa2048', chain: ['rsaTwo', 'rsaRoot'], subject: [...organisation, `CN = ${serverName}`] };
  }
  if (place <= 14) return { ...plain, key: 'ec256', chain: ['ecOne'] };
  if (place === 15) return { ...plain, key: 'rsa4096', chain: ['corporate', 'rsaRoot'] };
  if (place === 16) return { ...plain, key: 'rsa2048', chain: ['corporate'] };
  if (place === 19) return { ...plain, key: 'rsa2048', chain: ['rsaOne'], isExpired: true };
  const localhost = ['C = XX', 'L = Default City', 'O = Default Company Ltd', 'CN = localhost'];
  return { ...plain, key: 'rsa2048', chain: [], ...(place === 17 ? { subject: localhost } : {}) };
}

function leafExtensions(serverName: string, number: number, isPublic: boolean): string[] {
  if (!isPublic) return ['subjectKeyIdentifier = hash', 'basicConstraints = critical, CA:TRUE'];
  const timestamps = signedTimestamps().toString('hex').match(/../g)!.join(':');
  return [
    'basicConstraints = CA:FALSE',
    'keyUsage = digitalSignature, keyEncipherment',
    'extendedKeyUsage = serverAuth, clientAuth',
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
    'certificatePolicies = 2.23.140.1.2.1',
    'authorityInfoAccess = OCSP;URI:http://ocsp.example.org, caIssuers;URI:http://i.example.org/ca.der',
    `subjectAltName = DNS:${serverName}, DNS:www.${serverName}, DNS:*.alt${number}.example.net`,
    `1.3.6.1.4.1.11129.2.4.2 = DER:04:81:f2:${timestamps}`,
  ];
}

/**
 * A SignedCertificateTimestampList of two (RFC 6962 3.3): 2 + 2 * (2 + 118) bytes. Log and signature are random.
 *
 *     version 1 | log id 32 | timestamp 8 | extensions 2 + 0 | SHA-256 4, ECDSA 3 | signature 2 + 71
 */
function signedTimestamps(): Buffer {
  const one = () => {
    const timestamp = Buffer.alloc(8);
    timestamp.writeBigUInt64BE(TIMESTAMP_MS);
    const signature = Buffer.concat([Buffer.of(4, 3, 0, 71), randomBytes(71)]);
    return Buffer.concat([Buffer.of(0, 118, 0), randomBytes(32), timestamp, Buffer.of(0, 0), signature]);
  };
  return Buffer.concat([Buffer.of(0, 240), one(), one()]);
}

/** `openssl ca` rewrites its issuer's list; two of them at a time need a list each. */
async function withOwnIndex(folder: string, name: string, issuer: Issued): Promise<Issued> {
  const index = join(folder, `${name}.issuer-index`);
  await writeFile(index, '');
  return { ...issuer, index };
}

/** Authorities, made when first asked for: a root with an RSA-4096 key takes seconds. */
class Authorities {
  readonly #folder: string;
  readonly #made = new Map<AuthorityName, Promise<Issued>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  get(name: AuthorityName): Promise<Issued> {
    const made = this.#made.get(name) ?? this.#issue(name);
    this.#made.set(name, made);
    return made;
  }

  async #issue(name: AuthorityName): Promise<Issued> {
    const { key, subject, issuer } = AUTHORITIES[name];
    return issueCertificate(this.#folder, {
      name,
      key,
      subject,
      extensions: authorityExtensions(name, issuer !== undefined),
      notBefore: '20200101000000Z',
      notAfter: '20450101000000Z',
      ...(issuer === undefined ? {} : { issuer: await withOwnIndex(this.#folder, name, await this.get(issuer)) }),
    });
  }
}

function authorityExtensions(name: string, isIssued: boolean): string[] {
  const own = [
    'basicConstraints = critical, CA:TRUE',
    'keyUsage = critical, keyCertSign, cRLSign',
    'subjectKeyIdentifier = hash',
  ];
  if (!isIssued) return own;
  return [
    ...own,
    'authorityKeyIdentifier = keyid',
    `crlDistributionPoints = URI:http://crl.${name.toLowerCase()}.example/ca.crl`,
    `authorityInfoAccess = OCSP;URI:http://ocsp.${name.toLowerCase()}.example, caIssuers;URI:http://i.${name.toLowerCase()}.example/ca.der`,
  ];
}
