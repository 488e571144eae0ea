/** Captures of what a certificate can say: the defaults that attackers leave in place, wrong names, wrong times. */

import type { Capture } from './capture.ts';
import { expectHandshake, meetingPackets } from './capture.ts';
import { type Lab, leafExtensions, subjectOf } from './lab.ts';
import { type CertificateRequest, opensslClient, opensslServer } from './openssl.ts';

/** What `openssl req -x509` adds without being asked. */
const REQ_EXTENSIONS = [
  'subjectKeyIdentifier = hash',
  'authorityKeyIdentifier = keyid',
  'basicConstraints = critical, CA:TRUE',
];

export const CERTIFICATE_CAPTURES: readonly Capture[] = [
  {
    name: 'self-signed-localhost',
    shows: 'Self-signed for localhost on port 443: what the published detection looks for.',
    expected: [expectHandshake('localhost', 'TLSv1.2', 'clear')],
    packets: (lab) =>
      meet(lab, 'localhost', { key: 'rsa2048', subject: ['CN = localhost'], extensions: REQ_EXTENSIONS, issuer: null }),
  },
  {
    name: 'placeholder-internet-widgits',
    shows: 'Return pressed at every question of `openssl req`: no common name, Internet Widgits Pty Ltd.',
    expected: [
      expectHandshake('update.example.net', 'TLSv1.2', 'clear', { dest_port: 8443, ssl_subject_common_name: null }),
    ],
    packets: (lab) =>
      meet(
        lab,
        'update.example.net',
        {
          key: 'rsa2048',
          subject: ['C = AU', 'ST = Some-State', 'O = Internet Widgits Pty Ltd'],
          extensions: REQ_EXTENSIONS,
          notBefore: '20261101101500Z',
          notAfter: '20271101101500Z',
          issuer: null,
        },
        8443,
      ),
  },
  {
    name: 'name-mismatch',
    shows: 'The client asks for one name and gets a certificate for another.',
    expected: [
      expectHandshake('www.example.com', 'TLSv1.2', 'clear', { ssl_subject_common_name: 'parked.example.net' }),
    ],
    packets: (lab) => meet(lab, 'www.example.com', hostRequest('parked.example.net')),
  },
  {
    name: 'expired',
    shows: 'The certificate ended in September.',
    expected: [expectHandshake('old.example.com', 'TLSv1.2', 'clear')],
    packets: (lab) =>
      meet(lab, 'old.example.com', {
        ...hostRequest('old.example.com'),
        notBefore: '20260601000000Z',
        notAfter: '20260930235959Z',
      }),
  },
  {
    name: 'not-yet-valid',
    shows: 'The certificate begins in the year after.',
    expected: [expectHandshake('soon.example.com', 'TLSv1.2', 'clear')],
    packets: (lab) =>
      meet(lab, 'soon.example.com', {
        ...hostRequest('soon.example.com'),
        notBefore: '20270201000000Z',
        notAfter: '20270501000000Z',
      }),
  },
  {
    name: 'wildcard',
    shows: 'A wildcard certificate that covers the name asked for.',
    expected: [
      expectHandshake('tenant7.apps.example.com', 'TLSv1.2', 'clear', {
        ssl_subject_common_name: '*.apps.example.com',
      }),
    ],
    packets: (lab) => meet(lab, 'tenant7.apps.example.com', hostRequest('*.apps.example.com', 'apps.example.com')),
  },
  {
    name: 'ip-address-server',
    shows: 'No SNI, and a certificate for an IP address.',
    expected: [expectHandshake(null, 'TLSv1.2', 'clear', { ssl_subject_common_name: '203.0.113.80' })],
    packets: (lab) => meet(lab, null, hostRequest('203.0.113.80')),
  },
  {
    name: 'utf8-names',
    shows: 'Umlauts, quotes, commas and a plus sign in the names: what breaks naive splitting.',
    expected: [
      expectHandshake('xn--bcher-kva.example', 'TLSv1.2', 'clear', { ssl_subject_common_name: 'bücher.example' }),
    ],
    packets: (lab) =>
      meet(lab, 'xn--bcher-kva.example', {
        key: 'ec256',
        subject: [
          'C = DE',
          'L = Köln',
          String.raw`O = Müller \"Bücher\" GmbH, Söhne + Co. KG`,
          'OU = Einkauf, Abteilung 5',
          'CN = bücher.example',
        ],
        extensions: leafExtensions('xn--bcher-kva.example'),
      }),
  },
];

type Request = Omit<Parameters<Lab['issue']>[0], 'name'>;

function hostRequest(...hosts: readonly string[]): Request & { key: CertificateRequest['key'] } {
  return { key: 'ec256', subject: subjectOf(hosts[0]!), extensions: leafExtensions(...hosts) };
}

/** One TLS 1.2 handshake with the certificate asked for; an authority's comes with its intermediate. */
async function meet(
  lab: Lab,
  serverName: string | null,
  request: Request,
  serverPort = 443,
): ReturnType<Capture['packets']> {
  const leaf = await lab.issue({ name: 'leaf', ...request });
  const chain = request.issuer === null ? [] : ['-cert_chain', lab.authority.intermediate.cert];
  const server = opensslServer(leaf, ['-tls1_2', ...chain]);
  return meetingPackets(lab, { server, clients: [opensslClient(serverName)], serverPort });
}
