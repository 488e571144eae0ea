/** Captures of handshakes that do not come about, and of what is no handshake. */

import http from 'node:http';
import net from 'node:net';
import { type Capture, expectHandshake, meetingPackets } from './capture.ts';
import { opensslClient, opensslServer } from './openssl.ts';
import { LOOPBACK, listen } from './peer.ts';

/** Long enough for a ClientHello to be sent and recorded on a slow machine. */
const HELLO_ONLY_MS = 400;

export const REFUSAL_CAPTURES: readonly Capture[] = [
  {
    name: 'alert-handshake-failure',
    shows: 'The two share no cipher suite: the server answers with a fatal alert.',
    expected: [expectHandshake('strict.example.com', null, 'none')],
    async packets(lab) {
      const leaf = await lab.issueFor('ec256', 'strict.example.com');
      const server = opensslServer(leaf, ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384']);
      const clients = [opensslClient('strict.example.com', ['-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'])];
      return meetingPackets(lab, { server, clients });
    },
  },
  {
    name: 'alert-unknown-ca',
    shows: 'The client does not trust the issuer and says so: unknown_ca after the certificate.',
    expected: [expectHandshake('internal.example.com', 'TLSv1.2', 'clear')],
    async packets(lab) {
      const leaf = await lab.issueFor('ec256', 'internal.example.com');
      const clients = [
        opensslClient('internal.example.com', ['-verify_return_error', '-no-CAfile', '-no-CApath', '-no-CAstore']),
      ];
      return meetingPackets(lab, { server: opensslServer(leaf, ['-tls1_2']), clients });
    },
  },
  {
    name: 'blocked-reset',
    shows: 'A reset answers the ClientHello, as a filter in the way does.',
    expected: [expectHandshake('blocked.example.com', null, 'none')],
    packets: (lab) =>
      meetingPackets(lab, {
        server: () => listen(net.createServer((socket) => socket.once('data', () => socket.resetAndDestroy()))),
        clients: [opensslClient('blocked.example.com')],
      }),
  },
  {
    name: 'sni-only',
    shows: 'The client leaves before the server has answered.',
    expected: [expectHandshake('slow.example.com', null, 'none')],
    packets: (lab) =>
      meetingPackets(lab, {
        server: () => listen(net.createServer((socket) => socket.resume())),
        clients: [opensslClient('slow.example.com', [], { killAfterMs: HELLO_ONLY_MS })],
      }),
  },
  {
    name: 'not-tls',
    shows: 'Plain HTTP on port 443: no event.',
    expected: [],
    packets: (lab) => meetingPackets(lab, { server: startHttpServer, clients: [getPage] }),
  },
];

function startHttpServer() {
  return listen(http.createServer((_request, response) => response.end('<title>It works</title>\n')));
}

function getPage(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      { host: LOOPBACK, port, headers: { Host: 'www.example.com' }, agent: false },
      (response) => {
        response.resume();
        response.once('close', () => resolve());
      },
    );
    request.once('error', reject);
  });
}
