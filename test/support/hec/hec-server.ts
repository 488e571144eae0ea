/**
 * A simulator of Splunk's HTTP Event Collector: a real HTTP or HTTPS server on the loopback, as `hec.md` measured the real one.
 *
 *     socket ──> fault? ──> balancer ──> token ──> encoding, size ──> channel ──> envelopes ──> indexer ──> ledger
 *
 * It judges the sender, so it is strict: nothing is taken that Splunk would not take. A fault of the plan strikes before the
 * request is looked at, or instead of its answer.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import { Balancer } from './balancer.ts';
import { EventLedger } from './event-ledger.ts';
import { type Fault, type FaultPlan, type RequestKind, ScriptedFaults } from './fault-plan.ts';
import { codeAnswer, type HecAnswer, htmlAnswer, jsonAnswer } from './hec-answer.ts';
import { HEALTH, Indexer } from './indexer.ts';
import { LOOPBACK, listenOnLoopback } from './listen.ts';
import { type EnvelopeRead, parseObject, readEnvelopes } from './read-envelopes.ts';
import { scanLines } from './scan-lines.ts';

const gunzipAsync = promisify(gunzip);

/** What current Splunk Enterprise takes in one body. */
const DEFAULT_MAX_BODY_BYTES = 800 * 1024 * 1024;
const DEFAULT_MAX_ACKS = 1_000_000;
const CHANNEL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const EVENT_PATHS = new Set(['/services/collector', '/services/collector/event', '/services/collector/event/1.0']);

export interface TokenRule {
  readonly isEnabled?: boolean;
  /** Indexes that the token may write to; every one where absent. */
  readonly indexes?: readonly string[];
  /** Acknowledgements: then a channel is required. */
  readonly usesAck?: boolean;
}

export interface HecServerOptions {
  /** 0 finds a free one; kept over `stop` and `start`. */
  readonly port?: number;
  /** PEM; HTTPS where given. `ca` asks clients for a certificate. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string };
  readonly tokens?: Readonly<Record<string, TokenRule>>;
  readonly indexers?: number;
  readonly isSticky?: boolean;
  readonly maxBodyBytes?: number;
  /** What a body over the cap is told: 413 with HTML, or as Splunk Cloud does, 400 code 6 number 0. */
  readonly sizeMode?: 'enterprise' | 'cloud';
  readonly indexDelayMs?: number;
  readonly maxAcksPerChannel?: number;
  /** `scan` counts lines and their seq without parsing, for benchmarks. */
  readonly reading?: 'parse' | 'scan';
  /** Whether code 7 leaves the objects before the bad one indexed. Not measured on a real server, so a sender must bear both. */
  readonly isIndexFaultPartial?: boolean;
  /** Added to the `Date` of every answer. */
  readonly clockSkewMs?: number;
  readonly faults?: FaultPlan;
  /** Told each body that is taken whole, uncompressed. */
  readonly onTaken?: (body: Buffer) => void;
}

export interface HecCounters {
  readonly requests: Record<RequestKind | 'other', number>;
  /** Answers sent, by `status code`, as in `200 0` or `413 -`. */
  readonly answers: Record<string, number>;
  wireBytes: number;
  bodyBytes: number;
  /** Bodies cut short by an unknown envelope key. */
  cutShort: number;
  connections: number;
}

export class HecServer {
  readonly ledger = new EventLedger();
  readonly indexers: readonly Indexer[];
  readonly balancer: Balancer;
  readonly tokens: Map<string, TokenRule>;
  readonly counters: HecCounters = {
    requests: { event: 0, ack: 0, health: 0, other: 0 },
    answers: {},
    wireBytes: 0,
    bodyBytes: 0,
    cutShort: 0,
    connections: 0,
  };
  /** Asked for each request; replaced by tests. */
  faults: FaultPlan;
  /** Of a body, on the wire and uncompressed; changed by tests while the server runs. */
  maxBodyBytes: number;
  /** What a body over the cap is told. */
  sizeMode: 'enterprise' | 'cloud';
  readonly #options: HecServerOptions;
  readonly #sockets = new Set<Socket>();
  #server: ReturnType<typeof createServer> | null = null;
  #port: number;

  constructor(options: HecServerOptions = {}) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.faults = options.faults ?? new ScriptedFaults();
    this.maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
    this.sizeMode = options.sizeMode ?? 'enterprise';
    this.tokens = new Map(Object.entries(options.tokens ?? { 'test-token': {} }));
    const indexing = {
      indexDelayMs: options.indexDelayMs ?? 0,
      maxAcksPerChannel: options.maxAcksPerChannel ?? DEFAULT_MAX_ACKS,
    };
    this.indexers = Array.from(
      { length: options.indexers ?? 1 },
      (_, i) => new Indexer(`indexer-${i}`, this.ledger, indexing),
    );
    this.balancer = new Balancer(this.indexers, options.isSticky ?? true);
  }

  get port(): number {
    return this.#port;
  }

  /** Without a path: the sender adds it. */
  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://${LOOPBACK}:${this.#port}`;
  }

  async start(): Promise<string> {
    if (this.#server !== null) throw new Error('the HEC simulator runs already');
    const { tls } = this.#options;
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      this.#serve(request, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    };
    const server =
      tls === undefined
        ? createServer({ keepAliveTimeout: 60_000 }, listener)
        : createTlsServer({ ...tls, requestCert: tls.ca !== undefined, keepAliveTimeout: 60_000 }, listener);
    server.on('connection', (socket: Socket) => {
      this.counters.connections += 1;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
    });
    // A client that refuses our certificate breaks off here; that is what some tests are about.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    this.#port = await listenOnLoopback(server, this.#port);
    this.#server = server;
    return this.url;
  }

  /** Connections are refused from now on, and the open ones reset. What was accepted is indexed. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const isClosed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    this.resetConnections();
    await isClosed;
    this.settle();
  }

  resetConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** All that was accepted is searchable now, however short it has waited. */
  settle(): void {
    for (const indexer of this.indexers) indexer.indexDue(Number.POSITIVE_INFINITY);
  }

  /** Forgets all acknowledgements, and what was not yet written where asked to. */
  restartIndexers(losesUnwritten = false): void {
    for (const indexer of this.indexers) indexer.restart(losesUnwritten);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0]!;
    const kind = kindOf(request.method ?? 'GET', path);
    this.counters.requests[kind] += 1;
    const body = await readBody(request, this.maxBodyBytes);
    if (body !== null) this.counters.wireBytes += body.length;
    const fault = kind === 'other' ? null : this.faults.next(kind);
    if (fault?.kind === 'restart') this.restartIndexers(fault.losesUnwritten);
    if (fault?.kind === 'flip-cookies') this.balancer.flip();
    if (fault !== null && (await strikeInstead(fault, request, response))) return;
    const instead = fault === null ? null : answerInstead(fault);
    if (instead !== null) {
      this.#answer(response, instead);
      return;
    }
    const { indexer, setCookie } = this.balancer.route(request.headers.cookie);
    const answer = await this.#handle(kind, request, body, indexer, fault);
    if (fault?.kind === 'reset') request.socket.resetAndDestroy();
    else if (fault?.kind === 'half-close') request.socket.end();
    else if (fault?.kind === 'cut-answer') cutAnswer(request.socket, answer);
    else if (fault?.kind !== 'time-out') {
      if (setCookie !== null) response.setHeader('set-cookie', setCookie);
      this.#answer(response, answer);
    }
  }

  async #handle(
    kind: RequestKind | 'other',
    request: IncomingMessage,
    body: Buffer | null,
    indexer: Indexer,
    fault: Fault | null,
  ): Promise<HecAnswer> {
    switch (kind) {
      case 'health':
        return codeAnswer(HEALTH[indexer.health]);
      case 'ack':
        return this.#handleAck(request, body, indexer);
      case 'event':
        return this.#handleEvents(request, body, indexer, fault);
      case 'other':
        return htmlAnswer(404, 'Not Found');
      default:
        return kind satisfies never;
    }
  }

  /** The token's rule, or the answer that refuses it. */
  #authorize(request: IncomingMessage): TokenRule | HecAnswer {
    const header = request.headers.authorization;
    if (header === undefined) return codeAnswer(/[?&]token=/.test(request.url ?? '') ? 16 : 2);
    const match = /^Splunk (\S+)$/.exec(header);
    if (match === null) return codeAnswer(3);
    const rule = this.tokens.get(match[1]!);
    if (rule === undefined) return codeAnswer(4);
    return rule.isEnabled === false ? codeAnswer(1) : rule;
  }

  async #handleEvents(
    request: IncomingMessage,
    body: Buffer | null,
    indexer: Indexer,
    fault: Fault | null,
  ): Promise<HecAnswer> {
    const rule = this.#authorize(request);
    if ('status' in rule) return rule;
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'gzip' && encoding !== 'identity') return htmlAnswer(415, 'Unsupported Media Type');
    if (body === null) return this.#tooLarge();
    const channel = channelOf(request);
    if (channel !== null && !CHANNEL.test(channel)) return codeAnswer(11);
    if (channel === null && rule.usesAck === true) return codeAnswer(10);
    if (indexer.health === 'shuttingDown') return codeAnswer(23);
    if (indexer.health === 'queuesFull' || indexer.health === 'bothBad') return codeAnswer(9);

    const text = await this.#decode(encoding, body);
    if (text === 'too_large') return this.#tooLarge();
    if (text === null) return codeAnswer(6, { number: 0 });
    this.counters.bodyBytes += text.length;
    const ackChannel = rule.usesAck === true ? channel : null;
    if (ackChannel !== null && !indexer.hasAckRoom(ackChannel)) return codeAnswer(27);
    const read = this.#read(text, rule);
    if (read.fault === null) this.#options.onTaken?.(text);
    return this.#index(read, rule, ackChannel, indexer, fault);
  }

  async #decode(encoding: 'gzip' | 'identity', body: Buffer): Promise<Buffer | 'too_large' | null> {
    const cap = this.maxBodyBytes;
    if (encoding === 'identity') return body;
    try {
      return await gunzipAsync(body, { maxOutputLength: cap });
    } catch (error) {
      return error instanceof RangeError ? 'too_large' : null;
    }
  }

  #tooLarge(): HecAnswer {
    return this.sizeMode === 'cloud' ? codeAnswer(6, { number: 0 }) : htmlAnswer(413, 'Request Entity Too Large');
  }

  #read(text: Buffer, rule: TokenRule): EnvelopeRead {
    if (this.#options.reading === 'scan') {
      const events = scanLines(text);
      return { events, fault: events.length === 0 ? { code: 5, number: 0 } : null, isCutShort: false };
    }
    return readEnvelopes(text, rule.indexes === undefined ? null : new Set(rule.indexes));
  }

  #index(
    read: EnvelopeRead,
    rule: TokenRule,
    ackChannel: string | null,
    indexer: Indexer,
    fault: Fault | null,
  ): HecAnswer {
    if (read.isCutShort) this.counters.cutShort += 1;
    const nowMs = Date.now();
    if (fault?.kind === 'busy-after') {
      const number = Math.floor(read.events.length * fault.share);
      indexer.index(read.events.slice(0, number));
      return codeAnswer(9, { number });
    }
    if (read.fault !== null) {
      const { code, number } = read.fault;
      if (code === 5) return codeAnswer(5);
      // Taken, and without an ackId: a sender knows of these only by the number.
      if (code !== 7 || this.#options.isIndexFaultPartial !== false) indexer.index(read.events);
      return codeAnswer(code, { number });
    }
    const ackId = indexer.accept(rule.usesAck === true ? ackChannel : null, read.events, nowMs);
    const code = fault?.kind === 'warning' ? fault.code : 0;
    return codeAnswer(code, ackId === null ? {} : { ackId });
  }

  #handleAck(request: IncomingMessage, body: Buffer | null, indexer: Indexer): HecAnswer {
    const rule = this.#authorize(request);
    if ('status' in rule) return rule;
    if (rule.usesAck !== true) return codeAnswer(14);
    const channel = channelOf(request);
    if (channel === null) return codeAnswer(10);
    if (!CHANNEL.test(channel)) return codeAnswer(11);
    if (indexer.health === 'ackUnavailable' || indexer.health === 'bothBad') return codeAnswer(HEALTH[indexer.health]);
    const ids = readAckIds(body);
    return ids === null ? codeAnswer(6) : jsonAnswer(200, { acks: indexer.poll(channel, ids, Date.now()) });
  }

  #answer(response: ServerResponse, answer: HecAnswer): void {
    const code = /"code":(\d+)/.exec(answer.body)?.[1] ?? '-';
    const name = `${answer.status} ${code}`;
    this.counters.answers[name] = (this.counters.answers[name] ?? 0) + 1;
    const { clockSkewMs } = this.#options;
    if (clockSkewMs !== undefined) response.setHeader('date', new Date(Date.now() + clockSkewMs).toUTCString());
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  }
}

function kindOf(method: string, path: string): RequestKind | 'other' {
  if (method === 'POST' && EVENT_PATHS.has(path)) return 'event';
  if (method === 'POST' && path === '/services/collector/ack') return 'ack';
  if (method === 'GET' && path.startsWith('/services/collector/health')) return 'health';
  return 'other';
}

function channelOf(request: IncomingMessage): string | null {
  const header = request.headers['x-splunk-request-channel'];
  if (typeof header === 'string') return header;
  return /[?&]channel=([^&]*)/.exec(request.url ?? '')?.[1] ?? null;
}

function readAckIds(body: Buffer | null): number[] | null {
  const { acks } = parseObject(body?.toString() ?? '') ?? {};
  if (!Array.isArray(acks)) return null;
  const ids = acks.filter((id): id is number => Number.isSafeInteger(id));
  return ids.length === acks.length ? ids : null;
}

/** Null when it is larger than the cap; the rest is read and thrown away, so that the client gets its answer. */
async function readBody(request: IncomingMessage, cap: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > cap) chunks.length = 0;
    else chunks.push(chunk);
  }
  return length > cap ? null : Buffer.concat(chunks, length);
}

/** Faults that strike before the request is handled, and leave nothing to do. */
async function strikeInstead(fault: Fault, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  if (fault.kind === 'slow') {
    await new Promise((resolve) => setTimeout(resolve, fault.ms));
    return response.destroyed;
  }
  if (!('isTaken' in fault) || fault.isTaken) return false;
  if (fault.kind === 'reset') request.socket.resetAndDestroy();
  if (fault.kind === 'half-close') request.socket.end();
  return true;
}

function answerInstead(fault: Fault): HecAnswer | null {
  if (fault.kind !== 'code' && fault.kind !== 'status') return null;
  const headers = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
  return fault.kind === 'code'
    ? codeAnswer(fault.code, { headers })
    : htmlAnswer(fault.status, `Status ${fault.status}`, headers);
}

function cutAnswer(socket: Socket, answer: HecAnswer): void {
  const head = `HTTP/1.1 ${answer.status} Cut\r\ncontent-type: application/json\r\ncontent-length: ${answer.body.length}\r\n\r\n`;
  socket.end(head + answer.body.slice(0, answer.body.length >> 1));
}
