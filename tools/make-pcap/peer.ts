/**
 * The two ends of a handshake: something that listens on 127.0.0.1, and something that connects to it. Both are a program
 * of their own or a few lines of Node; the recorder does not care.
 *
 * Every program started here is waited for or killed, and none outlives its peer.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:net';

export const LOOPBACK = '127.0.0.1';

export interface ServerPeer {
  readonly port: number;
  stop(): Promise<void>;
}

export type StartServer = () => Promise<ServerPeer>;
/** Connects to a port of the loopback address, does its handshake, and is done when the promise is. */
export type RunClient = (port: number) => Promise<void>;

export interface ClientProgramOptions {
  /** Written to its standard input, which stays open. */
  readonly input?: string;
  /** Ends it after this time; a handshake that hangs must not hang the tool. */
  readonly killAfterMs?: number;
}

/** Longest wait for a local program to listen, or to finish a handshake. */
const PATIENCE_MS = 15_000;

/** OpenSSL's own defaults, whatever the machine's configuration says. */
const ENVIRONMENT = { ...process.env, OPENSSL_CONF: '/dev/null' };

/** Starts a server program and reads its port from what it prints: the first group of `announcement`. */
export async function startServerProgram(
  command: string,
  args: readonly string[],
  announcement: RegExp,
): Promise<ServerPeer> {
  const child = spawn(command, args, { env: ENVIRONMENT, stdio: ['pipe', 'pipe', 'pipe'] });
  const stop = () => stopChild(child);
  let said = '';
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${command} does not listen: ${said}`)), PATIENCE_MS);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      act();
    };
    const read = (chunk: Buffer) => {
      said += chunk.toString();
      const found = announcement.exec(said);
      if (found) settle(() => resolve(Number(found[1])));
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', (error) => settle(() => reject(error)));
    child.once('exit', () => settle(() => reject(new Error(`${command} ended: ${said}`))));
  }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { port, stop };
}

/** Runs a client program to its end. Its exit code does not matter: a refused handshake is what some captures show. */
export async function runClientProgram(
  command: string,
  args: readonly string[],
  options: ClientProgramOptions = {},
): Promise<void> {
  const child = spawn(command, args, { env: ENVIRONMENT, stdio: ['pipe', 'ignore', 'ignore'] });
  // A client that has gone closes its input; that is not this program's failure.
  child.stdin.on('error', () => undefined);
  child.stdin.write(options.input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), options.killAfterMs ?? PATIENCE_MS);
  try {
    await once(child, 'exit');
  } finally {
    clearTimeout(timer);
    await stopChild(child);
  }
}

/** A server inside this process, listening on a port that the system chooses. */
export async function listen(server: Server): Promise<ServerPeer> {
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a listening TCP server has a port');
  return {
    port: address.port,
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
