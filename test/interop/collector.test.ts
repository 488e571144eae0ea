import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';

import { basePlan, delay } from '../integrity/scenario.ts';
import { SenderProcess } from '../integrity/sender-process.ts';
import { listenOnLoopback } from '../support/hec/listen.ts';
import { Collector } from './collector.ts';
import { whyNoCollector } from './collector-binary.ts';

/** `npm test` sends fewer; `npm run test:interop` what the promise is about. */
const EVENTS = Number(process.env['INTEROP_EVENTS'] ?? 10_000);
const AWAY_MS = 1_000;

const reason = whyNoCollector();
const title = reason === '' ? '' : ` (skipped: ${reason})`;
const folder = mkdtempSync(path.join(tmpdir(), 'spanglass-interop-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.skipIf(reason !== '')(
  `the OpenTelemetry Collector has every event, though it was killed in the middle${title}`,
  { timeout: 300_000 },
  async () => {
    const collector = new Collector(folder, await freePort());
    await collector.start();
    const tokenFile = path.join(folder, 'token');
    writeFileSync(tokenFile, 'interop-token', { mode: 0o600 });
    const plan = { ...basePlan(folder, collector.url, tokenFile), events: EVENTS, eventsPerSecond: EVENTS / 4 };
    const sender = new SenderProcess(plan);
    await delay(2_000);
    await collector.kill();
    await delay(AWAY_MS);
    await collector.start();
    const report = await sender.ended;
    await collector.kill();
    expect(report?.counters).toMatchObject({ emitted: EVENTS, acknowledged: EVENTS, queued: 0, dropped: {} });
    expect(report?.hec.eventsAcknowledged).toBeGreaterThanOrEqual(EVENTS);
    const received = await collector.received();
    const missing = Array.from({ length: EVENTS }, (_, seq) => `${plan.bootId}-${seq}`).filter(
      (id) => !received.has(id),
    );
    expect(missing).toEqual([]);
    expect(received.size).toBe(EVENTS);
  },
);

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listenOnLoopback(server, 0);
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
