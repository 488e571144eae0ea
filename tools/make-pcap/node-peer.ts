/**
 * TLS and HTTP/2 ends made of Node itself, in this process, and TLS ends in another Node: the OpenSSL inside Node 24 speaks
 * the hybrid key exchange X25519MLKEM768, and few machines have one that does.
 */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http2 from 'node:http2';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Issued } from './openssl.ts';
import {
  LOOPBACK,
  listen,
  type RunClient,
  runClientProgram,
  type ServerPeer,
  type StartServer,
  startServerProgram,
} from './peer.ts';

/** This module's neighbour, compiled or not: Node 24 reads TypeScript. */
const PROGRAM = fileURLToPath(new URL(`node-peer-program${import.meta.url.slice(-3)}`, import.meta.url));

/** A TLS server that answers whatever it is sent with a short HTTP response, and hangs up. */
export async function startNodeServer(identity: Issued, options: tls.TlsOptions): Promise<ServerPeer> {
  const [cert, key] = await Promise.all([readFile(identity.cert), readFile(identity.key)]);
  const server = tls.createServer({ ...options, cert, key }, (socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n'));
    // A client that breaks off is part of some captures.
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  return listen(server);
}

/** A TLS client that sends a GET and reads to the end. */
export async function runNodeClient(port: number, options: tls.ConnectionOptions): Promise<void> {
  const socket = tls.connect({ host: LOOPBACK, port, rejectUnauthorized: false, ...options });
  socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nConnection: close\r\n\r\n'));
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'close');
}

/** An HTTP/2 server. */
export function http2Server(identity: Issued): StartServer {
  return async () => {
    const [cert, key] = await Promise.all([readFile(identity.cert), readFile(identity.key)]);
    const server = http2.createSecureServer({ cert, key, allowHTTP1: true });
    server.on('request', (_request, response) => response.end('ok\n'));
    return listen(server);
  };
}

/** An HTTP/2 client that makes one request. */
export function http2Client(serverName: string, options: tls.ConnectionOptions): RunClient {
  return async (port) => {
    const session = http2.connect(`https://${LOOPBACK}:${port}`, {
      servername: serverName,
      rejectUnauthorized: false,
      ...options,
    });
    const request = session.request({ ':path': '/' });
    request.resume();
    await once(request, 'end');
    session.close();
    await once(session, 'close');
  };
}

/** A Node whose TLS offers X25519MLKEM768: this one, or the one that npm has or fetches. Null where there is none. */
export async function findPostQuantumNode(): Promise<string | null> {
  if (hasMlKem(process.versions.openssl)) return process.execPath;
  const question = 'process.versions.openssl + " " + process.execPath';
  try {
    const { stdout } = await promisify(execFile)('npx', ['--yes', 'node@24', '-p', question], { timeout: 120_000 });
    const [, version = '', path = ''] = /^(\S+) (.+)$/m.exec(stdout) ?? [];
    return hasMlKem(version) ? path : null;
  } catch {
    // No npm, or no way to a registry: the tool says so and goes on without.
    return null;
  }
}

/** A server in another Node. */
export function otherNodeServer(node: string, identity: Issued): StartServer {
  return () => startServerProgram(node, [PROGRAM, 'server', identity.cert, identity.key], /LISTENING (\d+)/);
}

/** A client in another Node. */
export function otherNodeClient(node: string, serverName: string): RunClient {
  return (port) => runClientProgram(node, [PROGRAM, 'client', String(port), serverName]);
}

/** ML-KEM came with OpenSSL 3.5. */
function hasMlKem(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number.parseFloat);
  return major > 3 || (major === 3 && minor >= 5);
}
