/** Starts a server on the loopback, and tells its port. */
import type { Server } from 'node:net';

export const LOOPBACK = '127.0.0.1';

/** Port 0 finds a free one. */
export async function listenOnLoopback(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('a server that listens on a port has an address');
  return address.port;
}
