/**
 * Clients of web servers, for the clients' end of a mirror port: several at a time, each a connection with one small request.
 *
 *     node tls-client-program.mjs '{"hosts":["192.0.2.1"],"names":["www.example.com"],"connections":100,"atATime":8}'
 *
 * One in three speaks TLS 1.3, every fifth of the others resumes a session that it has opened before, one in ten says no name. Writes how many
 * connections were made, those for a session included, and how many resumed, as JSON.
 */
import { once } from 'node:events';
import { type ConnectionOptions, connect } from 'node:tls';
import { z } from 'zod';

const PORT = 443;

const plan = z
  .object({ hosts: z.array(z.string()), names: z.array(z.string()), connections: z.number(), atATime: z.number() })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

let next = 0;
let made = 0;
let resumed = 0;

async function client(): Promise<void> {
  for (let n = next++; n < plan.connections; n = next++) {
    const host = plan.hosts[n % plan.hosts.length]!;
    const servername = n % 10 === 9 ? '' : plan.names[n % plan.names.length]!;
    const version = n % 3 === 0 ? 'TLSv1.3' : 'TLSv1.2';
    const session = await ask({ host, servername, minVersion: version, maxVersion: version });
    if (version === 'TLSv1.2' && n % 5 === 0 && session !== undefined)
      await ask({ host, servername, minVersion: version, maxVersion: version, session });
  }
}

/** Gives the session, which can be resumed. */
async function ask(options: ConnectionOptions): Promise<Buffer | undefined> {
  const socket = connect({ port: PORT, rejectUnauthorized: false, ...options });
  let session: Buffer | undefined;
  socket.on('session', (given: Buffer) => {
    session = given;
  });
  await once(socket, 'secureConnect');
  made += 1;
  if (socket.isSessionReused()) resumed += 1;
  socket.end('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  socket.resume();
  await once(socket, 'close');
  return session;
}

await Promise.all(Array.from({ length: plan.atATime }, client));
console.log(JSON.stringify({ made, resumed }));
