/**
 * A TCP proxy on the loopback address that writes down what passes it: who sent which bytes, when, and how the connection
 * ended. What it wrote down is then told again as packets.
 *
 *     client ──> recorder ──> server          recording ──> TcpConversation ──> packets
 *
 * Chunks keep the boundaries and the distances in time that they had here. Between the two ends lies a network with a round
 * trip, though, and on the loopback there is none: it is added wherever the server answers the client.
 */

import { once } from 'node:events';
import net from 'node:net';
import { LOOPBACK, listen, type RunClient, type StartServer } from './peer.ts';
import { type ConversationOptions, otherSide, type Side, TcpConversation } from './tcp-conversation.ts';

interface RecordedEvent {
  readonly side: Side;
  readonly kind: 'data' | 'end' | 'reset';
  /** Nanoseconds since the recorder began. */
  readonly atNs: bigint;
  readonly bytes: Uint8Array;
}

/** One connection, in order of time. */
export interface RecordedConnection {
  readonly openedNs: bigint;
  readonly events: RecordedEvent[];
}

/** A handshake that hangs is cut off here. */
const CLOSE_TIMEOUT_MS = 10_000;

/** Lets the clients meet the server, one after the other, and returns what was said on each connection. */
export async function recordMeeting(
  startServer: StartServer,
  clients: readonly RunClient[],
): Promise<RecordedConnection[]> {
  const server = await startServer();
  const connections: RecordedConnection[] = [];
  const closed: Promise<unknown>[] = [];
  const beganNs = process.hrtime.bigint();
  const proxy = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
    const connection: RecordedConnection = { openedNs: process.hrtime.bigint() - beganNs, events: [] };
    const upstream = net.connect({ host: LOOPBACK, port: server.port, allowHalfOpen: true, noDelay: true });
    connections.push(connection);
    relay('client', client, upstream, connection, beganNs);
    relay('server', upstream, client, connection, beganNs);
    closed.push(bothClosed(client, upstream));
    client.resume();
  });
  const front = await listen(proxy);
  try {
    for (const client of clients) await client(front.port);
    await Promise.all(closed);
  } finally {
    await front.stop();
    await server.stop();
  }
  return connections;
}

function relay(side: Side, from: net.Socket, to: net.Socket, connection: RecordedConnection, beganNs: bigint): void {
  const write = (kind: RecordedEvent['kind'], bytes: Uint8Array) =>
    connection.events.push({ side, kind, atNs: process.hrtime.bigint() - beganNs, bytes });
  from.on('data', (chunk) => {
    write('data', Uint8Array.from(chunk));
    to.write(chunk);
  });
  from.on('end', () => {
    write('end', new Uint8Array(0));
    to.end();
  });
  from.on('error', () => {
    // Writing to an end that has gone fails here too; only the first reset of a connection was sent by anybody.
    if (!connection.events.some((event) => event.kind === 'reset')) write('reset', new Uint8Array(0));
    to.resetAndDestroy();
  });
}

async function bothClosed(a: net.Socket, b: net.Socket): Promise<void> {
  const timer = setTimeout(() => {
    a.destroy();
    b.destroy();
  }, CLOSE_TIMEOUT_MS);
  await Promise.all([closing(a), closing(b)]);
  clearTimeout(timer);
}

async function closing(socket: net.Socket): Promise<void> {
  // A reset is recorded where it is seen; here it only means that the socket is gone.
  if (!socket.closed) await once(socket, 'close').catch(() => undefined);
}

/** The recording as a TCP connection between other addresses; `startNs` is when its meeting began. */
export function retell(connection: RecordedConnection, options: ConversationOptions): TcpConversation {
  const rttNs = options.rttNs ?? 8_000_000n;
  const startNs = (options.startNs ?? 0n) + connection.openedNs;
  const talk = new TcpConversation({ ...options, startNs, rttNs });
  talk.open();
  // What the opening took and the network adds; the recording knows neither.
  let delayNs = talk.nowNs - startNs;
  let speaker: Side = 'client';
  const ended = { client: false, server: false };
  for (const event of connection.events) {
    if (speaker === 'client' && event.side === 'server') delayNs += rttNs;
    speaker = event.side;
    talk.at((options.startNs ?? 0n) + event.atNs + delayNs);
    if (event.kind === 'data') talk.send(event.side, event.bytes);
    else if (event.kind === 'end') {
      talk.halfClose(event.side);
      ended[event.side] = true;
    } else if (!(ended[event.side] && ended[otherSide(event.side)])) {
      talk.reset(event.side);
      break;
    }
  }
  return talk;
}
