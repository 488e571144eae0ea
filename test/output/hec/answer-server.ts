/** A loopback server whose answers a test writes itself: for what depends on the body, and for what no HEC says. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { gunzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { listenOnLoopback } from '../../support/hec/listen.ts';

interface Asked {
  readonly what: 'event' | 'probe' | 'ack' | 'health' | 'other';
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The `seq` of the events in it. */
  readonly seqs: readonly number[];
  readonly isGzip: boolean;
  readonly path: string;
}

export interface Told {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

/** `null`: as a healthy server does. */
export type Script = (asked: Asked) => Told | 'reset' | null;

export interface AnswerServer {
  readonly url: string;
  readonly port: number;
  readonly asked: Asked[];
  script: Script;
  /** All that was taken with a healthy answer, in order. */
  readonly taken: number[];
}

export async function startAnswerServer(script: Script, tls: ServerOptions | null = null): Promise<AnswerServer> {
  const asked: Asked[] = [];
  const taken: number[] = [];
  const state = { script };
  const server = tls === null ? createServer() : createTlsServer(tls);
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const isGzip = request.headers['content-encoding'] === 'gzip';
      const text = (isGzip ? gunzipSync(bytes) : bytes).toString('utf8');
      const one: Asked = {
        what: whatOf(request.url ?? '', text),
        headers: request.headers,
        text,
        seqs: Array.from(text.matchAll(/"seq":(\d+)/g), (match) => Number(match[1])),
        isGzip,
        path: request.url ?? '',
      };
      asked.push(one);
      const told = state.script(one);
      if (told === 'reset') {
        request.socket.resetAndDestroy();
        return;
      }
      if (told === null && one.what === 'event') taken.push(...one.seqs);
      const { status = 200, headers = {}, body = '' } = told ?? healthy(one);
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      response.writeHead(status);
      response.end(body);
    });
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  const port = await listenOnLoopback(server, 0);
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    asked,
    taken,
    get script(): Script {
      return state.script;
    },
    set script(next: Script) {
      state.script = next;
    },
  };
}

export function json(status: number, value: unknown, headers: Told['headers'] = {}): Told {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

function healthy({ what }: Asked): Told {
  if (what === 'health') return json(200, { text: 'HEC is healthy', code: 17 });
  if (what === 'probe') return json(400, { text: 'No data', code: 5 });
  if (what === 'ack') return json(400, { text: 'ACK is disabled', code: 14 });
  return json(200, { text: 'Success', code: 0 });
}

function whatOf(path: string, text: string): Asked['what'] {
  if (path.endsWith('/services/collector/event')) return text === '' ? 'probe' : 'event';
  if (path.endsWith('/services/collector/ack')) return 'ack';
  return path.endsWith('/services/collector/health') ? 'health' : 'other';
}
