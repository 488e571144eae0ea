/**
 * `/metrics` for Prometheus and `/healthz` for whoever restarts things, over HTTP, for as long as it is asked for. It says nothing
 * but what it is given, and takes nothing but GET and HEAD.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { escapeUnsafe } from '../bytes/text.ts';
import { OutputError } from './output-error.ts';

/** A scrape takes milliseconds; who takes longer holds a connection for no reason. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Scrapers are one or two. */
const MAX_CONNECTIONS = 16;

export interface MetricsSource {
  readonly contentType: string;
  metrics(): Promise<string>;
  health(): SensorHealth;
}

export interface SensorHealth {
  /** False where somebody has to do something. */
  readonly isWell: boolean;
  readonly fields: Readonly<Record<string, string | number>>;
}

export class MetricsServer {
  readonly #server: Server;
  readonly #source: MetricsSource;
  /** Where it listens, `127.0.0.1:9464`; empty before. */
  address = '';

  constructor(source: MetricsSource) {
    this.#source = source;
    this.#server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      });
    });
    // What is not HTTP gets no answer.
    this.#server.on('clientError', (_error, socket) => socket.destroy());
    // It serves a run, and does not keep it going.
    this.#server.unref();
  }

  /** Rejects with `OutputError` `cannot_open`. */
  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => {
        reject(new OutputError('cannot_open', `can't listen on ${escapeUnsafe(host)}:${port}: ${error.message}`));
      });
      this.#server.listen(port, host, () => {
        const bound = this.#server.address();
        if (bound !== null && typeof bound === 'object') {
          this.address =
            bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
        }
        resolve();
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const target = (request.url ?? '').split('?', 1)[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
    } else if (target === '/metrics') {
      const text = await this.#source.metrics();
      response.writeHead(200, { 'content-type': this.#source.contentType }).end(text);
    } else if (target === '/healthz') {
      const { isWell, fields } = this.#source.health();
      const body = `${JSON.stringify({ status: isWell ? 'ok' : 'failing', ...fields })}\n`;
      response.writeHead(isWell ? 200 : 503, { 'content-type': 'application/json' }).end(body);
    } else {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('/metrics, /healthz\n');
    }
  }
}
