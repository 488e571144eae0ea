/**
 * One HEC endpoint as a place to send requests to: connections, TLS, proxy, deadlines. It knows nothing of what is sent.
 *
 * Bodies of answers are read to their end, up to a cap, so that a connection can be used again. Every answer, and the want of one, is
 * a verdict; nothing here throws after the constructor. Whatever text comes back has the secrets taken out.
 */
import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { HecConfig, HecEndpointConfig } from './hec-config.ts';
import { HecError } from './hec-error.ts';
import type { Redactor } from './redactor.ts';
import { parseAcks, parseResponse, type Verdict } from './response.ts';
import { steadyMs } from './steady-clock.ts';
import { TlsFiles } from './tls-files.ts';
import { verdictOfError } from './transport-fault.ts';

/** An answer to a question after 5 000 acknowledgements is 80 KB; pages of proxies are smaller. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** Questions after acknowledgements and health must not wait behind events. */
const SPARE_CONNECTIONS = 2;
/** What users copy from Splunk's documentation. */
const COLLECTOR_SUFFIX = /\/services\/collector(?:\/(?:event|raw|ack|health)(?:\/1\.0)?)?\/*$/;

export interface HecRequest {
  readonly what: 'event' | 'ack' | 'health';
  readonly token: string;
  readonly channel: string | null;
  /** Empty for none. */
  readonly cookie: string;
  readonly body: Uint8Array | string;
  readonly isGzip: boolean;
}

export interface HecAnswer {
  readonly verdict: Verdict;
  /** To a question after acknowledgements. */
  readonly acks: ReadonlyMap<number, boolean> | null;
  readonly setCookies: readonly string[];
  /** By the steady clock. */
  readonly startedMs: number;
  readonly elapsedMs: number;
}

interface ProxyAddress {
  readonly uri: string;
  readonly token?: string;
}

const PATHS = {
  event: '/services/collector/event',
  ack: '/services/collector/ack',
  health: '/services/collector/health',
} as const;

export class HecEndpoint {
  /** The URL without a user's name and password. */
  readonly name: string;
  readonly #origin: string;
  readonly #prefix: string;
  readonly tls: TlsFiles;
  readonly #makeDispatcher: () => Dispatcher;
  #dispatcher: Dispatcher;
  /** Those of before, until their last request has ended. */
  readonly #retired = new Set<Dispatcher>();
  readonly #userAgent: string;
  readonly #timeoutMs: number;
  readonly #redactor: Redactor;

  /** Throws `HecError` where URL, proxy or a file of TLS can't be used. */
  constructor(endpoint: HecEndpointConfig, config: HecConfig, redactor: Redactor) {
    const url = parseUrl(endpoint.url, 'bad_endpoint', redactor);
    this.#origin = url.origin;
    this.#prefix = url.pathname.replace(COLLECTOR_SUFFIX, '').replace(/\/+$/, '');
    this.name = this.#origin + this.#prefix;
    this.#userAgent = config.userAgent;
    this.#timeoutMs = config.requestTimeoutMs;
    this.#redactor = redactor;
    const tls = endpoint.tls ?? config.tls ?? {};
    if (tls.keyPassphrase !== undefined) redactor.learn(tls.keyPassphrase);
    this.tls = new TlsFiles(tls, config.tokenPollMs);
    const proxy = config.proxy === undefined ? null : readProxy(config.proxy, redactor);
    this.#makeDispatcher = () => this.#connectTo(proxy, config);
    this.#dispatcher = this.#makeDispatcher();
  }

  /** New connections take what the files of TLS hold now; requests under way end on the old ones. Calls `onChange` after each change. */
  watchTls(onChange: () => void): void {
    this.tls.watch(() => {
      const old = this.#dispatcher;
      this.#dispatcher = this.#makeDispatcher();
      this.#retired.add(old);
      old.close().then(
        () => this.#retired.delete(old),
        () => this.#retired.delete(old),
      );
      onChange();
    });
  }

  async request(request: HecRequest): Promise<HecAnswer> {
    const startedMs = steadyMs();
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), this.#timeoutMs);
    try {
      const response = await this.#dispatcher.request({
        origin: this.#origin,
        path: this.#prefix + PATHS[request.what],
        method: request.what === 'health' ? 'GET' : 'POST',
        headers: this.#headersOf(request),
        body: request.what === 'health' ? null : request.body,
        signal: abort.signal,
      });
      const body = await readBody(response.body);
      const verdict = parseResponse({
        http: response.statusCode,
        body,
        retryAfter: firstOf(response.headers['retry-after']),
        nowMs: Date.now(),
      });
      return {
        verdict: { ...verdict, text: this.#redactor.redact(verdict.text) },
        acks: request.what === 'ack' ? parseAcks(response.statusCode, body) : null,
        setCookies: allOf(response.headers['set-cookie']),
        startedMs,
        elapsedMs: steadyMs() - startedMs,
      };
    } catch (error) {
      const verdict = verdictOfError(error, abort.signal.aborted);
      return {
        verdict: { ...verdict, text: this.#redactor.redact(verdict.text) },
        acks: null,
        setCookies: [],
        startedMs,
        elapsedMs: steadyMs() - startedMs,
      };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends at once; requests under way end without an answer. */
  async close(): Promise<void> {
    this.tls.close();
    await Promise.all([this.#dispatcher, ...this.#retired].map((one) => one.destroy()));
  }

  #connectTo(proxy: ProxyAddress | null, config: HecConfig): Dispatcher {
    const connect = { ...this.tls.options, timeout: config.connectTimeoutMs };
    // `insecure` is of the endpoint alone.
    const proxyTls = { ...(connect.ca !== undefined && { ca: connect.ca }), timeout: config.connectTimeoutMs };
    const options = {
      connections: config.maxConcurrency + SPARE_CONNECTIONS,
      // The deadline of a request is kept here, over all of it.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    if (proxy === null) return new Pool(this.#origin, { ...options, connect });
    return new ProxyAgent({ ...options, ...proxy, requestTls: connect, proxyTls });
  }

  #headersOf(request: HecRequest): Record<string, string> {
    return {
      authorization: `Splunk ${request.token}`,
      'user-agent': this.#userAgent,
      ...(request.channel !== null && { 'x-splunk-request-channel': request.channel }),
      ...(request.cookie !== '' && { cookie: request.cookie }),
      ...(request.what !== 'health' && { 'content-type': 'application/json' }),
      ...(request.isGzip && { 'content-encoding': 'gzip' }),
    };
  }
}

async function readBody(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    chunks.push(chunk);
    // Leaving the loop closes the connection: the rest is not wanted.
    if (size > MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readProxy(proxy: string, redactor: Redactor): ProxyAddress {
  const url = parseUrl(proxy, 'bad_proxy', redactor);
  if (url.username === '') return { uri: url.origin };
  const password = decodeURIComponent(url.password);
  const pair = `${decodeURIComponent(url.username)}:${password}`;
  redactor.learn(password);
  redactor.learn(pair);
  return { uri: url.origin, token: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function parseUrl(text: string, code: HecError['code'], redactor: Redactor): URL {
  const what = code === 'bad_proxy' ? 'the proxy of HEC' : 'the endpoint of HEC';
  if (!URL.canParse(text)) throw new HecError(code, `${what} is not a URL`);
  const url = new URL(text);
  redactor.learn(url.password);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new HecError(code, `${what} must begin with https:// or http://`);
  }
  return url;
}

function firstOf(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

function allOf(value: string | string[] | undefined): readonly string[] {
  return typeof value === 'string' ? [value] : (value ?? []);
}
