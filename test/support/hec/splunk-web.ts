/**
 * Splunk Web, which people reach when they write port 8000 for 8088: every path leads to a login page.
 */
import { createServer, type Server } from 'node:http';

import { htmlAnswer } from './hec-answer.ts';
import { LOOPBACK, listenOnLoopback } from './listen.ts';

export class SplunkWeb {
  readonly #server: Server;
  url = '';

  /** `redirect` answers 303, as Splunk does; `login` answers 200 with HTML, as it does behind some proxies. */
  constructor(manner: 'redirect' | 'login') {
    this.#server = createServer((request, response) => {
      request.resume();
      const answer =
        manner === 'redirect'
          ? htmlAnswer(303, 'See Other', { location: '/en-US/account/login' })
          : htmlAnswer(200, 'Splunk');
      response.writeHead(answer.status, { ...answer.headers, server: 'Splunkd' });
      response.end(answer.body);
    });
  }

  async start(port = 0): Promise<string> {
    this.url = `http://${LOOPBACK}:${await listenOnLoopback(this.#server, port)}`;
    return this.url;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
