/**
 * One end of a handshake as a program, for a Node that is not this one:
 *
 *     node node-peer-program.js server <certificate> <key>     prints LISTENING and its port, and runs until it is killed
 *     node node-peer-program.js client <port> <server name>
 */

import { runNodeClient, startNodeServer } from './node-peer.ts';

const [role, first = '', second = ''] = process.argv.slice(2);
if (role === 'server') {
  const { port } = await startNodeServer({ cert: first, key: second, index: '' }, {});
  process.stdout.write(`LISTENING ${port}\n`);
} else {
  await runNodeClient(Number(first), { servername: second });
}
