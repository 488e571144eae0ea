/** Runs a HEC sink in a test: short times, a folder of its own, and a stop that is always awaited. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { HEC_DEFAULTS, type HecConfig } from '../../../src/output/hec/hec-config.ts';
import type { HecStatus } from '../../../src/output/hec/hec-status.ts';
import { HecSink } from '../../../src/output/hec/sender.ts';
import { seededRandom } from '../../support/hec/fault-plan.ts';
import type { MemoryConsumer } from './memory-consumer.ts';

const TOKEN = 'test-token';

/** Milliseconds where an operator has seconds. */
const TEST_TIMES = {
  backoffBaseMs: 4,
  backoffCapMs: 60,
  holdRetryMs: 120,
  ackPollMs: 10,
  ackPollMaxMs: 40,
  ackTimeoutMs: 1_500,
  stopTimeoutMs: 1_000,
  requestTimeoutMs: 700,
  connectTimeoutMs: 500,
  tokenPollMs: 50,
} as const;

export interface RunningSink {
  readonly sink: HecSink;
  readonly changes: readonly HecStatus[];
  /** Stops it, as an operator does. */
  readonly stop: () => Promise<void>;
}

export function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'spanglass-hec-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function testConfig(urls: readonly string[], more: Partial<HecConfig> = {}): HecConfig {
  return {
    ...HEC_DEFAULTS,
    ...TEST_TIMES,
    endpoints: urls.map((url) => ({ url, weight: 1 })),
    ...(more.tokenFile === undefined && { token: TOKEN }),
    quarantineFile: path.join(newFolder(), 'quarantine.ndjson'),
    ...more,
  };
}

export function startSink(config: HecConfig, consumer: MemoryConsumer, seed = 1): RunningSink {
  const changes: HecStatus[] = [];
  const sink = new HecSink(config, { random: seededRandom(seed), onChange: (status) => changes.push(status) });
  const abort = new AbortController();
  const done = sink.start(consumer, abort.signal);
  const stop = async (): Promise<void> => {
    abort.abort();
    await done;
  };
  onTestFinished(stop);
  return { sink, changes, stop };
}

export async function until(isTrue: () => boolean, what: string, timeoutMs = 15_000): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  while (!isTrue()) {
    if (Date.now() > endMs) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function drained(consumer: MemoryConsumer, timeoutMs = 15_000): Promise<void> {
  await until(() => consumer.counters.queued === 0, 'all is settled', timeoutMs);
}

export function quarantineOf(config: HecConfig): readonly unknown[] {
  const lines = readFileSync(config.quarantineFile, 'utf8').trim().split('\n');
  return lines.map((line): unknown => JSON.parse(line));
}
