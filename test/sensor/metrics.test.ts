import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { findCaptures } from '../../src/capture/find-captures.ts';
import { PROFILES } from '../../src/event/profile.ts';
import { HEC_DEFAULTS } from '../../src/output/hec/hec-config.ts';
import { MetricsServer } from '../../src/output/metrics-server.ts';
import { ScoringMode } from '../../src/score/score.ts';
import { Delivery } from '../../src/sensor/delivery.ts';
import { EventLines } from '../../src/sensor/event-lines.ts';
import { SensorMetrics } from '../../src/sensor/metrics.ts';
import { Pipeline } from '../../src/sensor/pipeline.ts';
import { countsOf } from '../../src/sensor/pipeline-counts.ts';
import { replayCaptures } from '../../src/sensor/replay.ts';
import { HecServer } from '../support/hec/hec-server.ts';

const NEVER = new AbortController().signal;
const PATIENCE = { idleMs: 10_000, ackMs: 10_000 };

/** Value of a sample, or the sum of all with other labels. */
function sumOf(text: string, name: string): number {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

it('serves metrics whose sums hold, and the health, as docs/operating.md lists them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'spanglass-metrics-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const hecServer = new HecServer({ tokens: { 'secret-token': { usesAck: true } } });
  await hecServer.start();
  onTestFinished(() => hecServer.stop());
  const delivery = await Delivery.open({
    sensor: 'test',
    bootIds: ['boot'],
    index: null,
    files: [],
    hec: {
      ...HEC_DEFAULTS,
      token: 'secret-token',
      endpoints: [{ url: hecServer.url, weight: 1 }],
      quarantineFile: join(folder, 'quarantine'),
      ackPollMs: 50,
    },
    spool: { folder: join(folder, 'spool') },
    policy: 'pause',
    healthMs: 60_000,
  });
  const identity = { sensor: 'test', bootId: 'boot' };
  const lines = new EventLines(identity, PROFILES['stream:ssl'], {}, (batch) => void delivery.take(batch));
  let seq = 0;
  const pipeline = new Pipeline(
    {
      onHandshake: (facts) => {
        facts.seq = seq++;
        lines.write(facts);
      },
    },
    { scoring: ScoringMode.Refined },
  );
  const counts = () => ({ pipeline: countsOf(pipeline), live: null });
  const server = new MetricsServer(new SensorMetrics(counts, delivery));
  await server.listen('127.0.0.1', 0);
  onTestFinished(() => server.close());
  const get = async (target: string): Promise<Response> => fetch(`http://${server.address}${target}`);

  const { captures } = await findCaptures(['pcaps']);
  const scrapes: string[] = [];
  const afterBlock = () => {
    lines.flush();
    return delivery.afterBlock();
  };
  const observer = {
    onProgress: () => {},
    onCapture: () => {},
    afterBlock,
  };
  await replayCaptures(captures, pipeline, observer, NEVER);
  scrapes.push(await (await get('/metrics')).text());
  const health = await get('/healthz');
  expect(health.status).toBe(200);
  expect(await health.json()).toMatchObject({ status: 'ok' });
  expect((await get('/')).status).toBe(404);
  expect((await fetch(`http://${server.address}/metrics`, { method: 'POST' })).status).toBe(405);
  expect(await delivery.finish(counts, PATIENCE, NEVER, () => {})).toBe('done');
  scrapes.push(await (await get('/metrics')).text());

  for (const text of scrapes) {
    const parts = ['acknowledged_total', 'queued', 'dropped_total'].map((name) =>
      sumOf(text, `spanglass_events_${name}`),
    );
    expect(sumOf(text, 'spanglass_events_emitted_total')).toBe(parts.reduce((sum, n) => sum + n, 0));
    expect(sumOf(text, 'spanglass_packets_received_total')).toBe(
      sumOf(text, 'spanglass_packets_decoded_total') + sumOf(text, 'spanglass_packets_dropped_total'),
    );
    expect(text).not.toContain('secret-token');
  }
  const last = scrapes[1]!;
  expect(sumOf(last, 'spanglass_run_events_written_total')).toBe(41);
  // With the health event.
  expect(sumOf(last, 'spanglass_events_acknowledged_total')).toBe(42);
  expect(sumOf(last, 'spanglass_hec_ack_seconds_count')).toBeGreaterThan(0);
  expect(last).toMatch(/^spanglass_hec_ack_seconds_bucket\{le="\+Inf"\} \d+$/m);

  const doc = readFileSync('docs/operating.md', 'utf8');
  const names = [...last.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]!);
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) expect(doc).toContain(`\`${name}`);
});
