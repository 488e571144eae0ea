/**
 * The `openssl` program: certificates that are made for one run and thrown away, and its test client and server.
 *
 * `openssl ca` issues everything, self-signed certificates too, because it is the one command of OpenSSL 3.0 that takes
 * both validity dates. Dates are fixed, so that a capture means the same whenever it is made again; keys, serial numbers and
 * signatures are new each time.
 */

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type ClientProgramOptions,
  LOOPBACK,
  type RunClient,
  runClientProgram,
  type StartServer,
  startServerProgram,
} from './peer.ts';

const execute = promisify(execFile);

type KeyKind = 'rsa2048' | 'rsa4096' | 'ec256' | 'ec384' | 'ed25519';

export interface CertificateRequest {
  /** Stem of the files' names. */
  readonly name: string;
  readonly key: KeyKind;
  /** Lines of a configuration's distinguished name, in order: `CN = www.example.com`. */
  readonly subject: readonly string[];
  /** Lines of an extension section. */
  readonly extensions?: readonly string[];
  /** `YYYYMMDDhhmmssZ`; a 90-day window around the captures unless set. */
  readonly notBefore?: string;
  readonly notAfter?: string;
  /** Self-signed unless set. */
  readonly issuer?: Issued;
}

/** Paths of PEM files. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
  /** The list of what this certificate's key has issued, as `openssl ca` and `openssl ocsp` read it. */
  readonly index: string;
}

const KEY_ARGS: Readonly<Record<KeyKind, readonly string[]>> = {
  rsa2048: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  rsa4096: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:4096'],
  ec256: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  ec384: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  ed25519: ['-algorithm', 'ED25519'],
};

/** What `openssl ca` needs to issue anything at all with the subject as asked for. */
function configuration(request: CertificateRequest, folder: string, issuerIndex: string): string {
  return `
[req]
distinguished_name = dn
prompt = no
utf8 = yes
string_mask = utf8only
[dn]
${request.subject.join('\n')}
[ca]
default_ca = issuer
[issuer]
database = ${issuerIndex}
new_certs_dir = ${folder}
rand_serial = yes
unique_subject = no
default_md = ${request.key === 'ed25519' && !request.issuer ? 'default' : 'sha256'}
policy = anything
preserve = yes
x509_extensions = extensions
[anything]
commonName = optional
[extensions]
${(request.extensions ?? []).join('\n')}
`;
}

/** The version that runs, or null where there is no `openssl`. */
export async function opensslVersion(): Promise<string | null> {
  try {
    return (await openssl('version')).trim();
  } catch {
    // Not installed, or not executable: the tool says so and goes on without.
    return null;
  }
}

/** Makes a key and a certificate for it in `folder`. */
export async function issueCertificate(folder: string, request: CertificateRequest): Promise<Issued> {
  const path = (suffix: string) => join(folder, `${request.name}${suffix}`);
  const issued: Issued = { cert: path('.pem'), key: path('.key'), index: path('.index') };
  const config = path('.cnf');
  await writeFile(issued.index, '');
  await writeFile(config, configuration(request, folder, (request.issuer ?? issued).index));
  await openssl('genpkey', ...KEY_ARGS[request.key], '-out', issued.key);
  await openssl('req', '-new', '-utf8', '-config', config, '-key', issued.key, '-out', path('.csr'));
  const signer = request.issuer
    ? ['-cert', request.issuer.cert, '-keyfile', request.issuer.key]
    : ['-selfsign', '-keyfile', issued.key];
  const dates = [
    '-startdate',
    request.notBefore ?? '20261012000000Z',
    '-enddate',
    request.notAfter ?? '20270110000000Z',
  ];
  const files = ['-in', path('.csr'), '-out', issued.cert];
  await openssl('ca', '-batch', '-notext', '-utf8', '-preserveDN', '-config', config, ...signer, ...dates, ...files);
  return issued;
}

/** A signed OCSP response that calls `leaf` good; its times are those of the run. */
export async function answerOcsp(folder: string, leaf: Issued, issuer: Issued): Promise<string> {
  const request = join(folder, 'ocsp-request.der');
  const response = join(folder, 'ocsp-response.der');
  await openssl('ocsp', '-issuer', issuer.cert, '-cert', leaf.cert, '-reqout', request);
  const signer = ['-CA', issuer.cert, '-rsigner', issuer.cert, '-rkey', issuer.key];
  await openssl('ocsp', '-index', issuer.index, ...signer, '-reqin', request, '-respout', response, '-ndays', '7');
  return response;
}

/** `openssl s_server`. It answers a GET with its status page, unless `args` say otherwise. */
export function opensslServer(identity: Issued, args: readonly string[] = []): StartServer {
  const basic = ['s_server', '-accept', `${LOOPBACK}:0`, '-www', '-cert', identity.cert, '-key', identity.key];
  return () => startServerProgram('openssl', [...basic, ...args], /ACCEPT 127\.0\.0\.1:(\d+)/);
}

/** `openssl s_client` that sends a GET and leaves when the server does. Without a name it sends no SNI. */
export function opensslClient(
  serverName: string | null,
  args: readonly string[] = [],
  options: ClientProgramOptions = {},
): RunClient {
  const name = serverName === null ? ['-noservername'] : ['-servername', serverName];
  const input = `GET / HTTP/1.0\r\nHost: ${serverName ?? 'localhost'}\r\n\r\n`;
  return (port) =>
    runClientProgram('openssl', ['s_client', '-connect', `${LOOPBACK}:${port}`, ...name, ...args], {
      input,
      ...options,
    });
}

async function openssl(...args: readonly string[]): Promise<string> {
  const { stdout } = await execute('openssl', args);
  return stdout;
}
