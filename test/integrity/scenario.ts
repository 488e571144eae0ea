/** What a scenario is given and gives back, and the plan that they share. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { SenderPlan } from './sender-plan.ts';

export interface Scenario {
  readonly name: string;
  /** Resolves with what was seen, in lines; what must not be is a complaint. */
  run(options: ScenarioOptions): Promise<ScenarioResult>;
}

export interface ScenarioOptions {
  readonly seed: number;
  /** A folder of its own, on a disk. */
  readonly folder: string;
  readonly events: number;
  readonly say: (line: string) => void;
}

export interface ScenarioResult {
  readonly complaints: readonly string[];
  readonly facts: readonly string[];
  /** Why it could not be done here. */
  readonly skipped?: string;
}

export function basePlan(folder: string, url: string, tokenFile: string): SenderPlan {
  return {
    folder,
    spoolFolder: path.join(folder, 'spool'),
    urls: [url],
    tokenFile,
    bootId: randomUUID(),
    events: 0,
    eventsPerSecond: 20_000,
    policy: 'pause',
    maxBytes: 1024 * 1024 * 1024,
    minFreeBytes: 0,
    // Small, so that a run has many requests and meets every fault.
    batchBytes: 64 * 1024,
    poisonEvery: 0,
    largeBytes: 0,
    ackTimeoutMs: 3_000,
    requestTimeoutMs: 1_000,
    drainMs: 120_000,
  };
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
