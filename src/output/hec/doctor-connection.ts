/**
 * The doctor's way to the server, step by step, so that each step can fail under its own name:
 *
 *     name ──> TCP, to the server or to the proxy ──> CONNECT, where there is a proxy ──> TLS ──> one HTTP request
 *
 * Each request has a connection of its own: a load balancer that chooses by connection is seen that way. The first handshake does not
 * enforce the certificate, so that a name mismatch and an unknown CA are two findings; nothing is sent on that connection. Requests
 * enforce it, unless nobody wants that.
 */
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';

import { escapeUnsafe } from '../../bytes/text.ts';
import type { FindingId } from './diagnosis.ts';
import type { HecTls } from './hec-config.ts';

/** A step that takes longer than this is a finding. Short, because a person waits. */
const STEP_MS = 1_800;
/** Of an answer: HEC says little, and a page of Splunk Web has its title at the top. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** A step failed, and those behind it can't be tried. */
export class DoctorFault extends Error {
  readonly code: FindingId;

  constructor(code: FindingId, message: string) {
    super(message);
    this.name = 'DoctorFault';
    this.code = code;
  }
}

export interface DoctorTarget {
  readonly isTls: boolean;
  /** As in a URL without its brackets. */
  readonly host: string;
  readonly port: number;
  /** Before `/services/collector`; without a slash at the end. */
  readonly basePath: string;
  readonly proxy: URL | null;
  readonly tls: HecTls;
  readonly deadlineMs: number;
}

export interface DoctorRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface DoctorAnswer {
  readonly http: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The connection to the server, after the proxy and before TLS. */
async function openTcp(target: DoctorTarget): Promise<Socket> {
  const { proxy } = target;
  if (proxy === null) return connectTo(target, target.host, target.port, null);
  const port = Number(proxy.port === '' ? 80 : proxy.port);
  const socket = await connectTo(target, hostOf(proxy), port, proxy);
  await tunnel(target, proxy, socket);
  return socket;
}

async function connectTo(target: DoctorTarget, host: string, port: number, proxy: URL | null): Promise<Socket> {
  const named = proxy === null ? host : `the proxy ${host}`;
  if (isIP(host) === 0)
    await within(target, lookup(host, { all: true })).catch((error: unknown) => {
      const words = error instanceof StepTimeout ? 'no name server answers' : codeOf(error);
      throw new DoctorFault(
        proxy === null ? 'unknown_host' : 'proxy_unreachable',
        `The name ${named} is not found: ${words}.`,
      );
    });
  const socket = connectTcp({ host, port });
  const isConnected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  try {
    await within(target, isConnected);
  } catch (error) {
    socket.destroy();
    throw tcpFault(error, `${named} port ${port}`, proxy !== null);
  }
  socket.removeAllListeners('error');
  // Whoever uses the connection hears of its end; an error between two users must not end the process.
  socket.on('error', () => socket.destroy());
  return socket;
}

function tcpFault(error: unknown, where: string, isProxy: boolean): DoctorFault {
  const code = error instanceof StepTimeout ? 'ETIMEDOUT' : codeOf(error);
  if (code === 'ECONNREFUSED')
    return new DoctorFault(
      isProxy ? 'proxy_unreachable' : 'refused',
      `Nothing listens at ${where}: the connection was refused.`,
    );
  if (code === 'ECONNRESET' && !isProxy)
    return new DoctorFault('connection_lost', `${where} resets the connection at once.`);
  if (code === 'ETIMEDOUT')
    return new DoctorFault(
      isProxy ? 'proxy_unreachable' : 'connect_timeout',
      `No connection to ${where} came about in time.`,
    );
  return new DoctorFault(isProxy ? 'proxy_unreachable' : 'unreachable', `${where} can't be reached: ${code}.`);
}

/** `CONNECT host:port`, and what the proxy says to it. */
async function tunnel(target: DoctorTarget, proxy: URL, socket: Socket): Promise<void> {
  const authority = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const headers: Record<string, string> = { host: authority };
  if (credentials !== ':') headers['proxy-authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
  const answered = new Promise<number>((resolve, reject) => {
    const ask = request({ method: 'CONNECT', path: authority, headers, createConnection: () => socket });
    ask.once('connect', (answer) => resolve(answer.statusCode ?? 0));
    ask.once('response', (answer) => resolve(answer.statusCode ?? 0));
    ask.once('error', reject);
    ask.end();
  });
  const status = await within(target, answered).catch((error: unknown) => {
    socket.destroy();
    const words = error instanceof StepTimeout ? 'it does not answer' : codeOf(error);
    throw new DoctorFault('proxy_unreachable', `The proxy ${proxy.host} is none: ${words}.`);
  });
  if (status >= 200 && status < 300) return;
  socket.destroy();
  if (status === 407) throw new DoctorFault('proxy_auth', `The proxy ${proxy.host} wants user and password (407).`);
  throw new DoctorFault('proxy_refused', `The proxy ${proxy.host} does not connect us to ${authority} (${status}).`);
}

/** `judged_later`: the certificate is the caller's to look at, before anything is sent. */
export async function openTls(target: DoctorTarget, trust: 'enforced' | 'judged_later'): Promise<TLSSocket> {
  const tcp = await openTcp(target);
  const socket = connectTls({ ...tlsOptions(target), socket: tcp, rejectUnauthorized: trust === 'enforced' });
  const isSecure = new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  });
  try {
    await within(target, isSecure);
  } catch (error) {
    socket.destroy();
    throw tlsFault(error);
  }
  socket.removeAllListeners('error');
  socket.removeAllListeners('close');
  socket.on('error', () => socket.destroy());
  return socket;
}

function tlsOptions({ host, tls }: DoctorTarget): ConnectionOptions {
  const name = tls.serverName ?? host;
  try {
    return {
      // Not where to: the connection is there. It is the name to check.
      host: name,
      ...(isIP(name) === 0 ? { servername: name } : {}),
      ...(tls.caFile === undefined ? {} : { ca: readFileSync(tls.caFile) }),
      ...(tls.certFile === undefined ? {} : { cert: readFileSync(tls.certFile) }),
      ...(tls.keyFile === undefined ? {} : { key: readFileSync(tls.keyFile) }),
      ...(tls.keyPassphrase === undefined ? {} : { passphrase: tls.keyPassphrase }),
      ...(tls.minVersion === undefined ? {} : { minVersion: tls.minVersion }),
    };
  } catch (error) {
    throw new DoctorFault('tls_failed', `A file of the TLS settings can't be read: ${codeOf(error)}.`);
  }
}

function tlsFault(error: unknown): DoctorFault {
  if (error instanceof StepTimeout)
    return new DoctorFault('tls_timeout', 'The server does not answer the TLS handshake.');
  const code = codeOf(error);
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/.test(code))
    return new DoctorFault('https_for_http', 'The URL says https, but this port does not speak TLS.');
  if (/CERTIFICATE_REQUIRED/.test(code))
    return new DoctorFault('client_certificate_required', 'The server wants a certificate from us.');
  return new DoctorFault('tls_failed', `The TLS handshake fails: ${code}.`);
}

/** One request on a connection of its own. Rejects with a `DoctorFault`. */
export async function ask(target: DoctorTarget, what: DoctorRequest): Promise<DoctorAnswer> {
  const socket: Duplex = target.isTls
    ? await openTls(target, target.tls.isInsecure === true ? 'judged_later' : 'enforced')
    : await openTcp(target);
  try {
    return await within(target, exchange(target, socket, what));
  } catch (error) {
    throw answerFault(error);
  } finally {
    socket.destroy();
  }
}

function exchange(target: DoctorTarget, socket: Duplex, what: DoctorRequest): Promise<DoctorAnswer> {
  return new Promise((resolve, reject) => {
    const host = target.host.includes(':') ? `[${target.host}]` : target.host;
    const asked = request({
      method: what.method,
      path: target.basePath + what.path,
      headers: {
        host: `${host}:${target.port}`,
        connection: 'close',
        'content-length': String(what.body === undefined ? 0 : Buffer.byteLength(what.body)),
        ...what.headers,
      },
      createConnection: () => socket,
    });
    asked.once('error', reject);
    asked.once('response', (answer) => {
      const chunks: Buffer[] = [];
      let length = 0;
      const finish = (): void =>
        resolve({
          http: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(chunks).toString('utf8', 0, MAX_ANSWER_BYTES),
        });
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length >= MAX_ANSWER_BYTES) finish();
      });
      answer.once('end', finish);
      // An answer cut short has a status all the same, which says more than the cut.
      answer.once('error', finish);
    });
    asked.end(what.body);
  });
}

function answerFault(error: unknown): DoctorFault {
  if (error instanceof DoctorFault) return error;
  if (error instanceof StepTimeout)
    return new DoctorFault('answer_timeout', 'The server does not answer a request in time.');
  const code = codeOf(error);
  if (code.startsWith('HPE_')) return new DoctorFault('not_http', 'What the server answers is not HTTP.');
  if (/CERTIFICATE_REQUIRED/.test(code))
    return new DoctorFault('client_certificate_required', 'The server wants a certificate from us.');
  return new DoctorFault('connection_lost', `The server ends the connection without an answer: ${code}.`);
}

class StepTimeout extends Error {}

/** The step's own limit, or what is left of the whole. */
async function within<T>(target: DoctorTarget, step: Promise<T>): Promise<T> {
  const leftMs = Math.min(STEP_MS, target.deadlineMs - performance.now());
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StepTimeout('time is up')), Math.max(1, leftMs));
  });
  try {
    return await Promise.race([step, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** `host` of a URL without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** The name of a system's or OpenSSL's error; never more than that, since messages may quote what we sent. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return escapeUnsafe(error.code);
  return error instanceof Error ? escapeUnsafe(error.message) : 'unknown error';
}
