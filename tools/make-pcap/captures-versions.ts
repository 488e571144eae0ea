/** Captures of what the protocol can do: versions, key kinds, resumption, extensions. */

import { join } from 'node:path';
import { type Capture, expectHandshake, meetingPackets } from './capture.ts';
import { leafExtensions, subjectOf } from './lab.ts';
import { http2Client, http2Server, otherNodeClient, otherNodeServer } from './node-peer.ts';
import { answerOcsp, opensslClient, opensslServer } from './openssl.ts';

/** OpenSSL 3 refuses SHA-1 signatures, and with them TLS 1.0 and 1.1, above this level. */
const OLD = '@SECLEVEL=0';

export const VERSION_CAPTURES: readonly Capture[] = [
  {
    name: 'tls10-rsa',
    shows: 'TLS 1.0 with RSA key exchange: no ServerKeyExchange.',
    expected: [expectHandshake('legacy.example.com', 'TLSv1.0', 'clear')],
    async packets(lab) {
      const leaf = await lab.issueFor('rsa2048', 'legacy.example.com');
      const args = ['-tls1', '-cipher', `AES128-SHA:${OLD}`];
      return meetingPackets(lab, {
        server: opensslServer(leaf, args),
        clients: [opensslClient('legacy.example.com', args)],
      });
    },
  },
  {
    name: 'tls11-rsa',
    shows: 'TLS 1.1 with ECDHE and an RSA certificate, on port 993.',
    expected: [expectHandshake('imap.example.com', 'TLSv1.1', 'clear', { dest_port: 993 })],
    async packets(lab) {
      const leaf = await lab.issueFor('rsa2048', 'imap.example.com');
      const args = ['-tls1_1', '-cipher', `ECDHE-RSA-AES256-SHA:${OLD}`];
      const clients = [opensslClient('imap.example.com', args)];
      return meetingPackets(lab, { server: opensslServer(leaf, args), clients, serverPort: 993 });
    },
  },
  {
    name: 'tls12-ecdhe-rsa-chain',
    shows: 'The ordinary case: TLS 1.2, leaf and intermediate, three names in the SAN.',
    expected: [expectHandshake('www.example.com', 'TLSv1.2', 'clear')],
    async packets(lab) {
      const leaf = await lab.issueFor('rsa2048', 'www.example.com', 'example.com', 'static.example.com');
      const server = opensslServer(leaf, ['-tls1_2', '-cert_chain', lab.authority.intermediate.cert]);
      return meetingPackets(lab, { server, clients: [opensslClient('www.example.com')] });
    },
  },
  {
    name: 'tls12-ecdsa',
    shows: 'A P-256 certificate and ECDSA, on port 8443.',
    expected: [expectHandshake('api.example.org', 'TLSv1.2', 'clear', { dest_port: 8443 })],
    async packets(lab) {
      const leaf = await lab.issueFor('ec256', 'api.example.org');
      const clients = [opensslClient('api.example.org')];
      return meetingPackets(lab, { server: opensslServer(leaf, ['-tls1_2']), clients, serverPort: 8443 });
    },
  },
  {
    name: 'tls12-ed25519',
    shows: 'An Ed25519 certificate, rare outside of tools.',
    expected: [expectHandshake('git.example.net', 'TLSv1.2', 'clear')],
    async packets(lab) {
      const leaf = await lab.issueFor('ed25519', 'git.example.net');
      return meetingPackets(lab, {
        server: opensslServer(leaf, ['-tls1_2']),
        clients: [opensslClient('git.example.net')],
      });
    },
  },
  {
    name: 'tls12-session-id-resumption',
    shows: 'Two connections; the second resumes by session id and carries no certificate.',
    expected: [
      expectHandshake('www.example.com', 'TLSv1.2', 'clear'),
      expectHandshake('www.example.com', 'TLSv1.2', 'resumed'),
    ],
    packets: (lab) => resumption(lab, ['-tls1_2', '-no_ticket'], ['-no_ticket']),
  },
  {
    name: 'tls12-ticket-resumption',
    shows: 'Two connections; the second resumes by session ticket.',
    expected: [
      expectHandshake('www.example.com', 'TLSv1.2', 'clear'),
      expectHandshake('www.example.com', 'TLSv1.2', 'resumed'),
    ],
    packets: (lab) => resumption(lab, ['-tls1_2', '-no_cache'], []),
  },
  {
    name: 'tls12-client-certificate',
    shows: 'Mutual TLS: CertificateRequest, and the certificates of both sides in the clear.',
    expected: [expectHandshake('b2b.example.com', 'TLSv1.2', 'clear', { dest_port: 4443 })],
    async packets(lab) {
      const leaf = await lab.issueFor('rsa2048', 'b2b.example.com');
      const person = await lab.issue({
        name: 'client',
        key: 'ec256',
        subject: ['C = DE', 'O = Beispiel Logistik AG', 'CN = Erika Mustermann'],
        extensions: ['extendedKeyUsage = clientAuth', 'subjectAltName = email:erika@example.org'],
      });
      const { root, intermediate } = lab.authority;
      const server = opensslServer(leaf, ['-tls1_2', '-Verify', '3', '-CAfile', root.cert, '-chainCAfile', root.cert]);
      const identity = ['-cert', person.cert, '-key', person.key, '-cert_chain', intermediate.cert];
      const clients = [opensslClient('b2b.example.com', identity)];
      return meetingPackets(lab, { server, clients, serverPort: 4443 });
    },
  },
  {
    name: 'tls12-ocsp-staple',
    shows: 'A stapled OCSP response. The packets have the time of the run, because the response has.',
    expected: [expectHandshake('shop.example.com', 'TLSv1.2', 'clear')],
    async packets(lab) {
      const leaf = await lab.issueFor('ec256', 'shop.example.com');
      const response = await answerOcsp(lab.folder, leaf, lab.authority.intermediate);
      lab.startNs = BigInt(Math.floor(Date.now() / 1000)) * 1_000_000_000n;
      const server = opensslServer(leaf, ['-tls1_2', '-status_file', response]);
      return meetingPackets(lab, { server, clients: [opensslClient('shop.example.com', ['-status'])] });
    },
  },
  {
    name: 'tls12-large-certificate',
    shows: 'A certificate with 900 names: one Certificate message over several records.',
    expected: [expectHandshake('cdn.example.net', 'TLSv1.2', 'clear')],
    async packets(lab) {
      const customers = Array.from({ length: 900 }, (_, i) => `customer-${String(i).padStart(4, '0')}.example.net`);
      const leaf = await lab.issueFor('rsa2048', 'cdn.example.net', ...customers);
      return meetingPackets(lab, {
        server: opensslServer(leaf, ['-tls1_2']),
        clients: [opensslClient('cdn.example.net')],
      });
    },
  },
  {
    name: 'tls13',
    shows: 'TLS 1.3: the certificate is encrypted, and the event must say so.',
    expected: [expectHandshake('www.example.com', 'TLSv1.3', 'encrypted_tls13')],
    async packets(lab) {
      const leaf = await lab.issueFor('ec256', 'www.example.com');
      return meetingPackets(lab, { server: opensslServer(leaf), clients: [opensslClient('www.example.com')] });
    },
  },
  {
    name: 'tls13-hello-retry-request',
    shows: 'The server wants P-384, the client guessed X25519: HelloRetryRequest, second ClientHello.',
    expected: [expectHandshake('retry.example.com', 'TLSv1.3', 'encrypted_tls13')],
    async packets(lab) {
      const leaf = await lab.issueFor('ec256', 'retry.example.com');
      const server = opensslServer(leaf, ['-groups', 'P-384']);
      return meetingPackets(lab, {
        server,
        clients: [opensslClient('retry.example.com', ['-groups', 'X25519:P-384'])],
      });
    },
  },
  {
    name: 'tls13-mlkem',
    shows: 'X25519MLKEM768: a ClientHello of more than one segment.',
    expected: [expectHandshake('pq.example.com', 'TLSv1.3', 'encrypted_tls13')],
    needs: 'ml-kem',
    async packets(lab) {
      const leaf = await lab.issueFor('ec256', 'pq.example.com');
      const node = lab.postQuantumNode!;
      return meetingPackets(lab, {
        server: otherNodeServer(node, leaf),
        clients: [otherNodeClient(node, 'pq.example.com')],
      });
    },
  },
  {
    name: 'tls13-psk-resumption',
    shows: 'Two connections; the second offers a PSK and is resumed.',
    expected: [
      expectHandshake('www.example.com', 'TLSv1.3', 'encrypted_tls13'),
      expectHandshake('www.example.com', 'TLSv1.3', 'resumed'),
    ],
    packets: (lab) => resumption(lab, [], []),
  },
  {
    name: 'alpn-h2',
    shows: 'HTTP/2 of Node over TLS 1.2 (the chosen ALPN is visible) and over TLS 1.3 (it is not).',
    expected: [
      expectHandshake('h2.example.com', 'TLSv1.2', 'clear'),
      expectHandshake('h2.example.com', 'TLSv1.3', 'encrypted_tls13'),
    ],
    async packets(lab) {
      const leaf = await lab.issue({
        name: 'leaf',
        key: 'ec384',
        subject: subjectOf('h2.example.com'),
        extensions: leafExtensions('h2.example.com'),
      });
      const clients = [http2Client('h2.example.com', { maxVersion: 'TLSv1.2' }), http2Client('h2.example.com', {})];
      return meetingPackets(lab, { server: http2Server(leaf), clients });
    },
  },
];

/** A client that keeps its session in a file, and one that resumes it. */
async function resumption(
  lab: Parameters<Capture['packets']>[0],
  serverArgs: readonly string[],
  clientArgs: readonly string[],
): ReturnType<Capture['packets']> {
  const leaf = await lab.issueFor('rsa2048', 'www.example.com');
  const session = join(lab.folder, 'session.pem');
  const clients = [
    opensslClient('www.example.com', [...clientArgs, '-sess_out', session]),
    opensslClient('www.example.com', [...clientArgs, '-sess_in', session]),
  ];
  return meetingPackets(lab, { server: opensslServer(leaf, serverArgs), clients });
}
